package chat_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// counts returns the counts of some notices of a room, and that they say
// nothing of who.
func counts(t *testing.T, ns []chat.Notice, in chat.RoomID) (all []int) {
	t.Helper()
	for _, n := range ns {
		require.Nil(t, n.User)
		require.Equal(t, in, n.In)
		all = append(all, *n.Count)
	}
	return all
}

func TestCrowdIsToldHowMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, &chat.Options{Limits: chat.Limits{Crowd: 2}})
		ana, bob, eve := connect(t, n, "ana", nil), connect(t, n, "bob", nil), connect(t, n, "eve", nil)
		second := connect(t, n, "eve", nil)
		_, id := room(t, n, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob", "eve"}})
		notices(t, bob, chat.Typing)

		for range 8 {
			require.NoError(t, ana.Typing(id))
			require.NoError(t, eve.Typing(id))
			time.Sleep(time.Second)
		}
		ns := notices(t, bob, chat.Typing)
		require.Subset(t, []int{2}, counts(t, ns, id))
		require.Len(t, ns, 3, "every three seconds")
		time.Sleep(20 * time.Second)
		ns = notices(t, bob, chat.Typing)
		require.Equal(t, 0, *ns[len(ns)-1].Count)
		require.LessOrEqual(t, len(ns), 3, "then silence")

		second.Close()
		time.Sleep(10 * time.Second)
		require.Empty(t, notices(t, bob, chat.Presence), "eve is there still")
		eve.Close()
		time.Sleep(20 * time.Second)
		zoe := connect(t, n, "eve", nil)
		time.Sleep(20 * time.Second)
		require.Equal(t, []int{3}, counts(t, notices(t, zoe, chat.Presence), id), "who comes is told too")
	})
}

func TestSmallRoomsAreToldWho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, &chat.Options{Limits: chat.Limits{Crowd: 2}})
		ana, bob := connect(t, n, "ana", nil), connect(t, n, "bob", nil)
		eve := connect(t, n, "eve", nil)
		_, id := room(t, n, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob", "eve"}})
		eve.Close() // the crowd is none any more
		time.Sleep(30 * time.Second)
		notices(t, bob, chat.Typing)
		require.NoError(t, ana.Typing(id))
		ns := notices(t, bob, chat.Typing)
		require.Len(t, ns, 1)
		require.Equal(t, "ana", ns[0].User.Name)
		time.Sleep(30 * time.Second)
		require.Empty(t, notices(t, bob, chat.Typing))
	})
}

// A room is a crowd for all nodes when it is one for some: nobody is told of
// each who comes and goes among thousands elsewhere.
func TestCrowdOnAnotherNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _, bb, _ := twoLimited(t, chat.Limits{Crowd: 2})
		synctest.Wait()
		var there []*chat.Session
		for _, name := range []string{"bob", "eve", "zoe"} {
			there = append(there, connect(t, b, name, nil))
		}
		ana := connect(t, a, "ana", nil)
		_, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob", "eve", "zoe"}})
		time.Sleep(10 * time.Second)
		there[0].Close()
		there[0] = connect(t, b, "bob", nil)
		time.Sleep(30 * time.Second)
		notices(t, ana, chat.Presence)
		there = append(there, connect(t, b, "bob", nil))
		time.Sleep(30 * time.Second)
		require.Subset(t, []int{4}, counts(t, notices(t, ana, chat.Presence), id))

		require.NoError(t, there[1].Typing(id))
		time.Sleep(4 * time.Second)
		require.Subset(t, []int{1}, counts(t, notices(t, ana, chat.Typing), id))

		// The other node dies: what it said holds for a minute.
		bb.Disconnect(nil)
		time.Sleep(3 * time.Minute)
		notices(t, ana, chat.Presence)
		eve := connect(t, a, "eve", nil)
		time.Sleep(time.Second)
		ns := notices(t, ana, chat.Presence)
		require.Len(t, ns, 1)
		require.Equal(t, "eve", ns[0].User.Name)
		eve.Close()
	})
}
