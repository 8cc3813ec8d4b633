package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/proctest"
)

// newDatabase makes an empty database on the tests' own server and returns
// where it is, and the password apart from that.
func newDatabase(t *testing.T, name string) (store, password string) {
	t.Helper()
	on := pgtest.Private(t).New(t).URL
	c, err := pgx.Connect(t.Context(), on)
	require.NoError(t, err)
	_, err = c.Exec(t.Context(), "CREATE DATABASE "+name)
	require.NoError(t, err)
	require.NoError(t, c.Close(t.Context()))
	u, err := url.Parse(on)
	require.NoError(t, err)
	u.Path = "/" + name
	password, _ = u.User.Password()
	return u.String(), password
}

// demoLogin runs an auth service until the test ends, and returns where it is
// and a token of john's.
func demoLogin(t *testing.T) (authURL, token string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	authURL = "http://" + ln.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- authsvc.Run(ctx, authsvc.Config{Listener: ln, Demo: true, Logger: slog.New(slog.DiscardHandler)})
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	status, body := ask(t, "", "POST", authURL+"/auth/login", `{"username":"john","password":"1234"}`)
	require.Equal(t, 200, status, body)
	var login struct {
		Token string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &login))
	return authURL, login.Token
}

func ready(t *testing.T, url string) {
	t.Helper()
	require.Eventually(t, func() bool {
		status, _ := ask(t, "", "GET", url+"/readyz", "")
		return status == 200
	}, time.Minute, 10*time.Millisecond)
}

// Processes that share a database are one chat: what is said at one of them
// reaches the sockets of the other, a repeat at another one stores nothing, and
// one that dies loses nothing.
func TestProcessesOnOneDatabase(t *testing.T) {
	store, password := newDatabase(t, "shared")
	authURL, token := demoLogin(t)
	var ps [2]*proctest.Process
	var urls [2]string
	for i := range ps {
		cmd := proctest.Self(t, "-addr", "127.0.0.1:0", "-auth", authURL)
		cmd.Env = append(cmd.Env, "GOCHAT_STORE="+store)
		ps[i] = proctest.Start(t, cmd)
	}
	for i, p := range ps {
		_, addr, _ := strings.Cut(p.Line("http://"), "http://")
		urls[i] = "http://" + addr
		ready(t, urls[i])
	}

	conn, _, err := websocket.Dial(t.Context(), urls[1]+"/ws", &websocket.DialOptions{Subprotocols: []string{"gochat.v1", "bearer." + token}})
	require.NoError(t, err)
	defer conn.CloseNow()
	require.NoError(t, wsjson.Write(t.Context(), conn, map[string]string{"type": "hello", "id": "h"}))
	var welcome struct{ Rooms []chat.RoomInfo }
	require.NoError(t, wsjson.Read(t.Context(), conn, &welcome))
	room := "/api/rooms/" + string(welcome.Rooms[0].ID) + "/messages"

	said := `{"id":"` + chat.NewID() + `","text":"from the first process"}`
	status, body := ask(t, token, "POST", urls[0]+room, said)
	require.Equal(t, http.StatusCreated, status, body)
	for !strings.Contains(body, `"event"`) || !strings.Contains(body, "from the first process") {
		_, frame, err := conn.Read(t.Context())
		require.NoError(t, err)
		body = string(frame)
	}
	status, body = ask(t, token, "POST", urls[1]+room, said)
	require.Equal(t, http.StatusOK, status, "a repeat: %s", body)

	ps[0].Kill()
	status, body = ask(t, token, "GET", urls[1]+room, "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, 1, strings.Count(body, "from the first process"), body)
	for _, p := range ps {
		require.NotContains(t, p.Output(), password)
	}
	ps[1].Signal(syscall.SIGTERM)
	require.Equal(t, 0, ps[1].Wait(), ps[1].Output())
}

// A database that is down when the service starts, or goes away later, is not
// its end.
func TestDatabaseDown(t *testing.T) {
	store, password := newDatabase(t, "down")
	authURL, token := demoLogin(t)
	server := pgtest.Private(t)
	defer server.Start(t)
	server.Stop(t)
	// The password comes apart from the address, which anybody here may see.
	cmd := proctest.Self(t, "-addr", "127.0.0.1:0", "-auth", authURL, "-store", strings.Replace(store, ":"+password, "", 1))
	cmd.Env = append(cmd.Env, "PGPASSWORD="+password)
	p := proctest.Start(t, cmd)
	_, addr, _ := strings.Cut(p.Line("http://"), "http://")
	p.Line("the store does not answer yet")
	server.Start(t)
	ready(t, "http://"+addr)

	_, body := ask(t, token, "GET", "http://"+addr+"/api/rooms", "")
	var rooms struct{ Rooms []chat.RoomInfo }
	require.NoError(t, json.Unmarshal([]byte(body), &rooms))
	room := "http://" + addr + "/api/rooms/" + string(rooms.Rooms[0].ID) + "/messages"
	status, body := ask(t, token, "POST", room, `{"id":"`+chat.NewID()+`","text":"before"}`)
	require.Equal(t, http.StatusCreated, status, body)
	server.Kill(t)
	said := `{"id":"` + chat.NewID() + `","text":"after"}`
	status, body = ask(t, token, "POST", room, said)
	require.Equal(t, http.StatusServiceUnavailable, status, body)
	server.Start(t)
	require.Eventually(t, func() bool {
		status, body = ask(t, token, "POST", room, said)
		return status == http.StatusCreated || status == http.StatusOK
	}, time.Minute, 10*time.Millisecond, body)
	_, body = ask(t, token, "GET", room, "")
	require.Equal(t, 1, strings.Count(body, `"before"`), body)
	require.Equal(t, 1, strings.Count(body, `"after"`), body)
	p.Signal(syscall.SIGTERM)
	require.Equal(t, 0, p.Wait(), p.Output())
	require.NotContains(t, p.Output(), password)
	require.NotContains(t, p.Output(), "among the arguments")
}

// A password among the arguments works, and is warned of.
func TestPasswordAmongArguments(t *testing.T) {
	store, password := newDatabase(t, "told")
	p := proctest.Start(t, proctest.Self(t, "-addr", "127.0.0.1:0", "-store", store))
	_, addr, _ := strings.Cut(p.Line("http://"), "http://")
	ready(t, "http://"+addr)
	p.Line("a password among the arguments")
	p.Signal(syscall.SIGTERM)
	require.Equal(t, 0, p.Wait(), p.Output())
	require.NotContains(t, p.Output(), password)
}

// Where it is wrong, the program ends and does not wait for it to become right.
func TestWrongPassword(t *testing.T) {
	store, password := newDatabase(t, "wrong")
	cmd := proctest.Self(t, "-addr", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, "GOCHAT_STORE="+strings.Replace(store, password, "secret", 1))
	p := proctest.Start(t, cmd)
	require.Equal(t, 1, p.Wait(), p.Output())
	require.Contains(t, p.Output(), "password authentication failed")
	require.NotContains(t, p.Output(), "secret")
}

// What is in the environment is not in the list of processes.
func TestPasswordIsNotInProcessList(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it reads /proc")
	}
	store, password := newDatabase(t, "listed")
	cmd := proctest.Self(t, "-addr", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, "GOCHAT_STORE="+store)
	p := proctest.Start(t, cmd)
	_, addr, _ := strings.Cut(p.Line("http://"), "http://")
	ready(t, "http://"+addr)
	line, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/cmdline")
	require.NoError(t, err)
	require.NotContains(t, string(line), password)
	p.Signal(syscall.SIGTERM)
	require.Equal(t, 0, p.Wait(), p.Output())
}
