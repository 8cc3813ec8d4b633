package stock

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
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
	*server
}

// NewStooq returns a provider. It asks nothing yet; the error is about
// o.URL, which must be http or https with a host and without query.
func NewStooq(o *StooqOptions) (*Stooq, error) {
	var opt StooqOptions
	if o != nil {
		opt = *o
	}
	s, err := newServer(cmp.Or(opt.URL, "https://stooq.com/q/l/"), opt.UserAgent, opt.CoolDown, time.Hour)
	if err != nil {
		return nil, err
	}
	return &Stooq{s}, nil
}

// Quote asks the server, within 5 s and ctx. When it does not answer, or with
// a status of 500 and more, it is asked a second time, after a short random
// pause.
func (s *Stooq) Quote(ctx context.Context, symbol string) (Quote, error) {
	return s.quote(ctx, symbol, func(ctx context.Context) (Quote, time.Duration, error) {
		q, after, err := s.ask(ctx, symbol)
		if errors.Is(err, ErrUnavailable) && after == 0 {
			select {
			case <-time.After(stooqRetry/3 + rand.N(stooqRetry*2/3)):
				q, after, err = s.ask(ctx, symbol)
			case <-ctx.Done():
			}
		}
		return q, after, err
	})
}

func (s *Stooq) ask(ctx context.Context, symbol string) (q Quote, after time.Duration, err error) {
	body, after, err := s.get(ctx, "s="+url.QueryEscape(symbol)+"&f=sd2t2ohlcv&h&e=csv", http.Header{"Accept": {"text/csv, text/plain"}})
	if err != nil {
		return Quote{}, after, err
	}
	q, err = parseCSV(body, symbol)
	return q, 0, err
}
