package stock

import (
	"compress/gzip"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	csvHeader = "Symbol,Date,Time,Open,High,Low,Close,Volume\r\n"
	csvRow    = "AAPL.US,2026-01-02,22:00:09,93.1,94.02,92.8,93.42,51234567\r\n"
)

// source is a Stooq server without a network, so that it works in a bubble,
// and the provider that asks it.
type source struct {
	*Stooq
	asked atomic.Int32
	mu    sync.Mutex
	hosts []string // dialled
}

// newSource must be called in a bubble. The server ends with the test.
func newSource(t *testing.T, o *StooqOptions, answer http.HandlerFunc) *source {
	t.Helper()
	if o == nil {
		o = &StooqOptions{}
	}
	o.URL = "http://quotes.example/q/l/"
	s := &source{}
	var err error
	s.Stooq, err = NewStooq(o)
	require.NoError(t, err)
	s.plug(t, s.client, answer)
	return s
}

// plug connects a client to a server that answers, without a network.
func (s *source) plug(t *testing.T, client *http.Client, answer http.HandlerFunc) {
	t.Helper()

	conns := make(chan net.Conn)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		answer(w, r)
	})}
	served := make(chan error)
	go func() { served <- server.Serve(&pipes{conns: conns, closed: make(chan struct{})}) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) {
		s.mu.Lock()
		s.hosts = append(s.hosts, addr)
		s.mu.Unlock()
		here, there := net.Pipe()
		select {
		case conns <- there:
			return here, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// pipes is a listener of net.Pipe connections.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func write(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func TestStooqAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got *http.Request
		s := newSource(t, &StooqOptions{UserAgent: "test"}, func(w http.ResponseWriter, r *http.Request) {
			got = r
			fmt.Fprint(w, csvHeader+strings.Replace(csvRow, "AAPL.US", "^SPX", 1))
		})
		q, err := s.Quote(t.Context(), "^spx")
		require.NoError(t, err)
		require.Equal(t, "^SPX quote is 93.42.", q.String())
		require.Equal(t, time.Date(2026, 1, 2, 22, 0, 9, 0, time.UTC), q.Time)
		require.Equal(t, "/q/l/?s=%5Espx&f=sd2t2ohlcv&h&e=csv", got.URL.String())
		require.Equal(t, "test", got.UserAgent())
		for _, bad := range []string{"", "../", "a&s=b", "%0d%0a", "http://169.254.169.254/", "a b", "a\r\nHost: x", strings.Repeat("a", 21), "ä"} {
			_, err := s.Quote(t.Context(), bad)
			require.ErrorIs(t, err, ErrUnknownSymbol, bad)
		}
		require.EqualValues(t, 1, s.asked.Load(), "what is no symbol is not asked for")
	})
}

// What a source may do instead of answering, and how often it is asked then.
func TestStooqFailures(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error // nil: a quote
		asked  int32
	}{
		"plain":           {write(csvHeader + csvRow), nil, 1},
		"unknown":         {write(csvHeader + "AAPL.US,N/D,N/D,N/D,N/D,N/D,N/D,N/D\r\n"), ErrUnknownSymbol, 1},
		"HTML with 200":   {write("<!DOCTYPE html><html>prove that you work</html>"), ErrBlocked, 1},
		"JSON with 200":   {write(`{"error":"no"}`), ErrBadResponse, 1},
		"quota text":      {write("Exceeded the daily hits limit"), ErrQuota, 1},
		"access denied":   {write("Access denied"), ErrBlocked, 1},
		"wants a key":     {write("Get your apikey:\n\n1. Open https://…"), ErrBlocked, 1},
		"empty":           {write(""), ErrBadResponse, 1},
		"two quotes":      {write(csvHeader + csvRow + csvRow), ErrBadResponse, 1},
		"endless":         {func(w http.ResponseWriter, _ *http.Request) { endless(w) }, ErrBadResponse, 1},
		"too long":        {write(csvHeader + csvRow + strings.Repeat("\r\n", serverMaxBody)), ErrBadResponse, 1},
		"endless, packed": {packed, ErrBadResponse, 1},
		"404":             {status(404), ErrBadResponse, 1},
		"400":             {status(400), ErrBadResponse, 1},
		"204":             {status(204), ErrBadResponse, 1},
		"401":             {status(401), ErrBlocked, 1},
		"403":             {status(403), ErrBlocked, 1},
		"429":             {status(429), ErrQuota, 1},
		"500":             {status(500), ErrUnavailable, 2},
		"503, be quiet":   {status(503, "Retry-After", "60"), ErrUnavailable, 1},
		"other host":      {status(301, "Location", "http://evil.example/q/l/"), ErrBadResponse, 1},
		"other scheme":    {status(302, "Location", "https://quotes.example/q/l/"), ErrBadResponse, 1},
		"in circles":      {status(302, "Location", "/q/l/?again"), ErrBadResponse, 4},
		"hangs up":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ErrUnavailable, 2},
		"hangs up midway": {hangUp, ErrUnavailable, 2},
		"says nothing":    {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, ErrUnavailable, 1},
		"drips":           {drip, ErrUnavailable, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSource(t, nil, c.answer)
				start := time.Now()
				q, err := s.Quote(t.Context(), "aapl.us")
				require.LessOrEqual(t, time.Since(start), serverTimeout)
				require.Equal(t, c.asked, s.asked.Load())
				for _, h := range s.hosts {
					require.Equal(t, "quotes.example:80", h)
				}
				if c.want == nil {
					require.NoError(t, err)
					require.Equal(t, "AAPL.US quote is $93.42 per share.", q.String())
					return
				}
				require.ErrorIs(t, err, c.want)
				require.Equal(t, Quote{}, q)
			})
		})
	}
}

func endless(w interface{ Write([]byte) (int, error) }) {
	for range 100 {
		if _, err := w.Write([]byte(csvHeader + strings.Repeat(csvRow, 1000))); err != nil {
			return
		}
	}
}

func packed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	endless(z)
	_ = z.Close()
}

func hangUp(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	fmt.Fprint(w, csvHeader)
	panic(http.ErrAbortHandler)
}

func drip(w http.ResponseWriter, r *http.Request) {
	for _, b := range []byte(csvHeader + csvRow) {
		fmt.Fprintf(w, "%c", b)
		w.(http.Flusher).Flush()
		select {
		case <-time.After(time.Second):
		case <-r.Context().Done():
			return
		}
	}
}

// One failure is no reason to give up, and the second try is not at once.
func TestStooqTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := 1
		s := newSource(t, nil, func(w http.ResponseWriter, _ *http.Request) {
			if failures--; failures >= 0 {
				w.WriteHeader(502)
				return
			}
			fmt.Fprint(w, csvHeader+csvRow)
		})
		start := time.Now()
		_, err := s.Quote(t.Context(), "aapl.us")
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(start), stooqRetry/3)
		require.LessOrEqual(t, time.Since(start), stooqRetry)

		failures = 1
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = s.Quote(ctx, "aapl.us")
		require.ErrorIs(t, err, ErrUnavailable, "there is no time for a second one")
		require.EqualValues(t, 3, s.asked.Load())
	})
}

func TestStooqCoolsDown(t *testing.T) {
	date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
		wait   time.Duration
	}{
		"quota":             {write("Exceeded the daily hits limit"), ErrQuota, 10 * time.Minute},
		"blocked":           {write("<html>"), ErrBlocked, 10 * time.Minute},
		"429 with seconds":  {status(429, "Retry-After", "90"), ErrQuota, 90 * time.Second},
		"429 with nonsense": {status(429, "Retry-After", "soon"), ErrQuota, 10 * time.Minute},
		"429 for a year":    {status(429, "Retry-After", "31536000"), ErrQuota, 24 * time.Hour},
		"503 with seconds":  {status(503, "Retry-After", "7"), ErrUnavailable, 7 * time.Second},
		"429 with a date":   {func(w http.ResponseWriter, r *http.Request) { status(429, "Retry-After", date(time.Hour))(w, r) }, ErrQuota, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSource(t, &StooqOptions{CoolDown: 10 * time.Minute}, c.answer)
				_, err := s.Quote(t.Context(), "aapl.us")
				require.ErrorIs(t, err, c.want)
				time.Sleep(c.wait - time.Second)
				_, err = s.Quote(t.Context(), "msft.us")
				require.ErrorIs(t, err, c.want)
				require.ErrorContains(t, err, "asked no more for 1s")
				require.EqualValues(t, 1, s.asked.Load())
				time.Sleep(time.Second)
				_, err = s.Quote(t.Context(), "aapl.us")
				require.ErrorIs(t, err, c.want)
				require.EqualValues(t, 2, s.asked.Load())
			})
		})
	}
}

// The same over a real socket, and one that nobody listens to.
func TestStooqOverTheNetwork(t *testing.T) {
	server := httptest.NewServer(write(csvHeader + csvRow))
	s, err := NewStooq(&StooqOptions{URL: server.URL + "/q/l/"})
	require.NoError(t, err)
	q, err := s.Quote(t.Context(), "AAPL.us")
	require.NoError(t, err)
	require.Equal(t, "AAPL.US", q.Symbol)
	server.Close()
	_, err = s.Quote(t.Context(), "aapl.us")
	require.ErrorIs(t, err, ErrUnavailable)
}

func TestNewStooq(t *testing.T) {
	s, err := NewStooq(nil)
	require.NoError(t, err)
	require.Equal(t, "https://stooq.com/q/l/", s.url.String())
	for _, bad := range []string{"stooq.com", "ftp://stooq.com/", "http://", "http://a/?s=b", "http://a/#b", "http://[", "/q/l/"} {
		_, err := NewStooq(&StooqOptions{URL: bad})
		require.Error(t, err, bad)
	}
	_, err = NewStooq(&StooqOptions{URL: "ftp://user:secret@stooq.com/"})
	require.NotContains(t, err.Error(), "secret")
}
