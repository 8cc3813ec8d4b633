package webhook_test

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/command/webhook"
)

// The bot in testdata/bot.mjs answers in a room, and a chat that has another
// secret gets no answer from it.
func TestBotInJavaScript(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("node is needed where CI=true")
		}
		t.Skip("no node on this machine; CI has one")
	}
	ctx, stop := context.WithCancel(t.Context())
	bot := exec.CommandContext(ctx, node, "testdata/bot.mjs")
	bot.Env = append(os.Environ(), "GOCHAT_SECRET="+secret, "PORT=0")
	bot.Stderr = os.Stderr
	out, err := bot.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, bot.Start())
	t.Cleanup(func() {
		stop()
		_ = bot.Wait() // it was killed
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	url := "http://127.0.0.1:" + strings.TrimSpace(port)

	ask := func(secret, line string) (chat.Outcome, []chat.Event) {
		t.Helper()
		dice, err := webhook.New(url, secret, nil)
		require.NoError(t, err)
		var router command.Router
		router.Handle(command.Spec{Bot: "dice", Name: "dice", Usage: "/dice [sides]"}, dice)
		chats, err := chat.New(&chat.Options{Commands: &router, Lobby: "general", Logger: quiet})
		require.NoError(t, err)
		defer chats.Shutdown(context.Background())
		require.NoError(t, chats.Admit(t.Context(), chat.Principal{User: chat.User{ID: "ana", Name: "Ana"}}))
		rooms, err := chats.Rooms(t.Context(), "ana", "", 0)
		require.NoError(t, err)
		room, err := chats.Room(t.Context(), "ana", rooms[0].ID)
		require.NoError(t, err)
		call, err := room.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: line})
		require.NoError(t, err)
		o, err := call.Wait(t.Context())
		require.NoError(t, err)
		page, err := room.History(t.Context(), "ana", chat.Range{})
		require.NoError(t, err)
		return o, page.Events
	}
	o, events := ask(secret, "/dice 20")
	require.Equal(t, chat.CallDone, o.Status, o.Error)
	last := events[len(events)-1]
	require.Regexp(t, `^Ana rolls \d+ of 20\.$`, last.Text)
	require.Equal(t, chat.UserID("bot:dice"), last.User.ID)
	o, _ = ask(secret, "/dice many")
	require.Equal(t, command.CodeUsage, o.Error.Code)
	require.Contains(t, o.Error.Message, "2 to 1000 sides")
	o, _ = ask("another secret that is long", "/dice")
	require.Equal(t, chat.CallFailed, o.Status)

	resp, err := http.Post(url, "application/json", strings.NewReader(`{"text":"6","user":{"name":"Eve"}}`))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	http.DefaultClient.CloseIdleConnections()
}
