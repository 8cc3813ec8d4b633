package chatsvc_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/examples/internal/chatsvc"
	"github.com/carlware/gochat/examples/internal/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// world is a service and who can make tokens for it.
type world struct {
	t      *testing.T
	svc    *chatsvc.Service
	issuer *token.Issuer
	over   atomic.Bool // the login is, as Alive says
	ended  chan chatsvc.Revocation
	url    string
}

// feed tells what is sent to w.ended.
func (w *world) feed(ctx context.Context, after int64) ([]chatsvc.Revocation, int64, error) {
	select {
	case r := <-w.ended:
		return []chatsvc.Revocation{r}, after + 1, nil
	case <-ctx.Done():
		return nil, after, nil
	}
}

func newWorld(t *testing.T) *world {
	keys, err := token.GenerateKeys()
	require.NoError(t, err)
	issuer, err := token.NewIssuer(keys, "iss", "aud", nil)
	require.NoError(t, err)
	w := &world{t: t, issuer: issuer, ended: make(chan chatsvc.Revocation)}
	w.svc, err = chatsvc.New(t.Context(), chatsvc.Config{
		Store: chatsvc.Memory, Verifier: token.NewVerifier(keys, "iss", "aud", nil), Logger: quiet,
		Alive:       func(context.Context, string) (bool, error) { return !w.over.Load(), nil },
		Revocations: w.feed,
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), chatsvc.Grace)
		defer cancel()
		require.NoError(t, w.svc.Shutdown(ctx))
	})
	mux := http.NewServeMux()
	mux.Handle("/api/", w.svc.API())
	mux.Handle("/ws", w.svc.Socket())
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	w.url = server.URL
	return w
}

func (w *world) token(user, session string) string {
	text, _, err := w.issuer.Sign(token.Subject{ID: user, Name: user, Session: session})
	require.NoError(w.t, err)
	return text
}

func (w *world) get(path string, authorization ...string) (status int, code string, header http.Header) {
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+path, nil)
	require.NoError(w.t, err)
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	var p struct{ Code string }
	require.NoError(w.t, json.Unmarshal(body, &p), string(body))
	return resp.StatusCode, p.Code, resp.Header
}

func (w *world) dial(text string) (*websocket.Conn, int) {
	conn, resp, err := websocket.Dial(w.t.Context(), w.url+"/ws", &websocket.DialOptions{Subprotocols: []string{"gochat.v1", "bearer." + text}})
	if err != nil {
		require.NotNil(w.t, resp, err)
		return nil, resp.StatusCode
	}
	w.t.Cleanup(func() { conn.CloseNow() })
	return conn, resp.StatusCode
}

// hello says hello and returns the type of the answer.
func hello(t *testing.T, conn *websocket.Conn) string {
	require.NoError(t, wsjson.Write(t.Context(), conn, map[string]string{"type": "hello", "id": "h"}))
	return next(t, conn)["type"].(string)
}

func next(t *testing.T, conn *websocket.Conn) (frame map[string]any) {
	_, data, err := conn.Read(t.Context())
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &frame))
	return frame
}

func TestTokens(t *testing.T) {
	w := newWorld(t)
	good := w.token("ann", "s1")
	status, _, _ := w.get("/api/session", "Bearer "+good)
	require.Equal(t, 200, status)

	for name, tt := range map[string]struct {
		path   string
		auth   []string
		status int
		code   string
	}{
		"none":       {"/api/session", nil, 401, "unauthorized"},
		"basic":      {"/api/session", []string{"Basic YTpi"}, 401, "unauthorized"},
		"garbage":    {"/api/session", []string{"Bearer x.y.z"}, 401, "unauthorized"},
		"tampered":   {"/api/session", []string{"Bearer " + good[:len(good)-4] + "AAAA"}, 401, "unauthorized"},
		"two":        {"/api/session", []string{"Bearer " + good, "Bearer " + good}, 400, "bad_request"},
		"in address": {"/api/session?token=" + good, []string{"Bearer " + good}, 400, "bad_request"},
		"socket":     {"/ws?access_token=" + good, nil, 400, "bad_request"},
	} {
		status, code, header := w.get(tt.path, tt.auth...)
		require.Equal(t, tt.status, status, name)
		require.Equal(t, tt.code, code, name)
		require.Equal(t, status == 401, strings.HasPrefix(header.Get("WWW-Authenticate"), "Bearer"), name)
	}
	_, status = w.dial("x.y.z")
	require.Equal(t, 401, status)
}

type away struct{}

func (away) Key(context.Context, string) (ed25519.PublicKey, error) { return nil, token.ErrUnavailable }

// Where it can't be known whether a token is good, its owner is not told to log
// in again.
func TestKeysUnavailable(t *testing.T) {
	w := newWorld(t)
	svc, err := chatsvc.New(t.Context(), chatsvc.Config{
		Store: chatsvc.Memory, Verifier: token.NewVerifier(away{}, "iss", "aud", nil), Logger: quiet,
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, svc.Shutdown(t.Context())) }()
	for path, h := range map[string]http.Handler{"/api/session": svc.API(), "/ws": svc.Socket()} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+w.token("ann", "s1"))
		if path == "/ws" {
			r.Header = http.Header{
				"Authorization": r.Header["Authorization"], "Connection": {"Upgrade"}, "Upgrade": {"websocket"},
				"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="}, "Sec-Websocket-Protocol": {"gochat.v1"},
			}
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		require.Equal(t, http.StatusServiceUnavailable, rec.Code, path)
	}
}

func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, err := token.GenerateKeys()
		require.NoError(t, err)
		issuer, err := token.NewIssuer(keys, "iss", "aud", &token.IssuerOptions{TTL: time.Minute})
		require.NoError(t, err)
		svc, err := chatsvc.New(t.Context(), chatsvc.Config{Store: chatsvc.Memory, Verifier: token.NewVerifier(keys, "iss", "aud", nil), Logger: quiet})
		require.NoError(t, err)
		text, _, err := issuer.Sign(token.Subject{ID: "ann", Session: "s1"})
		require.NoError(t, err)
		ask := func() *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodGet, "/api/session", nil)
			r.Header.Set("Authorization", "Bearer "+text)
			rec := httptest.NewRecorder()
			svc.API().ServeHTTP(rec, r)
			return rec
		}
		require.Equal(t, 200, ask().Code)
		time.Sleep(2 * time.Minute)
		late := ask()
		require.Equal(t, 401, late.Code)
		require.Contains(t, late.Body.String(), `"token_expired"`, "which tells the client to refresh")
		require.NoError(t, svc.Shutdown(t.Context()))
	})
}

// closed reads until the server closes and returns the code.
func closed(t *testing.T, conn *websocket.Conn) websocket.StatusCode {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			require.NoError(t, ctx.Err(), "still open")
			return websocket.CloseStatus(err)
		}
	}
}

const revoked websocket.StatusCode = 4501

func TestLoginThatEnds(t *testing.T) {
	w := newWorld(t)
	text := w.token("ann", "s1")
	mine, _ := w.dial(text)
	require.Equal(t, "welcome", hello(t, mine))
	other, _ := w.dial(w.token("ann", "s2"))
	require.Equal(t, "welcome", hello(t, other))
	early, _ := w.dial(text) // has not said hello yet

	w.ended <- chatsvc.Revocation{User: "ann", Session: "s1", Until: time.Now().Add(time.Minute)}
	require.Equal(t, revoked, closed(t, mine))
	status, code, header := w.get("/api/session", "Bearer "+text)
	require.Equal(t, 401, status)
	require.Equal(t, "unauthorized", code)
	require.NotEmpty(t, header.Get("WWW-Authenticate"))
	_, status = w.dial(text)
	require.Equal(t, 401, status)
	require.NoError(t, wsjson.Write(t.Context(), early, map[string]string{"type": "hello", "id": "h"}))
	require.Equal(t, revoked, closed(t, early), "nor does it begin")

	require.NoError(t, wsjson.Write(t.Context(), other, map[string]string{"type": "ping", "id": "p"}))
	require.Equal(t, "ok", next(t, other)["type"], "other logins of the same user stay")
}

// With the auth service in the same process a token is good for nothing from
// the logout on, before the feed has told.
func TestLoginThatHasJustEnded(t *testing.T) {
	w := newWorld(t)
	text := w.token("ann", "s1")
	w.over.Store(true)
	status, _, _ := w.get("/api/session", "Bearer "+text)
	require.Equal(t, 401, status)
	_, status = w.dial(text)
	require.Equal(t, 401, status)
}

// A feed that fails, or a revocation that can't be stored, is asked for again
// from the same position, and those of expired tokens are passed by.
func TestFeedIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, err := token.GenerateKeys()
		require.NoError(t, err)
		issuer, err := token.NewIssuer(keys, "iss", "aud", nil)
		require.NoError(t, err)
		var asked []int64
		text, _, err := issuer.Sign(token.Subject{ID: "ann", Session: "s1", Since: time.Now()})
		require.NoError(t, err)
		svc, err := chatsvc.New(t.Context(), chatsvc.Config{
			Store: chatsvc.Memory, Verifier: token.NewVerifier(keys, "iss", "aud", nil), Logger: quiet,
			Revocations: func(ctx context.Context, after int64) ([]chatsvc.Revocation, int64, error) {
				asked = append(asked, after)
				switch len(asked) {
				case 1:
					return []chatsvc.Revocation{{User: "bob", Session: "s0", Until: time.Now()}}, 7, nil
				case 2, 3, 4:
					return nil, 0, context.DeadlineExceeded
				case 5:
					return []chatsvc.Revocation{{User: "ann", Session: "s1", Until: time.Now().Add(time.Hour)}}, 9, nil
				}
				<-ctx.Done()
				return nil, after, nil
			},
		})
		require.NoError(t, err)
		ask := func() int {
			r := httptest.NewRequest(http.MethodGet, "/api/session", nil)
			r.Header.Set("Authorization", "Bearer "+text)
			rec := httptest.NewRecorder()
			svc.API().ServeHTTP(rec, r)
			return rec.Code
		}
		require.Equal(t, 200, ask())
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, 401, ask())
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []int64{0, 7, 7, 7, 7, 9}, asked[:6])
		require.Len(t, asked, 8, "a feed that hangs is asked again")
		require.NoError(t, svc.Shutdown(t.Context()))
	})
}

func TestNewTokenOnTheSocket(t *testing.T) {
	w := newWorld(t)
	conn, _ := w.dial(w.token("ann", "s1"))
	require.Equal(t, "welcome", hello(t, conn))
	send := func(text string) map[string]any {
		require.NoError(t, wsjson.Write(t.Context(), conn, map[string]string{"type": "auth", "id": "a", "token": text}))
		return next(t, conn)
	}
	require.Equal(t, "ok", send(w.token("ann", "s1"))["type"])
	require.Equal(t, "error", send(w.token("bob", "s1"))["type"], "another user")
	require.Equal(t, "error", send("x.y.z")["type"])
}

func TestDrain(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.svc.Ready(t.Context()))
	conn, _ := w.dial(w.token("ann", "s1"))
	require.Equal(t, "welcome", hello(t, conn))
	w.svc.Drain()
	require.Error(t, w.svc.Ready(t.Context()))
	_, status := w.dial(w.token("ann", "s1"))
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.NoError(t, wsjson.Write(t.Context(), conn, map[string]string{"type": "ping", "id": "p"}))
	require.Equal(t, "ok", next(t, conn)["type"], "what is connected goes on")
}

func TestRun(t *testing.T) {
	keys, err := token.GenerateKeys()
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- chatsvc.Run(ctx, chatsvc.Config{
			Listener: ln, Store: chatsvc.Memory, Verifier: token.NewVerifier(keys, "iss", "aud", nil), Logger: quiet,
		})
	}()
	defer http.DefaultClient.CloseIdleConnections()
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/api/session": 401, "/": 404, "/ws": 426} {
		resp, err := http.Get("http://" + ln.Addr().String() + path)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode, path)
	}
	stop()
	require.NoError(t, <-ended)
}

func TestStores(t *testing.T) {
	for spec, want := range map[string]string{
		"":                                      "no store",
		"mysql://u:secret@db/x":                 "use the path of a SQLite file",
		"u:secret@db://x":                       "use the path of a SQLite file",
		t.TempDir() + "/no/such/chat.db":        "no such file or directory",
		"postgres://u:secret@db:x/y":            "store postgres://db:x/y: postgres: cannot parse",
		"postgresql://u:a/secret@b/x":           "store postgresql://b/x: postgres: in a user or password",
		"postgres://u@b/x?password=secret&ssl=": "store postgres://b/x: ",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // nothing is waited for
		_, err := chatsvc.OpenStore(ctx, spec, quiet)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestStoreName(t *testing.T) {
	for spec, want := range map[string]string{
		"memory":                             "memory",
		"a@b?c.db":                           "a@b?c.db",
		"postgres://u:secret@db:5432/x?y=z":  "postgres://db:5432/x",
		"postgres://u:se@cret@db/x":          "postgres://db/x",
		"postgres://u@db/x?password=secret":  "postgres://db/x",
		"postgres:///x?host=/run/postgresql": "postgres:///x",
	} {
		require.Equal(t, want, chatsvc.StoreName(spec))
	}
}
