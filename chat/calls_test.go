package chat_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport"
)

func ended(t *testing.T, c *chat.PendingCall) chat.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o, err := c.Wait(ctx)
	require.NoError(t, err)
	return o
}

func TestCommandThatWasNotSentFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, ba, bb, _ := two(t)
		var runs atomic.Int64
		serve(t, echo(&runs), bb)
		ana := connect(t, a, "ana", nil)
		r, _ := room(t, a, "ana", chat.NewRoom{Name: "Tea"})
		synctest.Wait()
		ba.FailSends(1, context.DeadlineExceeded) // the contract of Send: not sent
		began := time.Now()
		_, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/echo"})
		require.NoError(t, err)
		require.Equal(t, "unavailable", nextOutcome(t, ana).Error.Code)
		require.Less(t, time.Since(began), time.Second)
	})
}

func TestUnknownSendIsSentAgainUntilItIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, ba, bb, _ := two(t)
		var runs atomic.Int64
		serve(t, echo(&runs), bb)
		ana := connect(t, a, "ana", nil)
		r, _ := room(t, a, "ana", chat.NewRoom{Name: "Tea"})
		synctest.Wait()
		ba.FailSends(2, transport.ErrUnknown)
		_, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/echo"})
		require.NoError(t, err)
		for range 2 {
			synctest.Wait()
			ba.Disconnect(nil)
			ba.Reconnect()
		}
		require.Equal(t, chat.CallDone, nextOutcome(t, ana).Status)
		require.EqualValues(t, 1, runs.Load())
	})
}

func TestOutcomesDoNotFillASessionThatIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := command.NewBot("loud", &command.BotOptions{Logger: quiet})
		command.Handle(bot, "shout", "Says much", func(ctx context.Context, c *command.Call, _ struct{}) error {
			for range 5 {
				if err := c.Ephemeral(strings.Repeat("€", 4000)); err != nil {
					return err
				}
			}
			return nil
		})
		n := newNode(t, &chat.Options{Commands: bot})
		ana := connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		for range 100 { // 6 MB
			c, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/shout"})
			require.NoError(t, err)
			ended(t, c)
		}
		require.ErrorIs(t, ana.Err(), chat.ErrBusy)
		size := func(s *chat.Session) (n int) {
			for _, d := range s.Take(nil, 1<<30) {
				if d.Outcome != nil {
					n += len(d.Outcome.Text)
				}
			}
			return n
		}
		require.Less(t, size(ana), 2<<20)
		again := connect(t, n, "ana", nil)
		got := size(again)
		require.Less(t, got, 2<<20)
		require.Positive(t, got)
		require.NoError(t, again.Err(), "what it is reminded of does not end it again")
	})
}
