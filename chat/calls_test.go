package chat_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport"
)

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
