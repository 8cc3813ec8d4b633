package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// backend is a service that says its name and by what host it was asked.
type backend struct {
	*httptest.Server
	unready atomic.Bool
}

func newBackend(t *testing.T, name string) *backend {
	t.Helper()
	b := &backend{}
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if b.unready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"gochat.v1"}})
		if err != nil {
			return
		}
		defer c.CloseNow()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = c.Write(ctx, websocket.MessageText, []byte(name))
		_, _, _ = c.Read(ctx)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, name+" as "+r.Host+" for "+r.Header.Get("X-Forwarded-For")+" "+r.URL.Path)
	})
	b.Server = httptest.NewServer(mux)
	t.Cleanup(b.Close)
	return b
}

// serve runs a gateway to services until the test ends.
func serve(t *testing.T, auth string, rooms ...string) (url string, g *gateway) {
	t.Helper()
	g, err := newGateway(auth, rooms, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	s := httptest.NewServer(g.handler())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); g.nodes.watch(ctx) }()
	t.Cleanup(func() {
		stop()
		<-ended
		s.Close()
		http.DefaultClient.CloseIdleConnections()
		g.auth.Transport.(*http.Transport).CloseIdleConnections()
	})
	return s.URL, g
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(b)
}

func (p *pool) countReady() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, node := range p.nodes {
		if node.ready {
			n++
		}
	}
	return n
}

func connect(t *testing.T, url string) (name string, c *websocket.Conn) {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), url+"/ws", &websocket.DialOptions{Subprotocols: []string{"gochat.v1"}})
	require.NoError(t, err)
	t.Cleanup(func() { c.CloseNow() })
	require.Equal(t, "gochat.v1", c.Subprotocol())
	_, b, err := c.Read(t.Context())
	require.NoError(t, err)
	return string(b), c
}

func TestGateway(t *testing.T) {
	auth, one, two := newBackend(t, "auth"), newBackend(t, "one"), newBackend(t, "two")
	url, g := serve(t, auth.URL, one.URL, two.URL)
	require.Eventually(t, func() bool { return g.nodes.countReady() == 2 }, patience, 5*time.Millisecond)
	host := url[len("http://"):]

	_, body := get(t, url+"/auth/config")
	require.Equal(t, "auth as "+host+" for 127.0.0.1 /auth/config", body)
	_, body = get(t, url+"/.well-known/jwks.json")
	require.Contains(t, body, "auth")
	status, _ := get(t, url+"/internal/users")
	require.Equal(t, http.StatusNotFound, status, "what services tell each other is not for everybody")
	status, body = get(t, url+"/")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "<!doctype html>")
	status, _ = get(t, url+"/readyz")
	require.Equal(t, http.StatusOK, status)

	// Connections are shared out, and go on while a service is not ready.
	count := map[string]int{}
	conns := map[string]*websocket.Conn{}
	for range 6 {
		name, c := connect(t, url)
		count[name]++
		conns[name] = c
	}
	require.Equal(t, map[string]int{"one": 3, "two": 3}, count)
	one.unready.Store(true)
	require.Eventually(t, func() bool { return g.nodes.countReady() == 1 }, patience, 5*time.Millisecond)
	for range 3 {
		name, _ := connect(t, url)
		require.Equal(t, "two", name)
	}
	one.unready.Store(false)
	require.NoError(t, conns["one"].Write(t.Context(), websocket.MessageText, []byte("bye")))

	// One that has died is passed over at once, also before anybody noticed.
	require.Eventually(t, func() bool { return g.nodes.countReady() == 2 }, patience, 5*time.Millisecond)
	one.CloseClientConnections()
	one.Close()
	for range 3 {
		name, _ := connect(t, url)
		require.Equal(t, "two", name)
	}
	_, body = get(t, url+"/api/rooms")
	require.Contains(t, body, "two as "+host)

	two.CloseClientConnections()
	two.Close()
	status, _ = get(t, url+"/api/rooms")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Eventually(t, func() bool {
		status, _ := get(t, url+"/readyz")
		return status == http.StatusServiceUnavailable
	}, patience, 5*time.Millisecond)
	status, _ = get(t, url+"/healthz")
	require.Equal(t, http.StatusOK, status)
}

func TestWrongAddresses(t *testing.T) {
	for name, tt := range map[string]struct {
		auth  string
		rooms []string
	}{
		"no chatrooms":  {"http://127.0.0.1:1", nil},
		"not a URL":     {"127.0.0.1:1", []string{"http://127.0.0.1:1"}},
		"with a path":   {"http://127.0.0.1:1", []string{"http://127.0.0.1:1/chat"}},
		"with a secret": {"http://me:secret@127.0.0.1:1", []string{"http://127.0.0.1:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newGateway(tt.auth, tt.rooms, slog.Default())
			require.Error(t, err)
		})
	}
}
