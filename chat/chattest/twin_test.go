package chattest_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
)

// TestTwins runs the cases for data that outlives its stores and is shared by
// several of them, which a store in memory can't be. So the suite is known to be
// right about those, too, wherever no database is at hand.
func TestTwins(t *testing.T) {
	chattest.TestStore(t, func(t *testing.T) chattest.StoreOpener {
		return new(twins).open
	}, &chattest.StoreOptions{Clock: true, Persistent: true, Shared: true, Revoker: true, Trimmer: true})
}

// twins are stores over the data of one store in memory.
type twins struct {
	mu     sync.Mutex // held by the writer of events
	writer *twin
	store  *chat.MemoryStore
	id     chat.Identity
}

func (d *twins) open(clock func() time.Time) (chat.Store, error) {
	if d.store == nil {
		d.store = chat.NewMemoryStore(&chat.MemoryOptions{Clock: clock})
		id, err := d.store.Attach(func(batch []chat.Event) { d.writer.committed(batch) })
		if err != nil {
			return nil, err
		}
		d.id = id
	}
	return &twin{data: d}, nil
}

// twin is one of the stores. The calls under way hold mu for reading.
type twin struct {
	data      *twins
	committed func([]chat.Event)
	mu        sync.RWMutex
	closed    bool
}

func (s *twin) Attach(committed func([]chat.Event)) (chat.Identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.committed != nil {
		return chat.Identity{}, chat.ErrClosed
	}
	s.committed = committed
	id := s.data.id
	var err error
	id.Epoch, err = s.data.store.RotateEpoch(context.Background(), "")
	return id, err
}

func (s *twin) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// do runs f unless the store is closed.
func (s *twin) do(f func(chat.Store) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return chat.ErrClosed
	}
	return f(s.data.store)
}

// write is do for what commits events.
func (s *twin) write(f func(chat.Store) error) error {
	return s.do(func(store chat.Store) error {
		s.data.mu.Lock()
		defer s.data.mu.Unlock()
		s.data.writer = s
		return f(store)
	})
}

func (s *twin) Append(ctx context.Context, w chat.Write) (a chat.Appended, err error) {
	err = s.write(func(t chat.Store) error { a, err = t.Append(ctx, w); return err })
	return a, err
}

func (s *twin) CreateRoom(ctx context.Context, w chat.RoomWrite) (c chat.CreatedRoom, err error) {
	err = s.write(func(t chat.Store) error { c, err = t.CreateRoom(ctx, w); return err })
	return c, err
}

func (s *twin) SettleCall(ctx context.Context, n chat.Settlement) (c chat.Call, first bool, err error) {
	err = s.write(func(t chat.Store) error { c, first, err = t.SettleCall(ctx, n); return err })
	return c, first, err
}

func (s *twin) Find(ctx context.Context, room chat.RoomID, user chat.UserID, id string) (e chat.Event, h [16]byte, err error) {
	err = s.do(func(t chat.Store) error { e, h, err = t.Find(ctx, room, user, id); return err })
	return e, h, err
}

func (s *twin) Page(ctx context.Context, viewer chat.UserID, room chat.RoomID, r chat.Range) (p chat.Page, err error) {
	err = s.do(func(t chat.Store) error { p, err = t.Page(ctx, viewer, room, r); return err })
	return p, err
}

func (s *twin) Heads(ctx context.Context, known map[chat.RoomID]chat.Seq) (h map[chat.RoomID]chat.Seq, err error) {
	err = s.do(func(t chat.Store) error { h, err = t.Heads(ctx, known); return err })
	return h, err
}

func (s *twin) RotateEpoch(ctx context.Context, old string) (epoch string, err error) {
	err = s.do(func(t chat.Store) error { epoch, err = t.RotateEpoch(ctx, old); return err })
	return epoch, err
}

func (s *twin) PutUsers(ctx context.Context, users []chat.User) error {
	return s.do(func(t chat.Store) error { return t.PutUsers(ctx, users) })
}

func (s *twin) Users(ctx context.Context, ids []chat.UserID) (users []chat.User, err error) {
	err = s.do(func(t chat.Store) error { users, err = t.Users(ctx, ids); return err })
	return users, err
}

func (s *twin) Snapshot(ctx context.Context, room chat.RoomID, users []chat.UserID) (v chat.Snapshot, err error) {
	err = s.do(func(t chat.Store) error { v, err = t.Snapshot(ctx, room, users); return err })
	return v, err
}

func (s *twin) RoomNamed(ctx context.Context, name string) (r chat.RoomInfo, err error) {
	err = s.do(func(t chat.Store) error { r, err = t.RoomNamed(ctx, name); return err })
	return r, err
}

func (s *twin) Inbox(ctx context.Context, user chat.UserID) (i chat.Inbox, err error) {
	err = s.do(func(t chat.Store) error { i, err = t.Inbox(ctx, user); return err })
	return i, err
}

func (s *twin) Rooms(ctx context.Context, user chat.UserID, after chat.RoomID, limit int) (r []chat.RoomInfo, err error) {
	err = s.do(func(t chat.Store) error { r, err = t.Rooms(ctx, user, after, limit); return err })
	return r, err
}

func (s *twin) Members(ctx context.Context, viewer chat.UserID, room chat.RoomID, after chat.UserID, limit int) (m []chat.Member, err error) {
	err = s.do(func(t chat.Store) error { m, err = t.Members(ctx, viewer, room, after, limit); return err })
	return m, err
}

func (s *twin) MarkRead(ctx context.Context, marks []chat.ReadMark) error {
	return s.do(func(t chat.Store) error { return t.MarkRead(ctx, marks) })
}

func (s *twin) RoomsRevs(ctx context.Context, users []chat.UserID) (r map[chat.UserID]int64, err error) {
	err = s.do(func(t chat.Store) error { r, err = t.RoomsRevs(ctx, users); return err })
	return r, err
}

func (s *twin) OpenCall(ctx context.Context, n chat.NewCall) (c chat.Call, there bool, err error) {
	err = s.do(func(t chat.Store) error { c, there, err = t.OpenCall(ctx, n); return err })
	return c, there, err
}

func (s *twin) Call(ctx context.Context, id string) (c chat.Call, err error) {
	err = s.do(func(t chat.Store) error { c, err = t.Call(ctx, id); return err })
	return c, err
}

func (s *twin) FindCall(ctx context.Context, user chat.UserID, key string) (c chat.Call, h [16]byte, err error) {
	err = s.do(func(t chat.Store) error { c, h, err = t.FindCall(ctx, user, key); return err })
	return c, h, err
}

func (s *twin) ExpireCalls(ctx context.Context, grace time.Duration, limit int) (c []chat.Call, err error) {
	err = s.do(func(t chat.Store) error { c, err = t.ExpireCalls(ctx, grace, limit); return err })
	return c, err
}

func (s *twin) EndedCalls(ctx context.Context, user chat.UserID, age time.Duration) (c []chat.Call, err error) {
	err = s.do(func(t chat.Store) error { c, err = t.EndedCalls(ctx, user, age); return err })
	return c, err
}

func (s *twin) Revoke(ctx context.Context, r chat.Revocation) error {
	return s.do(func(chat.Store) error { return s.data.store.Revoke(ctx, r) })
}

func (s *twin) Revocations(ctx context.Context) (all []chat.Revocation, err error) {
	err = s.do(func(chat.Store) error { all, err = s.data.store.Revocations(ctx); return err })
	return all, err
}

func (s *twin) Trim(ctx context.Context, room chat.RoomID, keep chat.Retention, limit int) (n int, err error) {
	err = s.do(func(chat.Store) error { n, err = s.data.store.Trim(ctx, room, keep, limit); return err })
	return n, err
}

func (s *twin) Trimmable(ctx context.Context, keep chat.Retention, limit int) (rooms []chat.RoomID, err error) {
	err = s.do(func(chat.Store) error { rooms, err = s.data.store.Trimmable(ctx, keep, limit); return err })
	return rooms, err
}
