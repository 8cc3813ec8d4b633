package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/proctest"
	"github.com/carlware/gochat/internal/rabbittest"
)

func TestMain(m *testing.M) { proctest.Main(rabbittest.Main(pgtest.Main(m)), main) }

// stack is a running program as one user sees it.
type stack struct {
	t     *testing.T
	p     *proctest.Process
	dir   string
	addr  string
	token string
	jar   http.CookieJar
}

// start runs the program in dir, or in a new directory.
func start(t *testing.T, dir, addr string, args ...string) *stack {
	t.Helper()
	cmd := proctest.Self(t, append([]string{"-addr", addr}, args...)...)
	if dir != "" {
		cmd.Dir = dir
	}
	p := proctest.Start(t, cmd)
	_, url, ok := strings.Cut(p.Line("http://"), "http://")
	require.True(t, ok)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	s := &stack{t: t, p: p, dir: cmd.Dir, addr: url, jar: jar}
	require.Eventually(t, func() bool { return s.status("GET", "/readyz", "") == 200 }, tooLong, 10*time.Millisecond)
	return s
}

func (s *stack) do(method, path, body string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.addr+path, strings.NewReader(body))
	require.NoError(s.t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	resp, err := (&http.Client{Jar: s.jar}).Do(r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp, string(data)
}

func (s *stack) status(method, path, body string) int {
	resp, _ := s.do(method, path, body)
	return resp.StatusCode
}

func (s *stack) get(path string, v any) {
	s.t.Helper()
	resp, body := s.do("GET", path, "")
	require.Equal(s.t, 200, resp.StatusCode, body)
	require.NoError(s.t, json.Unmarshal([]byte(body), v))
}

// login returns the same program as another user sees it.
func (s *stack) login(name string) *stack {
	s.t.Helper()
	u := *s
	u.jar, _ = cookiejar.New(nil)
	resp, body := u.do("POST", "/auth/login", `{"username":"`+name+`","password":"1234"}`)
	require.Equal(s.t, 200, resp.StatusCode, body)
	var answer struct {
		Token string `json:"access_token"`
	}
	require.NoError(s.t, json.Unmarshal([]byte(body), &answer))
	u.token = answer.Token
	return &u
}

func (s *stack) lobby() string {
	s.t.Helper()
	var list struct{ Rooms []chat.RoomInfo }
	s.get("/api/rooms", &list)
	for _, r := range list.Rooms {
		if r.Name == "general" {
			return "/api/rooms/" + string(r.ID)
		}
	}
	s.t.Fatal("there is no lobby")
	return ""
}

func (s *stack) texts() (texts []string) {
	var page chat.Page
	s.get(s.lobby()+"/messages", &page)
	for _, e := range page.Events {
		if e.Kind == chat.Message {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// socket opens a WebSocket and says hello.
func (s *stack) socket() *websocket.Conn {
	s.t.Helper()
	conn, _, err := websocket.Dial(s.t.Context(), "ws://"+s.addr+"/ws", &websocket.DialOptions{
		Subprotocols: []string{"gochat.v1", "bearer." + s.token},
	})
	require.NoError(s.t, err)
	s.t.Cleanup(func() { conn.CloseNow() })
	require.NoError(s.t, wsjson.Write(s.t.Context(), conn, map[string]string{"type": "hello", "id": "h"}))
	_, welcome, err := conn.Read(s.t.Context())
	require.NoError(s.t, err)
	require.Contains(s.t, string(welcome), `"welcome"`)
	return conn
}

func TestWholeSystem(t *testing.T) {
	s := start(t, "", "127.0.0.1:0")
	s.p.Line("carlos, john or gerard, password 1234")
	carlos, john := s.login("carlos"), s.login("john")

	resp, page := s.do("GET", "/", "")
	require.Equal(t, 200, resp.StatusCode)
	require.Contains(t, page, "<title>gochat</title>")
	require.Contains(t, resp.Header.Get("Content-Security-Policy"), "require-trusted-types-for 'script'")
	require.Equal(t, 200, s.status("GET", "/.well-known/jwks.json", ""))
	require.Equal(t, 200, s.status("GET", "/healthz", ""))

	key := chat.NewID()
	post := `{"id":"` + key + `","text":"hello"}`
	require.Equal(t, 201, carlos.status("POST", carlos.lobby()+"/messages", post))
	require.Equal(t, 200, carlos.status("POST", carlos.lobby()+"/messages", post), "a repeat")
	_, outcome := john.do("POST", john.lobby()+"/commands", `{"id":"`+chat.NewID()+`","text":"/stock=aapl.us"}`)
	require.Contains(t, outcome, `"status":"done"`)
	texts := john.texts()
	require.Len(t, texts, 2)
	require.Equal(t, "hello", texts[0])
	require.Contains(t, texts[1], "AAPL.US quote is $93.42 per share.")

	// gerard has never been here, and one can write to him all the same.
	var found struct{ Users []chat.User }
	carlos.get("/auth/users?q=ger", &found)
	resp, body := carlos.do("POST", "/api/rooms", `{"id":"`+chat.NewID()+`","kind":"direct","user":"`+string(found.Users[0].ID)+`"}`)
	require.Equal(t, 200, resp.StatusCode, body)
}

func TestAccess(t *testing.T) {
	s := start(t, "", "127.0.0.1:0")
	carlos := s.login("carlos")
	require.Equal(t, 401, s.status("GET", "/api/session", ""))
	require.Equal(t, 400, s.status("GET", "/api/session?access_token="+carlos.token, ""), "a token in the address")
	require.Equal(t, 400, s.status("GET", "/ws?token="+carlos.token, ""))
	require.Equal(t, 404, s.status("GET", "/main.go", ""))
	require.Equal(t, 405, carlos.status("PUT", "/api/rooms", "{}"))

	r, err := http.NewRequest("GET", "http://"+s.addr+"/api/session", nil)
	require.NoError(t, err)
	r.Host = "evil.example"
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusMisdirectedRequest, resp.StatusCode)

	_, resp, err = websocket.Dial(t.Context(), "ws://"+s.addr+"/ws", &websocket.DialOptions{
		Subprotocols: []string{"gochat.v1", "bearer." + carlos.token},
		HTTPHeader:   http.Header{"Origin": {"http://evil.example"}},
	})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
}

func TestLogoutEndsSocketsAndTokens(t *testing.T) {
	s := start(t, "", "127.0.0.1:0")
	carlos, john := s.login("carlos"), s.login("john")
	mine, his := carlos.socket(), john.socket()
	require.Equal(t, 204, carlos.status("POST", "/auth/logout", "{}"))
	ctx, cancel := context.WithTimeout(t.Context(), tooLong)
	defer cancel()
	for {
		if _, _, err := mine.Read(ctx); err != nil {
			require.Equal(t, websocket.StatusCode(4501), websocket.CloseStatus(err), err)
			break
		}
	}
	require.Equal(t, 401, carlos.status("GET", "/api/session", ""), "the token is good for nothing, though it has not expired")
	_, resp, err := websocket.Dial(t.Context(), "ws://"+s.addr+"/ws", &websocket.DialOptions{
		Subprotocols: []string{"gochat.v1", "bearer." + carlos.token},
	})
	require.Error(t, err)
	require.Equal(t, 401, resp.StatusCode)
	require.NoError(t, wsjson.Write(t.Context(), his, map[string]string{"type": "ping", "id": "p"}))
	_, pong, err := his.Read(t.Context())
	require.NoError(t, err, "others stay: %s", pong)
}

func TestSIGTERM(t *testing.T) {
	s := start(t, "", "127.0.0.1:0")
	john := s.login("john")
	conn := john.socket()
	require.Equal(t, 201, john.status("POST", john.lobby()+"/messages", `{"id":"`+chat.NewID()+`","text":"kept"}`))
	s.p.Signal(syscall.SIGTERM)
	for {
		_, _, err := conn.Read(t.Context())
		if err != nil {
			require.Equal(t, websocket.StatusServiceRestart, websocket.CloseStatus(err))
			break
		}
	}
	require.Equal(t, 0, s.p.Wait(), s.p.Output())

	again := start(t, s.dir, s.addr)
	john.p = again.p
	require.Equal(t, []string{"kept"}, john.texts(), "the token of before is good, the key is kept")
}

// A command that a bot has begun is answered before the sockets are closed.
func TestSIGTERMWaitsForTheBot(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	quotes := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		fmt.Fprint(w, "Symbol,Date,Time,Open,High,Low,Close,Volume\nAAPL.US,2026-01-02,22:00:09,93.1,94.02,92.8,91.07,5\n")
	}))
	defer quotes.Close()
	s := start(t, "", "127.0.0.1:0", "-quotes", quotes.URL+"/q/l/")
	john := s.login("john")
	_, room, _ := strings.Cut(john.lobby(), "/rooms/")
	conn := john.socket()
	require.NoError(t, wsjson.Write(t.Context(), conn, map[string]string{
		"type": "command", "id": chat.NewID(), "room": room, "text": "/stock=aapl.us",
	}))
	<-asked
	s.p.Signal(syscall.SIGTERM)
	require.Eventually(t, func() bool { return s.status("GET", "/readyz", "") == 503 }, time.Minute, 5*time.Millisecond)
	close(answer)
	var frames []string
	for {
		_, data, err := conn.Read(t.Context())
		if err != nil {
			require.Equal(t, websocket.StatusServiceRestart, websocket.CloseStatus(err))
			break
		}
		frames = append(frames, string(data))
	}
	require.Contains(t, strings.Join(frames, "\n"), "AAPL.US quote is $91.07")
	require.Contains(t, strings.Join(frames, "\n"), `"outcome"`)
	require.Equal(t, 0, s.p.Wait(), s.p.Output())
}

func TestKillLosesNothing(t *testing.T) {
	s := start(t, "", "127.0.0.1:0")
	john := s.login("john")
	lobby := john.lobby()
	var want []string
	for _, text := range []string{"one", "two", "three"} {
		require.Equal(t, 201, john.status("POST", lobby+"/messages", `{"id":"`+chat.NewID()+`","text":"`+text+`"}`))
		want = append(want, text)
	}
	s.p.Kill()
	start(t, s.dir, s.addr)
	require.Equal(t, want, john.texts())
}
