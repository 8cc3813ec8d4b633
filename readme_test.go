package gochat_test

import (
	"context"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/proctest"
	"github.com/carlware/gochat/internal/readmetest"
	"github.com/carlware/gochat/transport/ws"
)

// The programs of the README, in a module of somebody else: they are built as
// they stand there, and keep what they promise.
func TestREADME(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	files := readmetest.Files(t, ".")
	addr := proctest.FreeAddr(t)

	mine := map[string]string{"main.go": files["main.go"], "page/index.html": files["page/index.html"]}
	readmetest.Build(t, readmetest.Module(t, ".", mine))

	mine["main.go"] = readmetest.At(t, mine["main.go"], addr)
	dir := readmetest.Module(t, ".", mine)
	readmetest.Build(t, dir)
	program := proctest.Start(t, readmetest.Command(dir))
	join := func(name string) (*ws.Client, chat.RoomID) {
		c, err := ws.Dial(ctx, "http://"+addr+"/ws?name="+name, nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		rooms, _, err := c.Rooms(ctx, "", 0)
		require.NoError(t, err)
		require.Equal(t, "general", rooms[0].Name)
		return c, rooms[0].ID
	}
	ann, room := join("ann")
	bob, _ := join("bob")
	_, err := ann.Post(ctx, room, chat.Draft{Text: "hello"})
	require.NoError(t, err)
	for u, err := range bob.Events(ctx) {
		require.NoError(t, err)
		if u.Event != nil && u.Event.Text == "hello" && u.Event.User.Name == "ann" {
			break
		}
	}
	for path, part := range map[string]string{"/": "/gochat.js", "/gochat.js": "export class Client"} {
		resp, err := http.Get("http://" + addr + path)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Contains(t, string(body), part, path)
	}
	program.Kill()

	// The same directory and file, with the bot.
	mine["main.go"] = readmetest.Replace(t, mine["main.go"], `Lobby: "general"}`, `Lobby: "general", Commands: greeter()}`)
	mine["greeter.go"] = files["greeter.go"]
	withBot := readmetest.Module(t, ".", mine)
	readmetest.Build(t, withBot)
	bots := readmetest.Command(withBot)
	bots.Dir = dir
	proctest.Start(t, bots)
	cy, room := join("cy")
	outcome, err := cy.Command(ctx, room, chat.CommandLine{Text: "/greet Dan"})
	require.NoError(t, err)
	require.Equal(t, chat.CallDone, outcome.Status)
	page, err := cy.History(ctx, room, chat.Range{})
	require.NoError(t, err)
	var said []string
	for _, e := range page.Events {
		if e.Kind == chat.Message {
			said = append(said, e.User.Name+": "+e.Text)
		}
	}
	require.Equal(t, []string{"ann: hello", "greeter: Hello, Dan!"}, said)
}

// What a chat costs in somebody's program: so many lines without package,
// imports and blank lines.
func TestREADMEIsShort(t *testing.T) {
	src := readmetest.Files(t, ".")["main.go"]
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "main.go", src, parser.ImportsOnly)
	require.NoError(t, err)
	end := fset.Position(file.Decls[len(file.Decls)-1].End()).Line
	var lines []string
	for _, line := range strings.Split(src, "\n")[end:] {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	require.LessOrEqual(t, len(lines), 16, strings.Join(lines, "\n"))
	require.NotContains(t, src, ";", "no two statements on a line")
}
