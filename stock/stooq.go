package stock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// stooqRetry is the longest pause before the second attempt.
const stooqRetry = 300 * time.Millisecond

// StooqOptions are the options of [NewStooq]. nil means all defaults.
type StooqOptions struct {
	// URL is where to ask, without query. Default
	// "https://stooq.com/q/l/".
	URL string

	// CoolDown is how long nothing is asked after the server said that our
	// quota is used up or that we are not welcome, unless it said itself how
	// long. 0 means 1 h.
	CoolDown time.Duration

	// UserAgent names the program that asks. Default "gochat-stockbot".
	UserAgent string
}

// Stooq is a [Provider] that asks a server for the CSV format of stooq.com:
//
//	GET /q/l/?s=aapl.us&f=sd2t2ohlcv&h&e=csv
//
//	Symbol,Date,Time,Open,High,Low,Close,Volume
//	AAPL.US,2026-01-02,22:00:09,93.1,94.02,92.8,93.42,51234567
//
// The price is the column Close; columns are found by their names. The times
// carry no zone and are read as UTC, so they tell the day and little more.
//
// In 2026 stooq.com itself answers programs with 404 or a riddle for browsers.
// Both are an error here and nothing tries to get around them. The format lives
// on in servers of others, for whom the URL is an option.
type Stooq struct {
	url    *url.URL
	opt    StooqOptions
	client *http.Client
	rest   pause
}

// NewStooq returns a provider. It asks nothing yet; the error is about
// o.URL, which must be http or https with a host and without query.
func NewStooq(o *StooqOptions) (*Stooq, error) {
	s := &Stooq{}
	if o != nil {
		s.opt = *o
	}
	if s.opt.URL == "" {
		s.opt.URL = "https://stooq.com/q/l/"
	}
	if s.opt.CoolDown <= 0 {
		s.opt.CoolDown = time.Hour
	}
	if s.opt.UserAgent == "" {
		s.opt.UserAgent = "gochat-stockbot"
	}
	var err error
	if s.url, err = sourceURL(s.opt.URL); err != nil {
		return nil, err
	}
	s.client = newClient()
	return s, nil
}

// Quote asks the server, within 5 s and ctx. When it does not answer, or with
// a status of 500 and more, it is asked a second time, after a short random
// pause.
func (s *Stooq) Quote(ctx context.Context, symbol string) (Quote, error) {
	if !ValidSymbol(symbol) {
		return Quote{}, fmt.Errorf("%w: %.30q", ErrUnknownSymbol, symbol)
	}
	if err := s.rest.err(); err != nil {
		return Quote{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	q, after, err := s.ask(ctx, symbol)
	if errors.Is(err, ErrUnavailable) && after == 0 {
		select {
		case <-time.After(stooqRetry/3 + rand.N(stooqRetry*2/3)):
			q, after, err = s.ask(ctx, symbol)
		case <-ctx.Done():
		}
	}
	if errors.Is(err, ErrQuota) || errors.Is(err, ErrBlocked) || errors.Is(err, ErrUnavailable) && after > 0 {
		if after <= 0 {
			after = s.opt.CoolDown
		}
		s.rest.begin(after, err)
	}
	return q, err
}

// ask makes one request. after is how long the server wants to be left alone, 0
// when it did not say.
func (s *Stooq) ask(ctx context.Context, symbol string) (q Quote, after time.Duration, err error) {
	u := *s.url
	u.RawQuery = "s=" + url.QueryEscape(symbol) + "&f=sd2t2ohlcv&h&e=csv"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return Quote{}, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	req.Header.Set("Accept", "text/csv, text/plain")
	req.Header.Set("User-Agent", s.opt.UserAgent)
	resp, err := s.client.Do(req)
	if err != nil {
		return Quote{}, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer resp.Body.Close()
	if after, err := refusedBy(resp); err != nil {
		return Quote{}, after, err
	}
	body, err := readBody(resp)
	if err != nil {
		return Quote{}, 0, err
	}
	q, err = parseCSV(body, symbol)
	return q, 0, err
}

// retryAfter reads the header of RFC 9110, section 10.2.3: seconds or a date.
// What it can't read is 0, and nobody is left alone for more than a day.
func retryAfter(h string) time.Duration {
	const most = 24 * time.Hour
	if s, err := strconv.ParseUint(h, 10, 31); err == nil {
		return min(time.Duration(s)*time.Second, most)
	}
	if t, err := http.ParseTime(h); err == nil {
		return min(max(time.Until(t), 0), most)
	}
	return 0
}
