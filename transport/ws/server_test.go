package ws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

var quiet = slog.New(slog.DiscardHandler)

// testServer is a node with a handler on a listener.
type testServer struct {
	t    testing.TB
	node *chat.Node
	h    *Handler
	hs   *http.Server
	ln   net.Listener
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	http *http.Client
	url  string
	end  sync.Once
}

// authenticate is that of all test servers: the token is the name of the user,
// with "|" and a duration if it ends.
func authenticate(r *http.Request) (chat.Principal, error) {
	token, ok := BearerToken(r)
	if !ok {
		return chat.Principal{}, errors.New("no token")
	}
	return login(r.Context(), token)
}

func login(_ context.Context, token string) (chat.Principal, error) {
	name, life, ends := strings.Cut(token, "|")
	p := chat.Principal{User: chat.User{ID: chat.UserID("u-" + name), Name: name}, Session: "s-" + name}
	if ends {
		d, err := time.ParseDuration(life)
		if err != nil {
			return p, err
		}
		p.Expires = time.Now().Add(d)
	}
	switch name {
	case "nobody":
		return p, errors.New("no such user")
	case "away":
		return p, chat.ErrUnavailable
	case "banned":
		return p, chat.ErrForbidden
	}
	return p, nil
}

func newNode(t testing.TB, o *chat.Options) *chat.Node {
	t.Helper()
	if o == nil {
		o = &chat.Options{}
	}
	o.Logger = quiet
	if o.Lobby == "" {
		o.Lobby = "Lobby"
	}
	for _, r := range []*chat.Rate{&o.Limits.Messages, &o.Limits.Commands, &o.Limits.Joins, &o.Limits.Rooms, &o.Limits.Requests} {
		if *r == (chat.Rate{}) { // tests of the wire are in a hurry
			*r = chat.Unlimited
		}
	}
	node, err := chat.New(o)
	require.NoError(t, err)
	return node
}

// start serves a node over loopback, until the test ends or stop.
func start(t testing.TB, co *chat.Options, o *Options) *testServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return serve(t, ln, (&net.Dialer{}).DialContext, co, o)
}

// pipeSize is what a pipe of a test server holds: less than one long event.
const pipeSize = 2 << 10

// startInMemory serves a node over pipes, for tests in a bubble.
func startInMemory(t testing.TB, co *chat.Options, o *Options) *testServer {
	t.Helper()
	ln := newPipeListener(pipeSize)
	return serve(t, ln, ln.dial, co, o)
}

func serve(t testing.TB, ln net.Listener, dial func(context.Context, string, string) (net.Conn, error), co *chat.Options, o *Options) *testServer {
	t.Helper()
	if o == nil {
		o = &Options{}
	}
	o.Logger = quiet
	o.Poll = o.Poll || os.Getenv("GOCHAT_WS_POLL") != ""
	node := newNode(t, co)
	s := &testServer{t: t, node: node, h: NewHandler(node, authenticate, o), ln: ln, dial: dial}
	s.hs = &http.Server{Handler: s.h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	s.http = &http.Client{Transport: &http.Transport{DialContext: dial}}
	s.url = "ws://" + ln.Addr().String()
	go s.hs.Serve(ln)
	t.Cleanup(s.stop)
	return s
}

// stop ends all in order. Calling it again is a no-op.
func (s *testServer) stop() {
	s.end.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(s.t, s.h.Shutdown(ctx))
		s.hs.Close()
		s.http.CloseIdleConnections()
		require.NoError(s.t, s.node.Shutdown(ctx))
	})
}

// peer is a client that does only what it is told.
type peer struct {
	t  testing.TB
	ws *websocket.Conn
	n  int
}

func (s *testServer) connect(token string) *peer {
	s.t.Helper()
	c, resp, err := websocket.Dial(s.t.Context(), s.url, &websocket.DialOptions{
		HTTPClient:   s.http,
		HTTPHeader:   http.Header{"Authorization": {"Bearer " + token}},
		Subprotocols: []string{Protocol},
	})
	require.NoError(s.t, err)
	require.Equal(s.t, Protocol, resp.Header.Get("Sec-WebSocket-Protocol"))
	c.SetReadLimit(1 << 20)
	s.t.Cleanup(func() { c.CloseNow() })
	return &peer{t: s.t, ws: c}
}

// hello connects and says hello.
func (s *testServer) hello(token string) (*peer, welcomeReply) {
	s.t.Helper()
	p := s.connect(token)
	return p, p.hello(`{"type":"hello","id":"h1"}`)
}

func (p *peer) hello(frame string) welcomeReply {
	p.t.Helper()
	p.send("%s", frame)
	b := p.until("welcome")
	w, err := as[welcomeReply](b)
	require.NoError(p.t, err)
	return w
}

func (p *peer) send(format string, args ...any) {
	p.t.Helper()
	s := format
	if len(args) > 0 {
		s = fmt.Sprintf(format, args...)
	}
	require.NoError(p.t, p.ws.Write(p.t.Context(), websocket.MessageText, []byte(s)))
}

// next reads one frame.
func (p *peer) next() ([]byte, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Minute)
	defer cancel()
	_, b, err := p.ws.Read(ctx)
	return b, err
}

// until reads on to a frame of that type.
func (p *peer) until(typ string) []byte {
	p.t.Helper()
	for {
		b, err := p.next()
		require.NoError(p.t, err, "waiting for %s", typ)
		h, err := as[head](b)
		require.NoError(p.t, err)
		if h.Type == typ {
			return b
		}
	}
}

// reply reads on to the reply to id.
func (p *peer) reply(id string) map[string]any {
	p.t.Helper()
	for {
		b, err := p.next()
		require.NoError(p.t, err, "waiting for the reply to %s", id)
		h, err := as[head](b)
		require.NoError(p.t, err)
		if h.Re != nil && *h.Re == id && h.Type != "outcome" {
			return members(p.t, b)
		}
	}
}

// ask sends a request of fields, with a new id, and returns its reply.
func (p *peer) ask(typ string, fields map[string]any) map[string]any {
	p.t.Helper()
	p.n++
	id := fmt.Sprintf("request-%08d", p.n)
	m := map[string]any{"type": typ, "id": id}
	for k, v := range fields {
		m[k] = v
	}
	b, err := json.Marshal(m)
	require.NoError(p.t, err)
	p.send("%s", b)
	return p.reply(m["id"].(string))
}

// event reads on to the next event of a kind.
func (p *peer) event(kind chat.EventKind) chat.Event {
	p.t.Helper()
	for {
		e, err := as[chat.Event](p.until("event"))
		require.NoError(p.t, err)
		if e.Kind == kind {
			return e
		}
	}
}

// closed reads on to the end, and returns how the connection was closed.
func (p *peer) closed() (code int, reason string) {
	for {
		if _, err := p.next(); err != nil {
			if ce, ok := errors.AsType[websocket.CloseError](err); ok {
				return int(ce.Code), ce.Reason
			}
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				return -1, err.Error()
			}
			return codeAbnormal, ""
		}
	}
}

func code(reply map[string]any) string {
	if e, ok := reply["error"].(map[string]any); ok {
		return e["code"].(string)
	}
	return ""
}
