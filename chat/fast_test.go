package chat_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

func TestFastCommand(t *testing.T) {
	bot := command.NewBot("clock", nil)
	command.Handle(bot, "time", "What time it is", func(ctx context.Context, c *command.Call, _ struct{}) error {
		c.Ephemeral("psst")
		return c.Say("It is noon, " + c.User.Name + ".")
	})
	n := newNode(t, &chat.Options{Commands: bot})
	ana, bob := connect(t, n, "ana", nil), connect(t, n, "bob", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
	line := chat.CommandLine{ID: chat.NewID(), Text: "/time"}
	call, err := r.Command(t.Context(), "ana", line)
	require.NoError(t, err)
	o, err := call.Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, chat.CallDone, o.Status)
	require.Equal(t, "psst", o.Text)
	require.Equal(t, o, nextOutcome(t, ana))

	var e chat.Event
	for e = nextEvent(t, bob); e.Kind != chat.Message; e = nextEvent(t, bob) {
	}
	require.Equal(t, "It is noon, ana.", e.Text)
	require.Equal(t, chat.User{ID: "bot:clock", Name: "clock", Bot: true}, e.User)
	require.Equal(t, "time", e.Call.Name)
	require.Equal(t, chat.UserID("ana"), e.Call.By.ID)

	again, err := r.Command(t.Context(), "ana", line)
	require.NoError(t, err)
	o2, err := again.Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, o, o2, "a resend gets the same outcome")

	_, err = r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/tmie"})
	require.Equal(t, "unknown_command", chat.AsError(err).Code)
	require.Contains(t, err.Error(), "time")

	specs, err := n.Commands(t.Context(), "ana", "")
	require.NoError(t, err)
	require.Len(t, specs, 2)
	require.Equal(t, "help", specs[0].Name)
	help, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/help"})
	require.NoError(t, err)
	o, err = help.Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, chat.CallEphemeral, o.Status)
	require.Contains(t, o.Text, "/time")
}

func TestFastCommandTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := command.NewBot("slow", nil)
		command.Handle(bot, "sleep", "Sleep", func(ctx context.Context, c *command.Call, _ struct{}) error {
			time.Sleep(11 * time.Second) // whatever ctx says
			return c.Say("too late")
		})
		n := newNode(t, &chat.Options{Commands: bot})
		ana := connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		began := time.Now()
		_, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/sleep"})
		require.NoError(t, err)
		o := nextOutcome(t, ana)
		require.Equal(t, "timeout", o.Error.Code)
		require.Equal(t, 10*time.Second, time.Since(began))
		page, err := r.History(t.Context(), "ana", chat.Range{})
		require.NoError(t, err)
		require.Len(t, page.Events, 2, "no answer in the room")
	})
}
