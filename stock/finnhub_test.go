package stock

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const finnhubBody = `{"c":93.42,"d":0.3,"dp":0.32,"h":94.02,"l":92.8,"o":93.1,"pc":93.12,"t":1767391200}`

// newFinnhub must be called in a bubble, as newSource.
func newFinnhub(t *testing.T, o *FinnhubOptions, answer http.HandlerFunc) (*Finnhub, *source) {
	t.Helper()
	if o == nil {
		o = &FinnhubOptions{}
	}
	o.URL = "http://quotes.example/quote"
	f, err := NewFinnhub("the-key", o)
	require.NoError(t, err)
	s := &source{}
	s.plug(t, f.client, answer)
	return f, s
}

func TestFinnhubAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got *http.Request
		f, s := newFinnhub(t, nil, func(w http.ResponseWriter, r *http.Request) {
			got = r
			fmt.Fprint(w, finnhubBody)
		})
		for symbol, want := range map[string]struct{ asked, said string }{
			"aapl.us": {"AAPL", "AAPL.US quote is $93.42 per share."},
			"aapl":    {"AAPL", "AAPL quote is $93.42 per share."},
			"sap.de":  {"SAP.DE", "SAP.DE quote is 93.42 EUR per share."},
			"vod.l":   {"VOD.L", "VOD.L quote is 93.42."},
			"^gspc":   {"%5EGSPC", "^GSPC quote is 93.42."},
			"brk-b":   {"BRK-B", "BRK-B quote is $93.42 per share."},
		} {
			q, err := f.Quote(t.Context(), symbol)
			require.NoError(t, err)
			require.Equal(t, want.said, q.String())
			require.Equal(t, "/quote?symbol="+want.asked, got.URL.String(), "the key is not in it")
			require.Equal(t, "the-key", got.Header.Get("X-Finnhub-Token"))
			require.Equal(t, time.Date(2026, 1, 2, 22, 0, 0, 0, time.UTC), q.Time)
		}
		before := s.asked.Load()
		for _, bad := range []string{"", "a&token=b", "../", "a b", "a\r\nX: y"} {
			_, err := f.Quote(t.Context(), bad)
			require.ErrorIs(t, err, ErrUnknownSymbol, bad)
		}
		require.Equal(t, before, s.asked.Load())
	})
}

func TestFinnhubFailures(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"unknown":          {write(`{"c":0,"d":null,"dp":null,"h":0,"l":0,"o":0,"pc":0,"t":0}`), ErrUnknownSymbol},
		"unknown, 0.00":    {write(`{"c":0.00}`), ErrUnknownSymbol},
		"no price":         {write(`{}`), ErrBadResponse},
		"null":             {write(`{"c":null}`), ErrBadResponse},
		"negative":         {write(`{"c":-1}`), ErrBadResponse},
		"exponent":         {write(`{"c":1e3}`), ErrBadResponse},
		"zero, exponent":   {write(`{"c":0e999999999999}`), ErrBadResponse},
		"too much":         {write(`{"c":1000000000}`), ErrBadResponse},
		"string":           {write(`{"c":"93.42"}`), ErrBadResponse},
		"object":           {write(`{"c":{}}`), ErrBadResponse},
		"array":            {write(`[93.42]`), ErrBadResponse},
		"two":              {write(finnhubBody + finnhubBody), ErrBadResponse},
		"cut":              {write(finnhubBody[:20]), ErrBadResponse},
		"empty":            {write(""), ErrBadResponse},
		"HTML":             {write("<!DOCTYPE html><html>"), ErrBlocked},
		"endless":          {func(w http.ResponseWriter, _ *http.Request) { endless(w) }, ErrBadResponse},
		"endless, packed":  {packed, ErrBadResponse},
		"400":              {status(400), ErrBadResponse},
		"401":              {status(401), ErrBlocked},
		"403":              {status(403), ErrBlocked},
		"429":              {status(429), ErrQuota},
		"500":              {status(500), ErrUnavailable},
		"other host":       {status(301, "Location", "http://evil.example/quote"), ErrBadResponse},
		"hangs up":         {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ErrUnavailable},
		"says nothing":     {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, ErrUnavailable},
		"drips":            {drip, ErrUnavailable},
		"odd time is none": {write(`{"c":93.42,"t":"soon"}`), nil},
		"late time":        {write(`{"c":93.42,"t":99999999999999999999}`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, s := newFinnhub(t, nil, c.answer)
				start := time.Now()
				q, err := f.Quote(t.Context(), "aapl.us")
				require.LessOrEqual(t, time.Since(start), serverTimeout)
				for _, h := range s.hosts {
					require.Equal(t, "quotes.example:80", h, "the key goes nowhere else")
				}
				require.ErrorIs(t, err, c.want)
				if c.want != nil {
					require.Equal(t, Quote{}, q)
					require.NotContains(t, err.Error(), "the-key")
					return
				}
				require.True(t, q.Time.IsZero())
			})
		})
	}
}

func TestFinnhubCoolsDown(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
		wait   time.Duration
	}{
		"quota":            {status(429), ErrQuota, 2 * time.Minute},
		"quota, told":      {status(429, "Retry-After", "30"), ErrQuota, 30 * time.Second},
		"bad key":          {status(401), ErrBlocked, 2 * time.Minute},
		"503 with seconds": {status(503, "Retry-After", "7"), ErrUnavailable, 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, s := newFinnhub(t, &FinnhubOptions{CoolDown: 2 * time.Minute}, c.answer)
				for range 3 {
					_, err := f.Quote(t.Context(), "aapl.us")
					require.ErrorIs(t, err, c.want)
				}
				require.EqualValues(t, 1, s.asked.Load())
				time.Sleep(c.wait)
				_, err := f.Quote(t.Context(), "msft.us")
				require.ErrorIs(t, err, c.want)
				require.EqualValues(t, 2, s.asked.Load())
			})
		})
	}
}

func TestNewFinnhub(t *testing.T) {
	f, err := NewFinnhub("k", nil)
	require.NoError(t, err)
	require.Equal(t, "https://finnhub.io/api/v1/quote", f.url.String())
	for _, key := range []string{"", " ", "a\nb", "ä"} {
		_, err := NewFinnhub(key, nil)
		require.Error(t, err)
	}
	_, err = NewFinnhub("k", &FinnhubOptions{URL: "ftp://x/"})
	require.Error(t, err)

	server := httptest.NewServer(write(finnhubBody)) // a real socket
	defer server.Close()
	f, err = NewFinnhub("k", &FinnhubOptions{URL: server.URL})
	require.NoError(t, err)
	_, err = f.Quote(t.Context(), "aapl.us")
	require.NoError(t, err)
}

func FuzzParseFinnhub(f *testing.F) {
	for _, s := range []string{finnhubBody, `{"c":0}`, `{"c":null,"t":null}`, `{"C":1,"c":2}`, "<html>", "", `{"c":0.000000000000000000001}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := parseFinnhub(body, "AAPL.US")
		if err != nil {
			require.Equal(t, Quote{}, q)
			return
		}
		require.True(t, q.Price.IsPositive())
		require.False(t, strings.Contains(q.String(), "$0.00 "))
	})
}

func TestFallback(t *testing.T) {
	var asked string
	p := func(name string, err error) Provider {
		return provider(func(ctx context.Context, symbol string) (Quote, error) {
			asked += name
			if err != nil {
				return Quote{}, fmt.Errorf("%s: %w", name, err)
			}
			return Sample{}.Quote(ctx, symbol)
		})
	}
	free := provider(func(context.Context, string) (Quote, error) { asked += "0"; return Quote{}, nil })
	for name, c := range map[string]struct {
		providers []Provider
		asked     string
		err       error
	}{
		"first":            {[]Provider{p("a", nil), p("b", nil)}, "a", nil},
		"second":           {[]Provider{p("a", ErrQuota), p("b", nil)}, "ab", nil},
		"unknown to one":   {[]Provider{p("a", ErrUnknownSymbol), p("b", nil)}, "ab", nil},
		"unknown to all":   {[]Provider{p("a", ErrUnknownSymbol), p("b", ErrUnknownSymbol)}, "ab", ErrUnknownSymbol},
		"one is down":      {[]Provider{p("a", ErrUnavailable), p("b", ErrUnknownSymbol)}, "ab", ErrUnavailable},
		"first failure":    {[]Provider{p("a", ErrQuota), p("b", ErrUnavailable)}, "ab", ErrQuota},
		"a price of 0":     {[]Provider{free, p("b", nil)}, "0b", nil},
		"only prices of 0": {[]Provider{free}, "0", ErrBadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			asked = ""
			q, err := Fallback(c.providers...).Quote(t.Context(), "aapl.us")
			require.Equal(t, c.asked, asked)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.err == nil, q.Price.IsPositive())
		})
	}
	asked = ""
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Fallback(p("a", context.Canceled), p("b", nil)).Quote(ended, "aapl.us")
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, "a", asked, "nobody waits any more")
	require.Panics(t, func() { Fallback() })
}
