package chat_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, &chat.Options{Limits: chat.Limits{Messages: chat.Rate{PerSecond: 10, Burst: 3}}})
		connect(t, n, "ana", nil)
		connect(t, n, "bob", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		last := chat.Draft{ID: chat.NewID(), Text: "last"}
		post(t, r, "ana", "1")
		post(t, r, "ana", "2")
		_, err := r.Post(t.Context(), "ana", last)
		require.NoError(t, err)

		_, err = r.Post(t.Context(), "ana", chat.Draft{ID: chat.NewID(), Text: "too many"})
		e, ok := errors.AsType[*chat.RateError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, 100*time.Millisecond, e.RetryAfter)
		require.Equal(t, "rate_limited", chat.AsError(err).Code)
		require.EqualValues(t, 100, chat.AsError(err).RetryAfter)

		rc, err := r.Post(t.Context(), "ana", last)
		require.NoError(t, err, "a resend of what is stored is answered all the same")
		require.True(t, rc.Duplicate)
		post(t, r, "bob", "others are not held up")
		time.Sleep(e.RetryAfter)
		post(t, r, "ana", "again")
	})
}

func TestRoomsAreHeldToTheirRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, &chat.Options{Limits: chat.Limits{Rooms: chat.Rate{PerSecond: 1, Burst: 2}}})
		connect(t, n, "ana", nil)
		connect(t, n, "bob", nil)
		first := chat.NewRoom{ID: chat.NewID(), Name: "Tea"}
		_, err := n.CreateRoom(t.Context(), "ana", first)
		require.NoError(t, err)
		for range 10 {
			_, err = n.Direct(t.Context(), "ana", "bob", chat.NewID())
			require.NoError(t, err, "opening a direct room that is there makes none")
			time.Sleep(time.Second)
		}
		for _, name := range []string{"Coffee", "Milk"} {
			_, err = n.CreateRoom(t.Context(), "ana", chat.NewRoom{ID: chat.NewID(), Name: name})
			require.NoError(t, err)
		}
		_, err = n.CreateRoom(t.Context(), "ana", chat.NewRoom{ID: chat.NewID(), Name: "Water"})
		require.Equal(t, "rate_limited", chat.AsError(err).Code)
		_, err = n.CreateRoom(t.Context(), "ana", first)
		require.NoError(t, err, "a resend is answered")
	})
}

func TestOneUserCanNotFillTheNodeWithCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := command.NewBot("slow", &command.BotOptions{Logger: quiet})
		command.Handle(bot, "wait", "Wait", func(ctx context.Context, c *command.Call, _ struct{}) error {
			<-ctx.Done()
			return c.Say("done")
		})
		n := newNode(t, &chat.Options{Commands: bot, Limits: chat.Limits{UserCalls: 3}})
		connect(t, n, "ana", nil)
		connect(t, n, "bob", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		run := func(by chat.UserID) error {
			_, err := r.Command(t.Context(), by, chat.CommandLine{ID: chat.NewID(), Text: "/wait"})
			return err
		}
		for range 3 {
			require.NoError(t, run("ana"))
		}
		require.Equal(t, "overloaded", chat.AsError(run("ana")).Code)
		require.NoError(t, run("bob"))
		time.Sleep(time.Minute)
		require.NoError(t, run("ana"), "when they have ended there is room again")
	})
}
