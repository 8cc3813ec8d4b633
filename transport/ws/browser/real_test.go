package browser_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/sqlite"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/internal/faultproxy"
	"github.com/carlware/gochat/transport/ws"
)

// realServer is a chat that real.test.mjs talks to and does things to. Tokens
// are "name" or "name until", until in ms since 1970.
type realServer struct {
	t     *testing.T
	path  string // of the store
	proxy *faultproxy.Proxy

	mu      sync.Mutex // held while it restarts
	store   *sqlite.Store
	node    *chat.Node
	sockets *ws.Handler
	now     atomic.Pointer[ws.Handler] // nil while it restarts

	refused, renewed atomic.Int64
}

func (s *realServer) principal(token string) (chat.Principal, error) {
	name, until, timed := strings.Cut(token, "_")
	p := chat.Principal{User: chat.User{ID: chat.UserID("u-" + name), Name: name}, Session: "login-" + name}
	if timed {
		ms, err := strconv.ParseInt(until, 10, 64)
		if err != nil {
			return p, err
		}
		p.Expires = time.UnixMilli(ms)
	}
	if !p.Expires.IsZero() && time.Now().After(p.Expires) || name == "nobody" {
		s.refused.Add(1)
		return p, chat.ErrExpired
	}
	return p, nil
}

func (s *realServer) start() {
	bot := command.NewBot("echo", nil)
	command.Handle(bot, "echo", "Says it again", func(_ context.Context, c *command.Call, args struct {
		Text string `cmd:"text,rest"`
	}) error {
		if args.Text == "privately" {
			return c.Ephemeral("only you")
		}
		return c.Say(args.Text)
	})
	quiet := slog.New(slog.DiscardHandler)
	var err error
	s.store, err = sqlite.Open(context.Background(), s.path, nil)
	require.NoError(s.t, err)
	s.node, err = chat.New(&chat.Options{
		Store: s.store, Lobby: "general", Commands: bot, Logger: quiet,
		Limits: chat.Limits{Messages: chat.Unlimited, Commands: chat.Unlimited, Requests: chat.Unlimited},
	})
	require.NoError(s.t, err)
	s.sockets = ws.NewHandler(s.node, func(r *http.Request) (chat.Principal, error) {
		token, _ := ws.BearerToken(r)
		return s.principal(token)
	}, &ws.Options{
		Logger: quiet,
		Limits: ws.Limits{UserRate: chat.Unlimited},
		Reauthenticate: func(_ context.Context, token string) (chat.Principal, error) {
			s.renewed.Add(1)
			return s.principal(token)
		},
	})
	s.now.Store(s.sockets)
}

func (s *realServer) stop() {
	s.now.Store(nil)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(s.t, s.sockets.Shutdown(ctx))
	require.NoError(s.t, s.node.Shutdown(ctx))
	require.NoError(s.t, s.store.Close())
}

func (s *realServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := s.now.Load(); h != nil {
		h.ServeHTTP(w, r)
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
}

// control does what the test asks for by the path.
func (s *realServer) control(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.URL.Path {
	case "/cut":
		s.proxy.Cut()
	case "/refuse":
		s.proxy.Refuse()
	case "/resume":
		s.proxy.Resume()
	case "/halfopen":
		s.proxy.HalfOpen()
	case "/restart":
		s.stop()
		s.start()
	case "/revoke":
		err := s.node.Revoke(r.Context(), chat.Revocation{
			User: chat.UserID("u-" + r.FormValue("user")), Before: time.Now(), Until: time.Now().Add(time.Hour),
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	case "/counts":
		_ = json.NewEncoder(w).Encode(map[string]int64{"refused": s.refused.Load(), "renewed": s.renewed.Load()})
	default:
		http.NotFound(w, r)
	}
}

// The module against a real server, through connections that break.
func TestModuleWithServer(t *testing.T) {
	node := findNode(t)
	s := &realServer{t: t, path: filepath.Join(t.TempDir(), "chat.db")}
	s.start()
	defer func() { s.stop() }()
	serve := func(h http.Handler) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
		go func() { _ = srv.Serve(ln) }()
		t.Cleanup(func() { require.NoError(t, srv.Close()) })
		return ln.Addr().String()
	}
	s.proxy = faultproxy.New(t, serve(s))
	control := serve(http.HandlerFunc(s.control))

	// Node.js has a WebSocket of its own from 22 on, and before with this flag.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "--experimental-websocket", "--test", "real.test.mjs")
	cmd.Env = append(os.Environ(), "GOCHAT_TEST_URL=ws://"+s.proxy.Addr(), "GOCHAT_TEST_CONTROL=http://"+control)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "# skipped 0")
}

func findNode(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("node is needed where CI=true")
		}
		t.Skip("no node on this machine; CI has one")
	}
	return node
}
