package chat_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// notices returns the notices of a kind that a session has received by now.
func notices(t *testing.T, s *chat.Session, kind chat.NoticeKind) (ns []chat.Notice) {
	t.Helper()
	synctest.Wait()
	for _, d := range s.Take(nil, 1<<30) {
		if d.Notice != nil && d.Notice.Kind == kind {
			ns = append(ns, *d.Notice)
		}
	}
	return ns
}

func TestPresenceIsOfUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _, bb, _ := two(t)
		synctest.Wait() // until they hear each other
		ana := connect(t, a, "ana", nil)
		connect(t, a, "eve", nil)
		first := connect(t, b, "bob", nil)
		r, _ := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		time.Sleep(time.Second)
		first.Close()
		time.Sleep(10 * time.Second)
		ns := notices(t, ana, chat.Presence)
		require.Len(t, ns, 1)
		require.Equal(t, "bob", ns[0].User.Name)
		require.False(t, *ns[0].Online)

		first = connect(t, b, "bob", nil)
		second := connect(t, a, "bob", nil)
		time.Sleep(time.Second)
		ns = notices(t, ana, chat.Presence)
		require.Len(t, ns, 1, "of the user, not of each session")
		require.True(t, *ns[0].Online)
		ms, err := r.Members(t.Context(), "ana", "", 0)
		require.NoError(t, err)
		require.Equal(t, []bool{true, true}, []bool{ms[0].Online, ms[1].Online})

		first.Close()
		time.Sleep(time.Minute)
		require.Empty(t, notices(t, ana, chat.Presence), "the other session is there")
		second.Close()
		time.Sleep(2 * time.Second)
		second = connect(t, b, "bob", nil)
		time.Sleep(time.Minute)
		require.Empty(t, notices(t, ana, chat.Presence), "back at once is never gone")

		// The node dies: nobody says that bob has gone.
		bb.Disconnect(nil)
		second.Close()
		time.Sleep(2 * time.Minute)
		ms, err = r.Members(t.Context(), "ana", "", 0)
		require.NoError(t, err)
		require.Equal(t, []bool{true, false}, []bool{ms[0].Online, ms[1].Online})
	})
}

func TestTyping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _, _, _ := two(t)
		ana, bob, eve := connect(t, a, "ana", nil), connect(t, b, "bob", nil), connect(t, b, "eve", nil)
		_, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		synctest.Wait()
		for range 20 {
			require.NoError(t, ana.Typing(id))
			time.Sleep(time.Second / 4)
		}
		ns := notices(t, bob, chat.Typing)
		require.Len(t, ns, 2, "in five seconds")
		require.Equal(t, id, ns[0].In)
		require.Equal(t, "ana", ns[0].User.Name)
		require.Empty(t, notices(t, ana, chat.Typing), "not to oneself")
		require.Empty(t, notices(t, eve, chat.Typing), "not to others")
		require.ErrorIs(t, eve.Typing(id), chat.ErrNotFound)
	})
}

// A node that dies says nothing. Whoever shares a room with its users learns it
// when nobody has said for a while that they are there.
func TestPresenceOfUsersWhoseNodeHasDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _, bb, _ := two(t)
		ana := connect(t, a, "ana", nil)
		connect(t, b, "bob", nil)
		room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		time.Sleep(time.Minute)
		notices(t, ana, chat.Presence)
		bb.Disconnect(nil)
		time.Sleep(2 * time.Minute)
		ns := notices(t, ana, chat.Presence)
		require.Len(t, ns, 1)
		require.Equal(t, "bob", ns[0].User.Name)
		require.False(t, *ns[0].Online)

		bb.Reconnect() // it was the net that had died
		time.Sleep(time.Minute)
		ns = notices(t, ana, chat.Presence)
		require.Len(t, ns, 1)
		require.Equal(t, "bob", ns[0].User.Name)
		require.True(t, *ns[0].Online)
		bb.Disconnect(nil)
		bb.Reconnect()
		time.Sleep(2 * time.Minute)
		require.Empty(t, notices(t, ana, chat.Presence), "a short cut is no news")
	})
}

// A node that joins, or was out of reach, asks who is there.
func TestPresenceIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, ba, _, s := two(t)
		connect(t, a, "ana", nil)
		connect(t, b, "bob", nil)
		_, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		time.Sleep(5 * time.Second)
		bc := ba.Connect()
		defer bc.Close()
		c := newNode(t, &chat.Options{Store: s.connect(), Broker: bc})
		connect(t, c, "eve", nil)
		time.Sleep(2 * time.Second)
		r, err := c.Room(t.Context(), "eve", id)
		require.NoError(t, err)
		_, err = r.Change(t.Context(), "eve", chat.Change{ID: chat.NewID(), Kind: chat.Join})
		require.NoError(t, err)
		ms, err := r.Members(t.Context(), "eve", "", 0)
		require.NoError(t, err)
		for _, m := range ms {
			require.True(t, m.Online, m.User.ID)
		}
	})
}
