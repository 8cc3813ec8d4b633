package chat_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// clerk is a bot with a command for everybody and one for owners.
func clerk() *command.Bot {
	bot := command.NewBot("clerk", &command.BotOptions{Logger: quiet})
	command.Handle(bot, "hello", "Says hello", func(_ context.Context, c *command.Call, _ struct{}) error {
		return c.Say("Hello, " + c.User.Name + ".")
	})
	command.HandleSpec(bot, command.Spec{Name: "wipe", Summary: "Wipes the board", Roles: []string{"owner"}},
		func(_ context.Context, c *command.Call, _ struct{}) error { return c.Say("Wiped.") })
	return bot
}

// ask runs a command line to its end.
func ask(t *testing.T, r chat.Room, by, line string) (chat.Outcome, error) {
	t.Helper()
	call, err := r.Command(t.Context(), chat.UserID(by), chat.CommandLine{ID: chat.NewID(), Text: line})
	if err != nil {
		return chat.Outcome{}, err
	}
	return call.Wait(t.Context())
}

func TestCommandsAreThoseOneMayCall(t *testing.T) {
	n := newNode(t, &chat.Options{Commands: clerk()})
	for _, name := range []string{"ana", "bob", "eve"} {
		connect(t, n, name, nil)
	}
	r, id := room(t, n, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
	_, private := room(t, n, "ana", chat.NewRoom{Name: "Tea", Kind: chat.Private})
	old, archived := room(t, n, "ana", chat.NewRoom{Name: "Old"})
	change(t, old, "ana", chat.Change{Kind: chat.Archive})
	for i, tt := range []struct {
		by    chat.UserID
		room  chat.RoomID
		names []string
	}{
		{"ana", id, []string{"hello", "help", "wipe"}},
		{"bob", id, []string{"hello", "help"}},
		{"bob", "", []string{"hello", "help", "wipe"}},
		{"eve", id, nil},
		{"ana", archived, nil},
		{chat.System, id, []string{"hello", "help", "wipe"}},
	} {
		specs, err := n.Commands(t.Context(), tt.by, tt.room)
		require.NoError(t, err)
		var names []string
		for _, s := range specs {
			names = append(names, s.Name)
		}
		require.Equal(t, tt.names, names, i)
	}
	_, err := n.Commands(t.Context(), "bob", private)
	require.ErrorIs(t, err, chat.ErrNotFound)

	for by, sees := range map[string]bool{"ana": true, "bob": false} {
		o, err := ask(t, r, by, "/help")
		require.NoError(t, err)
		require.Equal(t, chat.CallEphemeral, o.Status)
		require.Contains(t, o.Text, "/hello")
		if o, err = ask(t, r, by, "/help wipe"); sees {
			require.NoError(t, err)
			require.Contains(t, o.Text, "Wipes the board")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, command.CodeUnknownCommand, o.Error.Code, "what one may not call is not shown")
	}
	_, err = ask(t, r, "bob", "/wipe")
	require.Equal(t, "forbidden", chat.AsError(err).Code)
}

// Commands are for members, and the answer goes to the room that they were typed
// in, or to nobody but the caller.
func TestCommandsWhereOneMayNotWrite(t *testing.T) {
	n := newNode(t, &chat.Options{Commands: clerk()})
	for _, name := range []string{"ana", "bob", "eve"} {
		connect(t, n, name, nil)
	}
	public, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
	private, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea", Kind: chat.Private})
	archived, _ := room(t, n, "ana", chat.NewRoom{Name: "Old", Members: []chat.UserID{"bob"}})
	change(t, archived, "ana", chat.Change{Kind: chat.Archive})
	banned, _ := room(t, n, "ana", chat.NewRoom{Name: "Out", Members: []chat.UserID{"bob"}})
	change(t, banned, "ana", chat.Change{Kind: chat.Ban, User: "bob"})
	direct, err := n.Direct(t.Context(), "ana", "bob", chat.NewID())
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		room chat.Room
		by   string
		code string
	}{
		"not a member":            {public, "eve", "forbidden"},
		"not a member, private":   {private, "bob", "not_found"},
		"archived":                {archived, "bob", "forbidden"},
		"banned":                  {banned, "bob", "not_found"},
		"somebody else's dialog":  {direct, "eve", "not_found"},
		"a user who is not there": {public, "nobody", "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, line := range []string{"/hello", "/help"} {
				_, err := ask(t, tt.room, tt.by, line)
				require.Equal(t, tt.code, chat.AsError(err).Code, line)
			}
		})
	}
	o, err := ask(t, direct, "bob", "/hello")
	require.NoError(t, err)
	require.Len(t, o.Seqs, 1)
	for name, r := range map[string]chat.Room{"public": public, "private": private, "archived": archived, "banned": banned} {
		page, err := r.History(t.Context(), chat.System, chat.Range{})
		require.NoError(t, err)
		for _, e := range page.Events {
			require.NotEqual(t, chat.Message, e.Kind, name)
		}
	}
}

func TestCommandsAreLimited(t *testing.T) {
	n := newNode(t, &chat.Options{Commands: clerk(), Limits: chat.Limits{Commands: chat.Rate{PerSecond: 2, Burst: 5}}})
	connect(t, n, "ana", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	refused := 0
	for i := range 50 {
		_, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: fmt.Sprint("/hello ", i)})
		if err != nil {
			e := chat.AsError(err)
			require.Equal(t, "rate_limited", e.Code)
			require.Positive(t, e.RetryAfter)
			refused++
		}
	}
	require.GreaterOrEqual(t, refused, 40)
}
