package chat_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	broker "github.com/carlware/gochat/transport/memory"
)

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broker.New(nil)
		defer b.Close()
		clock := command.NewBot("clock", nil)
		command.Handle(clock, "time", "", func(context.Context, *command.Call, struct{}) error { return nil })
		n := newNode(t, &chat.Options{Broker: b, Commands: clock})
		var runs atomic.Int64
		began := time.Now()
		serve(t, echo(&runs), b)
		synctest.Wait()

		ana := connect(t, n, "ana", nil)
		connect(t, n, "ana", nil)
		connect(t, n, "bob", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		room(t, n, "bob", chat.NewRoom{Name: "Coffee"})
		post(t, r, "ana", "hello")
		_, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/echo 5s"})
		require.NoError(t, err)
		synctest.Wait()

		st := n.Stats()
		require.Equal(t, []int{2, 3, 2, 4}, []int{st.Rooms, st.Sessions, st.Users, st.Places})
		require.Equal(t, []int{1, 0, 0, 0}, []int{st.Calls, st.Abandoned, st.Publishing, st.Behind})
		require.NotZero(t, st.Queued)
		require.Greater(t, st.QueuedBytes, st.Queued)
		require.Equal(t, ana.Welcome().Epoch, st.Epoch)
		require.Equal(t, []command.Served{
			{Bot: "clock", Local: true, Commands: []string{"time"}},
			{Bot: "echo", Instances: 1, Since: began, Commands: []string{"echo"}},
		}, st.Bots)

		ana.Close()
		time.Sleep(time.Minute)
		st = n.Stats()
		require.Equal(t, []int{2, 2, 3, 0}, []int{st.Rooms, st.Sessions, st.Places, st.Calls})
	})
}

// A session whose reader is slow is told of as one that is behind, and once it
// has read as one that is not.
func TestStatsOfTheSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, &chat.Options{Limits: chat.Limits{SessionBytes: 1024}})
		s := connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		for range 20 {
			post(t, r, "ana", "hello")
		}
		synctest.Wait()
		require.Equal(t, 1, n.Stats().Behind)
		for nextEvent(t, s).Seq < 22 {
		}
		synctest.Wait()
		require.Zero(t, n.Stats().Behind)
		require.Zero(t, n.Stats().QueuedBytes)
	})
}
