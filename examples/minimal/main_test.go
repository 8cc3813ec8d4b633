package main

import (
	"context"
	"encoding/json"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m, main) }

// The programs are short, and this is what that means: so many lines of Go
// without package, imports, comments and blank lines.
func TestIsShort(t *testing.T) {
	for path, most := range map[string]int{"main.go": 16, "../embedbot/main.go": 25} {
		src, err := os.ReadFile(path)
		require.NoError(t, err)
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, src, parser.ImportsOnly)
		require.NoError(t, err)
		end := fset.Position(file.Decls[len(file.Decls)-1].End()).Line // of the imports
		var lines []string
		for _, line := range strings.Split(string(src), "\n")[end:] {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				lines = append(lines, line)
			}
		}
		require.LessOrEqual(t, len(lines), most, strings.Join(lines, "\n"))
		require.NotContains(t, strings.Join(lines, " "), ";", "no two statements on a line")
	}
}

// connect opens a socket as name, and returns the room that it is in.
func connect(t *testing.T, addr, name string) (conn *websocket.Conn, room string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	var err error
	require.Eventually(t, func() bool {
		conn, _, err = websocket.Dial(ctx, "ws://"+addr+"/ws?name="+name, &websocket.DialOptions{Subprotocols: []string{"gochat.v1"}})
		return err == nil
	}, time.Minute, 20*time.Millisecond)
	t.Cleanup(func() { conn.CloseNow() })
	require.NoError(t, wsjson.Write(ctx, conn, map[string]any{"type": "hello", "id": "h"}))
	welcome := await(t, conn, "welcome")
	return conn, welcome.Rooms[0].ID
}

type frame struct {
	Type   string `json:"type"`
	Seq    int    `json:"seq"`
	Text   string `json:"text"`
	Rooms  []struct{ ID string }
	Events []chat.Event `json:"events"`
}

func await(t *testing.T, conn *websocket.Conn, kind string) frame {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		var f frame
		_, data, err := conn.Read(ctx)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &f))
		if f.Type == kind {
			return f
		}
	}
}

func TestChatSurvivesItsProcess(t *testing.T) {
	addr := proctest.FreeAddr(t)
	cmd := proctest.Self(t)
	dir := cmd.Dir
	cmd.Env = append(cmd.Env, "ADDR="+addr)
	p := proctest.Start(t, cmd)

	ann, room := connect(t, addr, "ann")
	bob, _ := connect(t, addr, "bob")
	send := func(text string) {
		message := map[string]any{"type": "message", "id": chat.NewID(), "room": room, "text": text}
		require.NoError(t, wsjson.Write(t.Context(), ann, message))
	}
	send("hello")
	for { // bob sees ann and himself join, too
		if e := await(t, bob, "event"); e.Text == "hello" {
			break
		}
	}
	for _, path := range []string{"/", "/gochat.js"} {
		resp, err := http.Get("http://" + addr + path)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode, path)
	}
	p.Kill()

	cmd = proctest.Self(t)
	cmd.Dir, cmd.Env = dir, append(cmd.Env, "ADDR="+addr)
	proctest.Start(t, cmd)
	cy, _ := connect(t, addr, "cy")
	require.NoError(t, wsjson.Write(t.Context(), cy, map[string]any{"type": "history", "id": "q", "room": room}))
	var texts []string
	for _, e := range await(t, cy, "ok").Events {
		if e.Kind == chat.Message {
			texts = append(texts, e.Text)
		}
	}
	require.Equal(t, []string{"hello"}, texts)
}

func TestNobodyIsRefused(t *testing.T) {
	addr := proctest.FreeAddr(t)
	cmd := proctest.Self(t)
	cmd.Env = append(cmd.Env, "ADDR="+addr)
	proctest.Start(t, cmd)
	connect(t, addr, "ann")
	_, resp, err := websocket.Dial(t.Context(), "ws://"+addr+"/ws", &websocket.DialOptions{Subprotocols: []string{"gochat.v1"}})
	require.Error(t, err)
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
}
