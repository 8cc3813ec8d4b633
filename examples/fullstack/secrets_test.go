package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/examples/internal/botsvc"
)

// written is what was logged and printed.
type written struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *written) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(b)
}

// Whatever users do, and whatever goes wrong, the log at its most talkative
// holds no token, password or cookie, and nothing of what people write to each
// other. (The stock bot logs symbols that its provider does not know: they are
// addressed to it.)
func TestNothingSecretIsLogged(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	out := &written{}
	slog.SetDefault(slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true})))

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	dir := t.TempDir()
	database := filepath.Join(dir, "gochat-auth.db")
	const firstPassword, secondPassword = "ann's first password", "ann's second password"
	require.NoError(t, authsvc.AddUser(t.Context(), authsvc.Config{Database: database}, "ann", firstPassword))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, config{
			store: filepath.Join(dir, "gochat.db"), broker: "memory", bot: botsvc.Config{Quotes: "sample"},
			auth: authsvc.Config{
				Register: true, KeyFile: filepath.Join(dir, "key"), Issuer: authsvc.DefaultIssuer, Audience: authsvc.DefaultAudience,
			},
		}, ln, io.Discard)
	}()
	url := "http://" + ln.Addr().String()
	g := &target{t: t, auth: url, chat: url}

	secrets := []string{firstPassword, secondPassword, "a wrong password", "bob's only password", "PRIVATE KEY", "argon2id", cookieName}
	keep := func(p person) person {
		parts := strings.Split(p.token, ".")
		secrets = append(secrets, p.token, parts[1], parts[2], p.cookie)
		return p
	}
	login := func(name, password string) answer {
		return g.send("POST", url+"/auth/login", `{"username":"`+name+`","password":"`+password+`"}`)
	}
	ann := keep(g.person(login("ann", firstPassword)))
	bob := keep(g.person(g.send("POST", url+"/auth/register", `{"username":"bob","password":"bob's only password"}`)))
	require.Equal(t, 401, login("ann", "a wrong password").status)
	require.Equal(t, 401, login("a wrong password", "a wrong password").status, "typed into the wrong field")
	next := keep(g.person(g.refresh(ann.cookie)))
	next = keep(g.person(g.refresh(next.cookie)))
	require.Equal(t, 204, g.as(next, "POST", url+"/auth/password", `{"current":"`+firstPassword+`","new":"`+secondPassword+`"}`).status)

	// Messages, commands and rooms, over both ways, with and without faults.
	var rooms struct{ Rooms []chat.RoomInfo }
	g.read(g.as(bob, "GET", url+"/api/rooms", ""), &rooms)
	room := string(rooms.Rooms[0].ID)
	secrets = append(secrets, "said over REST", "said over a socket", "a faulty frame", "a faulty body", "edited words", "name of a room")
	path := url + "/api/rooms/" + room
	g.read(g.as(bob, "POST", path+"/messages", `{"id":"`+chat.NewID()+`","text":"said over REST"}`), new(any))
	g.as(bob, "POST", path+"/messages", `{"id":"`+chat.NewID()+`","text":"a faulty body"`)
	g.as(bob, "POST", path+"/commands", `{"id":"`+chat.NewID()+`","text":"/stock=nosuch.us"}`)
	g.as(bob, "POST", url+"/api/rooms", `{"id":"`+chat.NewID()+`","kind":"private","name":"name of a room"}`)
	g.as(bob, "PATCH", path+"/messages/3", `{"id":"`+chat.NewID()+`","text":"edited words"}`)
	conn := g.dial(bob)
	for _, frame := range []any{
		map[string]string{"type": "message", "id": chat.NewID(), "room": room, "text": "said over a socket"},
		map[string]string{"type": "command", "id": chat.NewID(), "room": room, "text": "/stock=nosuch.us"},
		map[string]string{"type": "a faulty frame", "id": "x"},
		map[string]any{"type": "message", "id": "x", "text": "a faulty frame", "room": 1},
		map[string]string{"type": "auth", "id": "a", "token": next.token},
		map[string]string{"type": "auth", "id": "b", "token": "a wrong password"},
	} {
		require.NoError(t, wsjson.Write(t.Context(), conn, frame))
	}
	var told strings.Builder
	for !strings.Contains(told.String(), `"outcome"`) || !strings.Contains(told.String(), `"re":"b"`) {
		_, frame, err := conn.Read(t.Context())
		require.NoError(t, err)
		told.Write(frame)
	}
	require.Contains(t, told.String(), "said over a socket")
	g.send("GET", url+"/ws?token="+bob.token, "")
	g.send("GET", url+"/api/session?access_token="+bob.token, "", "Referer", bob.token, "User-Agent", bob.token)
	g.send("GET", url+"/api/session", "", "Authorization", "Bearer "+bob.token[:len(bob.token)-3])
	broken := g.dial(bob)
	require.NoError(t, broken.Write(t.Context(), websocket.MessageBinary, []byte("a faulty frame")))
	for err == nil {
		_, _, err = broken.Read(t.Context())
	}

	require.Equal(t, 401, g.refresh(ann.cookie).status, "stolen")
	require.Equal(t, 204, g.as(bob, "POST", url+"/auth/logout-all", "{}").status)
	g.revoked(conn)
	stop()
	require.NoError(t, <-ended)

	text := out.buf.String()
	for _, line := range []string{"login", "login refused", "refresh token used again", "password changed", "logout everywhere", "registered"} {
		require.Contains(t, text, `"msg":"`+line, "the log is that of what was done")
	}
	for _, secret := range secrets {
		quoted, err := json.Marshal(secret)
		require.NoError(t, err)
		require.NotContains(t, text, secret)
		require.NotContains(t, text, strings.Trim(string(quoted), `"`))
	}
	require.NotContains(t, text, "eyJ", "the beginning of every token")
	require.NotContains(t, text, "Bearer")
}
