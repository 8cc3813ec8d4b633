package chat_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	broker "github.com/carlware/gochat/transport/memory"
)

func seqs(t *testing.T, s *chat.Session, id chat.RoomID, last chat.Seq) (got []chat.Seq) {
	t.Helper()
	synctest.Wait()
	for _, d := range s.Take(nil, 1<<30) {
		switch {
		case d.Gap != nil && d.Gap.Room == id:
			require.Equal(t, last, d.Gap.After)
			last = d.Gap.Head
		case d.Event != nil && d.Event.Room == id:
			require.Equal(t, last+1, d.Event.Seq, "after %v", got)
			last++
			got = append(got, last)
		}
	}
	return got
}

func change(t *testing.T, r chat.Room, by string, c chat.Change) {
	t.Helper()
	c.ID = chat.NewID()
	_, err := r.Change(t.Context(), chat.UserID(by), c)
	require.NoError(t, err)
}

func twoWith(t *testing.T, f *faulty) (a, b *chat.Node) {
	t.Helper()
	s := newShared()
	ba := broker.New(nil)
	bb := ba.Connect()
	t.Cleanup(func() { ba.Close(); bb.Close() })
	f.Store = s.connect()
	a = newNode(t, &chat.Options{Store: s.connect(), Broker: ba})
	b = newNode(t, &chat.Options{Store: f, Broker: bb})
	synctest.Wait()
	ba.Disconnect(nil)
	bb.Disconnect(nil)
	return a, b
}

func TestRemovalDuringReplayKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		release := make(chan struct{})
		store := &faulty{Store: chat.NewMemoryStore(nil)}
		store.page = func(viewer chat.UserID, read func() (chat.Page, error)) (chat.Page, error) {
			p, err := read()
			if viewer == "ana" && slow.Swap(false) {
				<-release
			}
			return p, err
		}
		n := newNode(t, &chat.Options{Store: store})
		ana := connect(t, n, "ana", nil)
		epoch := ana.Welcome().Epoch
		connect(t, n, "bob", nil)
		r, id := room(t, n, "bob", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"ana"}})
		ana.Close()
		for range 5 {
			post(t, r, "bob", "x") // 4 to 8
		}
		slow.Store(true)
		ana = connect(t, n, "ana", &chat.SessionOptions{Epoch: epoch, Rooms: map[chat.RoomID]chat.Seq{id: 3}})
		synctest.Wait() // the page is read, and not yet handed out
		change(t, r, "bob", chat.Change{Kind: chat.Remove, User: "ana"})
		change(t, r, "bob", chat.Change{Kind: chat.Invite, User: "ana"})
		post(t, r, "bob", "welcome back") // 11
		close(release)
		require.Equal(t, []chat.Seq{9, 10, 11}, seqs(t, ana, id, 3))
	})
}

func TestMemberWhoConnectsToALaggingNodeMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f faulty
		f.page = func(viewer chat.UserID, read func() (chat.Page, error)) (chat.Page, error) {
			if viewer == "cyd" {
				time.Sleep(10 * time.Millisecond) // the sequencer comes first
			}
			return read()
		}
		a, b := twoWith(t, &f)
		cyd := connect(t, a, "cyd", nil)
		connect(t, a, "ana", nil)
		connect(t, b, "bob", nil)
		r, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob", "cyd"}})
		epoch := cyd.Welcome().Epoch
		cyd.Close()
		post(t, r, "ana", "5")
		post(t, r, "ana", "6")
		time.Sleep(5 * time.Second) // b hosts the room for bob, and is there
		post(t, r, "ana", "7")
		change(t, r, "ana", chat.Change{Kind: chat.Remove, User: "cyd"})
		change(t, r, "ana", chat.Change{Kind: chat.Invite, User: "cyd"})
		post(t, r, "ana", "10")
		cyd = connect(t, b, "cyd", &chat.SessionOptions{Epoch: epoch, Rooms: map[chat.RoomID]chat.Seq{id: 4}})
		time.Sleep(time.Second)
		require.Equal(t, []chat.Seq{5, 6, 7, 8, 9, 10}, seqs(t, cyd, id, 4))
	})
}

// What all rooms of a connect may replay together is bounded; a room that does
// not fit is a gap, and goes on live.
func TestReplayOfAllRoomsTogetherIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, &chat.Options{Limits: chat.Limits{ReplayTotal: 8}})
		ana := connect(t, n, "ana", nil)
		rooms, seen := map[chat.RoomID]chat.Room{}, map[chat.RoomID]chat.Seq{}
		for _, name := range []string{"Tea", "Coffee", "Milk"} {
			r, id := room(t, n, "ana", chat.NewRoom{Name: name})
			rooms[id], seen[id] = r, 2
		}
		epoch := ana.Welcome().Epoch
		ana.Close()
		for _, r := range rooms {
			for range 5 {
				post(t, r, "ana", "x") // 3 to 7
			}
		}
		ana = connect(t, n, "ana", &chat.SessionOptions{Epoch: epoch, Rooms: seen})
		synctest.Wait()
		events, gaps := map[chat.RoomID][]chat.Seq{}, map[chat.RoomID]chat.Gap{}
		for _, d := range ana.Take(nil, 1<<30) {
			switch {
			case d.Gap != nil:
				require.NotContains(t, gaps, d.Gap.Room)
				gaps[d.Gap.Room] = *d.Gap
			case d.Event != nil:
				events[d.Event.Room] = append(events[d.Event.Room], d.Event.Seq)
			}
		}
		require.Len(t, events, 1)
		require.Len(t, gaps, 2)
		for id, r := range rooms {
			if es, ok := events[id]; ok {
				require.Equal(t, []chat.Seq{3, 4, 5, 6, 7}, es)
				require.NotContains(t, gaps, id)
			} else {
				require.Equal(t, chat.Gap{Room: id, After: 2, Head: 7, Floor: 1}, gaps[id])
			}
			post(t, r, "ana", "live")
			require.Equal(t, []chat.Seq{8}, seqs(t, ana, id, 7))
		}

		// The bound itself still fits.
		var one chat.RoomID
		for id := range rooms {
			one = id
		}
		again := connect(t, n, "ana", &chat.SessionOptions{Epoch: epoch, Rooms: map[chat.RoomID]chat.Seq{one: 0}})
		require.Len(t, seqs(t, again, one, 0), 8)
	})
}
