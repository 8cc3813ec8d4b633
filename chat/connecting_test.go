package chat_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func TestJoinDuringConnectKeepsWhatWasMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		store := &faulty{Store: chat.NewMemoryStore(nil)}
		store.inbox = func(_ chat.UserID, read func() (chat.Inbox, error)) (chat.Inbox, error) {
			if slow.Swap(false) {
				time.Sleep(time.Second)
			}
			return read()
		}
		n := newNode(t, &chat.Options{Store: store})
		ana := connect(t, n, "ana", nil)
		epoch := ana.Welcome().Epoch
		connect(t, n, "bob", nil)
		r, id := room(t, n, "bob", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"ana"}})
		ana.Close()
		post(t, r, "bob", "4")
		change(t, r, "bob", chat.Change{Kind: chat.Remove, User: "ana"})
		slow.Store(true)
		time.AfterFunc(time.Second/2, func() {
			_, err := r.Change(context.Background(), "bob", chat.Change{ID: chat.NewID(), Kind: chat.Invite, User: "ana"})
			if err != nil {
				t.Error(err)
			}
		})
		ana = connect(t, n, "ana", &chat.SessionOptions{Epoch: epoch, Rooms: map[chat.RoomID]chat.Seq{id: 3}})
		require.Equal(t, []chat.Seq{4, 5, 6}, seqs(t, ana, id, 3))
		post(t, r, "bob", "7")
		require.Equal(t, []chat.Seq{7}, seqs(t, ana, id, 6))
	})
}

func TestJoinAtTheEndOfConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Store: chat.NewMemoryStore(nil)}
		var then atomic.Pointer[func()]
		store.inbox = func(user chat.UserID, read func() (chat.Inbox, error)) (chat.Inbox, error) {
			in, err := read()
			if user == "ana" {
				if f := then.Swap(nil); f != nil {
					(*f)()
				}
			}
			return in, err
		}
		n := newNode(t, &chat.Options{Store: store})
		connect(t, n, "bob", nil)
		connect(t, n, "ana", nil).Close()
		r, id := room(t, n, "bob", chat.NewRoom{Name: "Tea"})
		then.Store(new(func() { change(t, r, "bob", chat.Change{Kind: chat.Invite, User: "ana"}) }))
		ana := connect(t, n, "ana", nil)
		post(t, r, "bob", "4")
		require.Equal(t, []chat.Seq{3, 4}, seqs(t, ana, id, 2), "at once, not with the next sweep")
	})
}

func TestRemovalDuringConnectIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Store: chat.NewMemoryStore(nil)}
		var then atomic.Pointer[func()]
		store.inbox = func(user chat.UserID, read func() (chat.Inbox, error)) (chat.Inbox, error) {
			in, err := read()
			if user == "ana" {
				if f := then.Swap(nil); f != nil {
					(*f)()
				}
			}
			return in, err
		}
		n := newNode(t, &chat.Options{Store: store})
		connect(t, n, "ana", nil).Close()
		connect(t, n, "bob", nil)
		r, id := room(t, n, "bob", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"ana"}})
		then.Store(new(func() { change(t, r, "bob", chat.Change{Kind: chat.Remove, User: "ana"}) }))
		ana := connect(t, n, "ana", nil)
		left := seqs(t, ana, id, 3)
		rooms := ana.Welcome().Rooms
		require.True(t, len(rooms) == 0 || len(left) == 1, "welcome has %d rooms, and no event tells of the removal", len(rooms))
	})
}

// behindStore tells of an older state of the rooms than it has told before, as one
// that was restored under a running node.
type behindStore struct {
	chat.Store
	older atomic.Bool
	asked atomic.Int64
}

func (s *behindStore) Inbox(ctx context.Context, u chat.UserID) (chat.Inbox, error) {
	in, err := s.Store.Inbox(ctx, u)
	for i := range in.Rooms {
		if s.older.Load() {
			in.Rooms[i].Access, in.Rooms[i].Head = 1, 1
		}
	}
	return in, err
}

func (s *behindStore) Snapshot(ctx context.Context, r chat.RoomID, us []chat.UserID) (chat.Snapshot, error) {
	s.asked.Add(1)
	sn, err := s.Store.Snapshot(ctx, r, us)
	if s.older.Load() {
		sn.Access, sn.Info.Head = 1, 1
	}
	return sn, err
}

func (s *behindStore) Append(ctx context.Context, w chat.Write) (chat.Appended, error) {
	if s.older.Load() {
		if w.Known > 1 {
			return chat.Appended{}, chat.ErrStale
		}
		w.Basis = 1 << 39 // of what is stored in fact
	}
	return s.Store.Append(ctx, w)
}

// What is posted to an older store begins its new life before it is stored, and not
// only when the node next looks after its rooms: until then it would go by who
// was a member in the former one.
func TestPostToAnOlderStoreBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &behindStore{Store: chat.NewMemoryStore(nil)}
		n := newNode(t, &chat.Options{Store: s})
		ana := connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		post(t, r, "ana", "before")
		began := time.Now()
		s.older.Store(true)
		d := chat.Draft{ID: chat.NewID(), Text: "after"}
		_, err := r.Post(t.Context(), "ana", d)
		require.ErrorIs(t, err, chat.ErrUnavailable)
		require.Zero(t, time.Since(began))
		require.ErrorIs(t, ana.Err(), chat.ErrEpoch)
		connect(t, n, "ana", nil)
		again, err := r.Post(t.Context(), "ana", d)
		require.NoError(t, err)
		require.False(t, again.Duplicate)
	})
}

// A node that is told less than it was told before does not ask until it is told
// the same: it takes the store for what it is, an older one.
func TestConnectToAnOlderStoreBeginsAnew(t *testing.T) {
	s := &behindStore{Store: chat.NewMemoryStore(nil)}
	n := newNode(t, &chat.Options{Store: s})
	first := connect(t, n, "ana", nil)
	epoch := first.Welcome().Epoch
	room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	s.older.Store(true)
	s.asked.Store(0)
	_, err := n.Connect(t.Context(), as("ana"), nil)
	require.ErrorIs(t, err, chat.ErrEpoch)
	require.Less(t, s.asked.Load(), int64(3))
	<-first.Done()
	require.ErrorIs(t, first.Err(), chat.ErrEpoch)
	require.NotEqual(t, epoch, connect(t, n, "ana", nil).Welcome().Epoch)
}
