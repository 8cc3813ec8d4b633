package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(pgtest.Main(m), main) }

func ask(t *testing.T, token, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(data)
}

// The services are apart: one logs in, the other one trusts its keys and
// survives its absence.
func TestBesideAuthService(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	authURL := "http://" + ln.Addr().String()

	p := proctest.Start(t, proctest.Self(t, "-addr", "127.0.0.1:0", "-jwks", authURL+"/.well-known/jwks.json"))
	_, addr, _ := strings.Cut(p.Line("http://"), "http://")
	url := "http://" + addr
	require.Eventually(t, func() bool {
		status, _ := ask(t, "", "GET", url+"/readyz", "")
		return status == 200
	}, time.Minute, 10*time.Millisecond, "it does not need the auth service to start")

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- authsvc.Run(ctx, authsvc.Config{Listener: ln, Demo: true, Logger: slog.New(slog.DiscardHandler)})
	}()
	status, body := ask(t, "", "POST", authURL+"/auth/login", `{"username":"john","password":"1234"}`)
	require.Equal(t, 200, status, body)
	var login struct {
		Token string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &login))

	status, body = ask(t, login.Token, "GET", url+"/api/session", "")
	require.Equal(t, 200, status, body)
	require.Contains(t, body, `"john"`)
	require.Equal(t, 401, func() int { s, _ := ask(t, login.Token+"x", "GET", url+"/api/session", ""); return s }())

	stop()
	require.NoError(t, <-ended)
	status, body = ask(t, login.Token, "GET", url+"/api/rooms", "")
	require.Equal(t, 200, status, "keys that are known stay in use while the auth service is away: %s", body)

	var rooms struct{ Rooms []chat.RoomInfo }
	require.NoError(t, json.Unmarshal([]byte(body), &rooms))
	path := url + "/api/rooms/" + string(rooms.Rooms[0].ID)
	_, body = ask(t, login.Token, "POST", path+"/commands", `{"id":"`+chat.NewID()+`","text":"/stock=aapl.us"}`)
	require.Contains(t, body, "unknown_command", "no bot can be reached")

	conn, _, err := websocket.Dial(t.Context(), "ws://"+addr+"/ws", &websocket.DialOptions{
		Subprotocols: []string{"gochat.v1"}, HTTPHeader: http.Header{"Authorization": {"Bearer " + login.Token}},
	})
	require.NoError(t, err)
	defer conn.CloseNow()
	require.NoError(t, wsjson.Write(t.Context(), conn, map[string]string{"type": "hello", "id": "h"}))
	p.Signal(syscall.SIGTERM)
	for err == nil {
		_, _, err = conn.Read(t.Context())
	}
	require.Equal(t, websocket.StatusServiceRestart, websocket.CloseStatus(err))
	require.Equal(t, 0, p.Wait(), p.Output())
}

// With a shared secret the service elsewhere knows who there is, and a login that
// ends there ends here.
func TestLogoutElsewhere(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("0123456789abcdef0123456789abcdef\n"), 0o600))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	authURL := "http://" + ln.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- authsvc.Run(ctx, authsvc.Config{Listener: ln, Demo: true, SecretFile: secret, Logger: slog.New(slog.DiscardHandler)})
	}()
	defer func() {
		stop()
		require.NoError(t, <-ended)
	}()
	begin := func(dir string) (p *proctest.Process, url string) {
		cmd := proctest.Self(t, "-addr", "127.0.0.1:0", "-auth", authURL+"/", "-secret-file", secret)
		if dir != "" {
			cmd.Dir = dir
		}
		p = proctest.Start(t, cmd)
		_, addr, _ := strings.Cut(p.Line("http://"), "http://")
		require.Eventually(t, func() bool {
			status, _ := ask(t, "", "GET", "http://"+addr+"/readyz", "")
			return status == 200
		}, time.Minute, 10*time.Millisecond)
		return p, "http://" + addr
	}
	login := func() (text string) {
		status, body := ask(t, "", "POST", authURL+"/auth/login", `{"username":"john","password":"1234"}`)
		require.Equal(t, 200, status, body)
		var answer struct {
			Token string `json:"access_token"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &answer))
		return answer.Token
	}
	dir := t.TempDir()
	p, url := begin(dir)
	mine, kept := login(), login()

	_, body := ask(t, mine, "GET", authURL+"/auth/users?q=gerard", "")
	var found struct{ Users []authsvc.User }
	require.NoError(t, json.Unmarshal([]byte(body), &found))
	status, body := ask(t, mine, "POST", url+"/api/rooms", `{"id":"`+chat.NewID()+`","kind":"direct","user":"`+found.Users[0].ID+`"}`)
	require.Equal(t, 200, status, "gerard has not been here yet: %s", body)

	conn, _, err := websocket.Dial(t.Context(), url+"/ws", &websocket.DialOptions{Subprotocols: []string{"gochat.v1", "bearer." + mine}})
	require.NoError(t, err)
	defer conn.CloseNow()
	require.NoError(t, wsjson.Write(t.Context(), conn, map[string]string{"type": "hello", "id": "h"}))
	_, _, err = conn.Read(t.Context())
	require.NoError(t, err)
	var me struct{ Session string }
	_, body = ask(t, mine, "GET", authURL+"/auth/profile", "")
	require.NoError(t, json.Unmarshal([]byte(body), &me))
	status, _ = ask(t, kept, "DELETE", authURL+"/auth/sessions/"+me.Session, "")
	require.Equal(t, 204, status)
	reading, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for err == nil {
		_, _, err = conn.Read(reading)
	}
	require.Equal(t, websocket.StatusCode(4501), websocket.CloseStatus(err), err)

	// It stays refused, also by a service that has begun since.
	p.Signal(syscall.SIGTERM)
	require.Equal(t, 0, p.Wait(), p.Output())
	_, url = begin(dir)
	require.Eventually(t, func() bool {
		status, _ := ask(t, mine, "GET", url+"/api/session", "")
		return status == 401
	}, time.Minute, 10*time.Millisecond)
	status, _ = ask(t, kept, "GET", url+"/api/session", "")
	require.Equal(t, 200, status)
	require.NotContains(t, p.Output(), "0123456789abcdef")
}

func TestRefusesToStart(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"amqp":     {[]string{"-broker", "amqp://u:secret@mq:port/"}, "not a URL like"},
		"postgres": {[]string{"-addr", "127.0.0.1:0", "-store", "postgres://u:secret@db:x/y"}, "store postgres://db:x/y: "},
		"store":    {[]string{"-addr", "127.0.0.1:0", "-store", "mysql://u:secret@db/"}, "postgres://…"},
		"keys":     {[]string{"-jwks", "file:///etc/passwd"}, "http or https URL"},
		"secret":   {[]string{"-secret-file", "no/such/file"}, "no such file"},
		"origin":   {[]string{"-addr", "127.0.0.1:0", "-origins", "*"}, "no origin"},
	} {
		t.Run(name, func(t *testing.T) {
			p := proctest.Start(t, proctest.Self(t, tt.args...))
			require.Equal(t, 1, p.Wait(), p.Output())
			require.Contains(t, p.Output(), tt.want)
			require.NotContains(t, p.Output(), "u:secret")
			require.NotContains(t, p.Output(), "goroutine")
		})
	}
}
