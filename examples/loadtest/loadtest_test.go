package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/proctest"
	"github.com/carlware/gochat/transport/ws"
)

func TestMain(m *testing.M) { proctest.Main(leaks{m}, main) }

// leaks runs the tests and looks for goroutines that are left.
type leaks struct{ m *testing.M }

func (l leaks) Run() int {
	code := l.m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// try runs the program against a server with two users.
func try(t *testing.T, url string, change func(c *config)) (report string, err error) {
	t.Helper()
	tokens := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(tokens, []byte("ann\n# a comment\n\nbob\n"), 0o600))
	c := config{
		url: url, tokens: tokens, sessions: 6, rooms: 1, rate: 100, size: 20, ramp: 10 * time.Millisecond,
		duration: 300 * time.Millisecond, wait: 500 * time.Millisecond,
	}
	if change != nil {
		change(&c)
	}
	require.NoError(t, c.complete())
	var out bytes.Buffer
	err = run(t.Context(), c, &out)
	return out.String(), err
}

// row returns what the report says in the row.
func row(t *testing.T, report, name string) string {
	t.Helper()
	for line := range strings.Lines(report) {
		if rest, ok := strings.CutPrefix(line, name+"  "); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("there is no row %q in\n%s", name, report)
	return ""
}

// newChat is a real chat, in which every name is a token.
func newChat(t *testing.T, o *chat.Options) string {
	t.Helper()
	node, err := chat.New(o)
	require.NoError(t, err)
	h := ws.NewHandler(node, func(r *http.Request) (chat.Principal, error) {
		name, ok := ws.BearerToken(r)
		if !ok {
			return chat.Principal{}, chat.ErrForbidden
		}
		return chat.Principal{User: chat.User{ID: chat.UserID("u-" + name), Name: name}}, nil
	}, nil)
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		require.NoError(t, h.Shutdown(context.Background()))
		require.NoError(t, node.Shutdown(context.Background()))
		srv.Close()
	})
	return srv.URL
}

func unlimited() *chat.Options {
	return &chat.Options{Lobby: "general", Limits: chat.Limits{Messages: chat.Unlimited, Rooms: chat.Unlimited}}
}

func TestRealChat(t *testing.T) {
	for name, tc := range map[string]struct {
		change     func(c *config)
		deliveries string
	}{
		"one room":         {nil, "180,"},
		"a room each":      {func(c *config) { c.rooms = 2 }, "90,"},
		"more than users":  {func(c *config) { c.rooms = 7 }, "90,"},
		"the lobby":        {func(c *config) { c.room = "general" }, "180,"},
		"the size of text": {func(c *config) { c.size = maxSize }, "180,"},
		"one session":      {func(c *config) { c.sessions = 1 }, "30,"},
		"nothing":          {func(c *config) { c.rate = 0 }, "0,"},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := try(t, newChat(t, unlimited()), tc.change)
			require.NoError(t, err, report)
			require.True(t, strings.HasPrefix(row(t, report, "deliveries"), tc.deliveries), report)
			require.NotContains(t, report, "violation")
		})
	}
}

// Sessions whose connections break resume, what they had posted is sent again,
// and nothing is lost or doubled.
func TestBrokenConnections(t *testing.T) {
	report, err := try(t, newChat(t, unlimited()), func(c *config) {
		c.sessions, c.cut, c.duration, c.wait = 10, 100, time.Second, 20*time.Second
	})
	require.NoError(t, err, report)
	require.NotEqual(t, "0", row(t, report, "reconnects"))
	require.Contains(t, row(t, report, "messages"), "100 stored")
}

func TestTooFewUsers(t *testing.T) {
	report, err := try(t, newChat(t, nil), nil)
	require.ErrorContains(t, err, "use more users", report)
}

// What is refused is told, and is neither lost nor an error.
func TestRefusals(t *testing.T) {
	report, err := try(t, newChat(t, &chat.Options{Lobby: "general", Intercept: func(context.Context, *chat.Intercepted) error {
		return chat.ErrForbidden
	}}), func(c *config) { c.rate = 20 })
	require.NoError(t, err, report)
	require.Equal(t, "6 messages: forbidden (6×)", row(t, report, "refused"))
}

// A server that does something wrong, the more so the later.
type faulty struct {
	fault string

	mu    sync.Mutex
	seq   int64
	conns []*websocket.Conn
	held  []string
	acks  int
}

func (s *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.fault == "refuses" {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"gochat.v1"}})
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		_, b, err := c.Read(r.Context())
		if err != nil {
			return
		}
		var q struct{ Type, ID, Room string }
		if json.Unmarshal(b, &q) != nil {
			return
		}
		s.mu.Lock()
		s.answer(c, q.Type, q.ID)
		s.mu.Unlock()
	}
}

func say(c *websocket.Conn, format string, args ...any) {
	_ = c.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, format, args...))
}

func (s *faulty) answer(c *websocket.Conn, typ, id string) {
	switch typ {
	case "hello":
		if s.fault == "closes for good" && s.seq >= 5 {
			_ = c.Close(4503, "go away")
			return
		}
		if s.seq > 0 || id == "h" {
			s.conns = append(s.conns, c)
		}
		say(c, `{"type":"welcome","re":"%s","user":{"id":"u"},"epoch":"e","limits":{},"rooms":[{"id":"r","head":%d}]}`, id, s.seq)
	case "create_room":
		say(c, `{"type":"ok","re":"%s","room":"r"}`, id)
	case "message":
		if s.fault == "does not answer" && s.acks > 5 {
			return
		}
		s.acks++
		s.seq++
		say(c, `{"type":"ok","re":"%s","room":"r","seq":%d}`, id, s.seq)
		s.deliver(id)
	default:
		say(c, `{"type":"ok","re":"%s"}`, id)
	}
}

func (s *faulty) deliver(id string) {
	event := func(seq int64, id string) string {
		return fmt.Sprintf(`{"type":"event","room":"r","seq":%d,"id":"%s","kind":"message"}`, seq, id)
	}
	e := event(s.seq, id)
	for i, c := range s.conns {
		odd := s.seq%10 == 5 && i == 2
		switch {
		case odd && s.fault == "loses", s.fault == "loses the end" && i == 2 && s.seq > 20:
		case odd && s.fault == "repeats":
			say(c, "%s", e)
			say(c, "%s", e)
		case odd && s.fault == "reorders":
			s.held = append(s.held, e)
		case odd && s.fault == "contradicts":
			say(c, "%s", event(s.seq, "0123456789abcdef"))
		case odd && s.fault == "says it is void":
			say(c, `{"type":"gap","room":"r","after":0,"head":%d,"reset":true}`, s.seq)
		case odd && s.fault == "leaves out":
			say(c, `{"type":"gap","room":"r","after":%d,"head":%d}`, s.seq-1, s.seq)
		case odd && s.fault == "closes for good":
			_ = c.CloseNow()
		default:
			say(c, "%s", e)
			if i == 2 {
				for _, late := range s.held {
					say(c, "%s", late)
				}
				s.held = nil
			}
		}
	}
	if s.fault == "stores twice" && s.seq%10 == 5 {
		s.seq++
		for _, c := range s.conns {
			say(c, "%s", event(s.seq, id))
		}
	}
}

func TestFindsFaults(t *testing.T) {
	for fault, want := range map[string]struct{ row, value, err string }{
		"nothing":         {"lost", "0", ""},
		"loses":           {"lost", "3", "3 violations"},
		"loses the end":   {"lost", "10", "10 violations"},
		"repeats":         {"repeated", "3", "3 violations"},
		"reorders":        {"out of order", "3", "3 violations"},
		"contradicts":     {"contradictory", "3", "3 violations"},
		"stores twice":    {"contradictory", "18", "18 violations"},
		"says it is void": {"lost", "42", "42 violations"},
		"leaves out":      {"left out", "3, and the server said so: they are in the history", ""},
		"closes for good": {"at the end", "1 sessions away", "1 sessions did not come back"},
		"does not answer": {"at the end", "0 sessions away, 24 messages without an answer", "24 messages have no answer"},
	} {
		t.Run(fault, func(t *testing.T) {
			srv := httptest.NewServer(&faulty{fault: fault})
			defer srv.Close()
			report, err := try(t, srv.URL, nil)
			require.True(t, strings.HasPrefix(row(t, report, want.row)+",", want.value+","), report)
			if want.err == "" {
				require.NoError(t, err, report)
			} else {
				require.ErrorContains(t, err, want.err, report)
			}
			if strings.Contains(want.err, "violations") {
				require.Contains(t, report, "violation: ")
			}
		})
	}
	srv := httptest.NewServer(&faulty{fault: "refuses"})
	defer srv.Close()
	report, err := try(t, srv.URL, nil)
	require.ErrorContains(t, err, "403", report)
}

func TestWrongFlags(t *testing.T) {
	good := config{url: "http://127.0.0.1:8080", sessions: 1, rooms: 1, rate: 1, size: 1, duration: time.Second, wait: time.Second}
	require.NoError(t, good.complete())
	require.Equal(t, []string{"http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws"}, []string{good.auth, good.socket})
	for name, change := range map[string]func(c *config){
		"no address":     func(c *config) { c.url = "localhost:8080" },
		"two sources":    func(c *config) { c.users, c.tokens = "a", "b" },
		"no sessions":    func(c *config) { c.sessions = 0 },
		"no rooms":       func(c *config) { c.rooms = 0 },
		"long text":      func(c *config) { c.size = 5000 },
		"negative rate":  func(c *config) { c.rate = -1 },
		"no time":        func(c *config) { c.duration = 0 },
		"too much":       func(c *config) { c.rate, c.duration = 1e6, time.Hour },
		"users, no file": func(c *config) { c.addUsers = 3 },
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			change(&c)
			require.Error(t, c.complete())
		})
	}
}
