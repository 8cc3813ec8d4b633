package ws

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// An idle connection is one goroutine, or none.
func TestIdleGoroutines(t *testing.T) {
	t.Run("default", func(t *testing.T) { idleGoroutines(t, &Options{}, 1) })
	t.Run("poll", func(t *testing.T) {
		if !canWait {
			t.Skip("there is no poller here")
		}
		idleGoroutines(t, &Options{Poll: true}, 0)
	})
}

func idleGoroutines(t *testing.T, o *Options, each int) {
	const n = 50
	o.Limits.PerUser = -1
	s := start(t, nil, o)
	s.session(t)
	before := settled()
	for range n {
		s.session(t)
	}
	require.LessOrEqual(t, settled()-before, n*each)
}

// A peer that asks and asks and reads nothing fills its own queue only, and does
// not hold up the shutdown.
func TestAskerThatNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		p, _ := s.hello("ann")
		c := func() *conn {
			s.h.mu.Lock()
			defer s.h.mu.Unlock()
			for c := range s.h.conns {
				return c
			}
			return nil
		}()
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for i := 0; ctx.Err() == nil; i++ {
				if p.ws.Write(ctx, 1, fmt.Appendf(nil, `{"type":"ping","id":"q%d"}`, i)) != nil {
					return
				}
			}
		}()
		synctest.Wait()
		c.mu.Lock()
		require.True(t, c.waiting)
		require.LessOrEqual(t, c.replyBytes, maxReplies)
		c.mu.Unlock()
		began := time.Now()
		require.NoError(t, s.h.Shutdown(context.Background()))
		require.Equal(t, lingerTime, time.Since(began))
		cancel()
	})
}

// The handler works over TLS, and behind middleware that wraps the
// ResponseWriter.
func TestWrappedAndEncrypted(t *testing.T) {
	node := newNode(t, nil)
	h := NewHandler(node, authenticate, &Options{Logger: quiet})
	hs := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&lateWriter{ResponseWriter: w}, r)
	}))
	defer hs.Close()
	defer node.Shutdown(context.Background())
	defer h.Shutdown(context.Background())
	c, err := Dial(t.Context(), hs.URL, &DialOptions{
		HTTPClient: hs.Client(), Logger: quiet, Token: func(context.Context) (string, error) { return "ann", nil },
	})
	require.NoError(t, err)
	defer c.Close()
	rooms, _, err := c.Rooms(t.Context(), "", 0)
	require.NoError(t, err)
	_, err = c.Post(t.Context(), rooms[0].ID, chat.Draft{Text: "hi"})
	require.NoError(t, err)
	await(t, c, message("hi"))
}

// lateWriter puts off the header until it is told to write it, as some
// frameworks do.
type lateWriter struct {
	http.ResponseWriter
	status int
}

func (w *lateWriter) WriteHeader(status int)      { w.status = status }
func (w *lateWriter) WriteHeaderNow()             { w.ResponseWriter.WriteHeader(w.status) }
func (w *lateWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A server that can't hand over its connections says so.
func TestNoHijack(t *testing.T) {
	s := start(t, nil, nil)
	r := httptest.NewRequest("GET", "/", nil)
	for _, l := range good(s) {
		name, value, _ := bytes.Cut([]byte(l), []byte(": "))
		r.Header.Set(string(name), string(value))
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	require.GreaterOrEqual(t, w.Code, 500)
	require.Zero(t, s.live())
}

func TestBearerToken(t *testing.T) {
	for in, want := range map[string]string{
		"Bearer abc": "abc", "bearer abc": "abc", "Bearer  abc ": "abc", "Bearer": "", "Bearer ": "", "Basic abc": "", "": "",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", in)
		got, ok := BearerToken(r)
		require.Equal(t, want, got, in)
		require.Equal(t, want != "", ok, in)
	}
}

func TestHints(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		f := restart(10_000)
		d, ok := hintOf(f.reason)
		require.True(t, ok)
		require.Less(t, d, 11*time.Second)
		seen[f.reason] = true
	}
	require.Greater(t, len(seen), 50)
	for _, reason := range []string{"", "retry_after_ms=", "retry_after_ms=-1", "retry_after_ms=x", "retry_after_ms=99999999999", "bye"} {
		_, ok := hintOf(reason)
		require.False(t, ok, reason)
	}
	d, ok := hintOf("retry_after_ms=2000000000")
	require.True(t, ok)
	require.Equal(t, hintMax, d)
}

// The hint is obeyed.
func TestClientWaitsForTheHint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scripted(t, &DialOptions{}, func(n int, p *peer) {
			p.greets("")
			if n == 1 {
				p.ws.Close(codeRestart, "retry_after_ms=23456")
			}
			p.next()
		})
		began := time.Now()
		await(t, c, welcome)
		await(t, c, welcome)
		require.Equal(t, 23456*time.Millisecond, time.Since(began))
	})
}

// HTTP/2 has no upgrade: who comes that way is told, in a form that it may have.
func TestHTTP2(t *testing.T) {
	s := start(t, nil, nil)
	hs := httptest.NewUnstartedServer(s.h)
	hs.EnableHTTP2 = true
	hs.StartTLS()
	defer hs.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, hs.URL, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer ann")
	req.Header.Set("Sec-WebSocket-Protocol", Protocol)
	req.Header.Set("Sec-WebSocket-Version", "13")
	resp, err := hs.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, 2, resp.ProtoMajor)
	require.Equal(t, http.StatusUpgradeRequired, resp.StatusCode)
	require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
	require.NotContains(t, resp.Header, "Upgrade", "which HTTP/2 forbids (RFC 9113, section 8.2.2)")
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	m := members(t, b)
	require.EqualValues(t, http.StatusUpgradeRequired, m["status"])
	require.Equal(t, "bad_request", m["code"])
	require.NotEmpty(t, m["detail"])
	require.Zero(t, s.live())
}
