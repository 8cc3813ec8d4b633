package stock

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// FinnhubOptions are the options of [NewFinnhub]. nil means all defaults.
type FinnhubOptions struct {
	// URL is where to ask, without query. Default
	// "https://finnhub.io/api/v1/quote".
	URL string

	// CoolDown is how long nothing is asked after the quota is used up, unless
	// the server says itself how long, and after it refused the key. 0 means
	// 1 min, the period of its quota.
	CoolDown time.Duration

	// UserAgent names the program that asks. Default "gochat-stockbot".
	UserAgent string
}

// Finnhub is a [Provider] that asks finnhub.io, which wants a key:
//
//	GET /api/v1/quote?symbol=AAPL
//	X-Finnhub-Token: <key>
//
//	{"c":93.42,"d":0.3,"dp":0.32,"h":94.02,"l":92.8,"o":93.1,"pc":93.12,"t":1767391200}
//
// The price is c, and c of 0 is how it says that it knows no such symbol. Its
// names of shares in the United States have no ending: AAPL.US is asked for as
// AAPL, and both have their price in USD. The ending of another market is left
// as it is.
type Finnhub struct {
	*server
	key string
}

// NewFinnhub returns a provider that asks with key. It asks nothing yet; the
// error is about an empty key or o.URL, as for [NewStooq].
func NewFinnhub(key string, o *FinnhubOptions) (*Finnhub, error) {
	var opt FinnhubOptions
	if o != nil {
		opt = *o
	}
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("stock: the key is empty or not plain text") // not shown
	}
	s, err := newServer(cmp.Or(opt.URL, "https://finnhub.io/api/v1/quote"), opt.UserAgent, opt.CoolDown, time.Minute)
	if err != nil {
		return nil, err
	}
	return &Finnhub{s, key}, nil
}

// Quote asks the server, once, within 5 s and ctx.
func (f *Finnhub) Quote(ctx context.Context, symbol string) (Quote, error) {
	return f.quote(ctx, symbol, func(ctx context.Context) (Quote, time.Duration, error) {
		return f.ask(ctx, strings.ToUpper(symbol))
	})
}

func (f *Finnhub) ask(ctx context.Context, symbol string) (q Quote, after time.Duration, err error) {
	ticker, _ := strings.CutSuffix(symbol, ".US")
	body, after, err := f.get(ctx, "symbol="+url.QueryEscape(ticker), http.Header{
		"Accept":          {"application/json"},
		"X-Finnhub-Token": {f.key}, // not in the query, which ends in logs
	})
	if err != nil {
		return Quote{}, after, err
	}
	q, err = parseFinnhub(body, symbol)
	return q, 0, err
}

// parseFinnhub reads the quote of symbol, which is in upper case.
func parseFinnhub(body []byte, symbol string) (Quote, error) {
	var a struct {
		C json.RawMessage `json:"c"`
		T json.RawMessage `json:"t"`
	}
	if strings.HasPrefix(strings.TrimSpace(string(body[:min(len(body), 64)])), "<") {
		return Quote{}, fmt.Errorf("%w: HTML", ErrBlocked)
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return Quote{}, fmt.Errorf("%w: %w", ErrBadResponse, err)
	}
	c := string(a.C)
	if zero, err := decimal.NewFromString(c); len(c) <= 20 && err == nil && zero.IsZero() {
		return Quote{}, fmt.Errorf("%w: %s", ErrUnknownSymbol, symbol)
	}
	price, err := parsePrice(c)
	if err != nil {
		return Quote{}, err
	}
	q := Quote{Symbol: symbol, Price: price, Currency: currencyOf(strings.ToLower(symbol))}
	if !strings.ContainsAny(symbol, ".^") {
		q.Currency = "USD"
	}
	var seconds int64
	if json.Unmarshal(a.T, &seconds) == nil && seconds > 0 && seconds < 1<<33 {
		q.Time = time.Unix(seconds, 0).UTC()
	}
	return q, nil
}
