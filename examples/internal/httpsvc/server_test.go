package httpsvc_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/examples/internal/httpsvc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// pipes is a listener in memory, which works in fake time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// serve runs a server for the test and ends it with the test.
func serve(t *testing.T, h http.Handler, opts *httpsvc.Options) *pipes {
	t.Helper()
	ln := newPipes()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- httpsvc.Serve(ctx, ln, h, opts) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return ln
}

func echo() http.Handler {
	m := httpsvc.NewMux(quiet)
	m.Func("POST /echo", func(w http.ResponseWriter, r *http.Request) error {
		var req struct {
			Text string `json:"text"`
			N    int    `json:"n"`
		}
		if err := httpsvc.Decode(w, r, &req); err != nil {
			return err
		}
		return httpsvc.WriteJSON(w, 200, map[string]any{"text": req.Text})
	})
	m.Func("GET /big", func(w http.ResponseWriter, _ *http.Request) error {
		_, err := w.Write(bytes.Repeat([]byte("x"), 1<<20))
		return err
	})
	return m
}

// closedAfter says how long the server leaves the connection open once sent
// has been written to it.
func closedAfter(t *testing.T, c net.Conn) time.Duration {
	t.Helper()
	start := time.Now()
	_, err := io.Copy(io.Discard, c)
	require.NoError(t, err)
	return time.Since(start)
}

func TestTimeouts(t *testing.T) {
	const request = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
	for name, tc := range map[string]struct {
		sent string
		want time.Duration
	}{
		"21 nothing sent":            {"", 5 * time.Second},
		"21 header never ends":       {"GET /big HTTP/1.1\r\nHost: localhost\r\nX: ", 5 * time.Second},
		"22 body never ends":         {request + "{", 15 * time.Second},
		"24 idle after a request":    {request + "{}", 60 * time.Second},
		"18 no request at all":       {"hello\r\n\r\n", 0},
		"18 two Host headers":        {"GET /big HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 0},
		"18 no Host":                 {"GET /big HTTP/1.1\r\n\r\n", 0},
		"18 space before the colon":  {"GET /big HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 0},
		"18 negative Content-Length": {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 0},
		"16 bad escape in the path":  {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := serve(t, echo(), &httpsvc.Options{Logger: quiet}).dial()
				defer c.Close()
				go func() { _, _ = io.WriteString(c, tc.sent) }()
				// net/http waits half a second before it closes after a refusal.
				require.InDelta(t, tc.want.Seconds(), closedAfter(t, c).Seconds(), 0.6)
			})
		})
	}
}

func TestSlowReaderIsCut(t *testing.T) { // 23
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, echo(), &httpsvc.Options{Logger: quiet}).dial()
		defer c.Close()
		_, err := io.WriteString(c, "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
		require.NoError(t, err)
		time.Sleep(31 * time.Second)
		n, _ := io.Copy(io.Discard, c)
		require.Less(t, n, int64(64<<10), "the rest was given up")
	})
}

func TestHeaderTooLarge(t *testing.T) { // 20
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, echo(), &httpsvc.Options{Logger: quiet}).dial()
		defer c.Close()
		go func() {
			_, _ = io.WriteString(c, "GET /big HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 24<<10)+"\r\n\r\n")
		}()
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
	})
}

func TestConnectionLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := serve(t, echo(), &httpsvc.Options{Logger: quiet, MaxConns: 2})
		a, b := ln.dial(), ln.dial()
		defer b.Close()
		c := ln.dial()
		require.Zero(t, closedAfter(t, c), "one too many is closed at once")
		a.Close()
		synctest.Wait()
		d := ln.dial()
		defer d.Close()
		require.Equal(t, 5*time.Second, closedAfter(t, d), "room again")
	})
}

func TestServeEnds(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		select {
		case <-release:
			_, _ = io.WriteString(w, "done")
		case <-r.Context().Done():
		}
	})
	for name, tc := range map[string]struct {
		finish bool
		took   time.Duration
	}{
		"a request under way finishes":    {true, time.Second},
		"one that does not finish is cut": {false, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun, release = make(chan struct{}), make(chan struct{})
				ln := newPipes()
				ctx, cancel := context.WithCancel(t.Context())
				drained := false
				done := make(chan error)
				go func() {
					done <- httpsvc.Serve(ctx, ln, slow, &httpsvc.Options{Logger: quiet, Drain: func(ctx context.Context) {
						deadline, ok := ctx.Deadline()
						drained = ok && time.Until(deadline) == 10*time.Second && ctx.Err() == nil
					}})
				}()
				c := ln.dial()
				defer c.Close()
				_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
				require.NoError(t, err)
				<-begun
				start := time.Now()
				cancel()
				if tc.finish {
					time.Sleep(time.Second)
					close(release)
				}
				answer := make(chan string)
				go func() {
					b, _ := io.ReadAll(c)
					answer <- string(b)
				}()
				require.NoError(t, <-done)
				require.True(t, drained)
				require.InDelta(t, tc.took.Seconds(), time.Since(start).Seconds(), 0.6)
				require.Equal(t, tc.finish, strings.HasSuffix(<-answer, "done"))
			})
		})
	}
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	ln := newPipes()
	require.NoError(t, ln.Close())
	err := httpsvc.Serve(t.Context(), ln, echo(), &httpsvc.Options{Logger: quiet})
	require.True(t, errors.Is(err, net.ErrClosed), "%v", err)
}
