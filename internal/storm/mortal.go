package storm

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/chat"
)

// mortal is a store whose process dies: at the next commit when it is doomed, so
// that the commit is stored and nobody hears of it. From then on its node reaches
// nothing, and calls that were under way have an unknown end.
type mortal struct {
	chat.Store
	doomed atomic.Bool
	dead   atomic.Bool
	once   sync.Once
	died   chan struct{}
	mu     sync.Mutex // guards died
}

// doom has it die at the next commit; the channel is closed then.
func (m *mortal) doom() <-chan struct{} {
	m.mu.Lock()
	m.died = make(chan struct{})
	m.mu.Unlock()
	m.doomed.Store(true)
	return m.died
}

func (m *mortal) die() {
	m.dead.Store(true)
	m.once.Do(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		close(m.died)
	})
}

func (m *mortal) Attach(committed func([]chat.Event)) (chat.Identity, error) {
	return m.Store.Attach(func(batch []chat.Event) {
		if m.doomed.Load() {
			m.die()
		}
		if !m.dead.Load() {
			committed(batch)
		}
	})
}

// Close does nothing: the storm closes what is below.
func (m *mortal) Close() error { return nil }

// write calls f, which stores something, unless the process is dead; if it died
// meanwhile nobody knows what became of it.
func write[T any](m *mortal, f func() (T, error)) (T, error) {
	var none T
	if m.dead.Load() {
		return none, chat.ErrUnavailable
	}
	v, err := f()
	if m.dead.Load() {
		return none, chat.ErrOutcomeUnknown
	}
	return v, err
}

// read calls f, which stores nothing, unless the process is dead.
func read[T any](m *mortal, f func() (T, error)) (T, error) {
	var none T
	if m.dead.Load() {
		return none, chat.ErrUnavailable
	}
	v, err := f()
	if m.dead.Load() {
		return none, chat.ErrUnavailable
	}
	return v, err
}

func (m *mortal) Append(ctx context.Context, w chat.Write) (chat.Appended, error) {
	return write(m, func() (chat.Appended, error) { return m.Store.Append(ctx, w) })
}

func (m *mortal) CreateRoom(ctx context.Context, w chat.RoomWrite) (chat.CreatedRoom, error) {
	return write(m, func() (chat.CreatedRoom, error) { return m.Store.CreateRoom(ctx, w) })
}

func (m *mortal) PutUsers(ctx context.Context, users []chat.User) error {
	_, err := write(m, func() (struct{}, error) { return struct{}{}, m.Store.PutUsers(ctx, users) })
	return err
}

func (m *mortal) MarkRead(ctx context.Context, marks []chat.ReadMark) error {
	_, err := write(m, func() (struct{}, error) { return struct{}{}, m.Store.MarkRead(ctx, marks) })
	return err
}

func (m *mortal) OpenCall(ctx context.Context, c chat.NewCall) (got chat.Call, dup bool, err error) {
	got, err = write(m, func() (c2 chat.Call, err error) { c2, dup, err = m.Store.OpenCall(ctx, c); return c2, err })
	return got, dup, err
}

func (m *mortal) SettleCall(ctx context.Context, s chat.Settlement) (got chat.Call, won bool, err error) {
	got, err = write(m, func() (c chat.Call, err error) { c, won, err = m.Store.SettleCall(ctx, s); return c, err })
	return got, won, err
}

func (m *mortal) ExpireCalls(ctx context.Context, grace time.Duration, limit int) ([]chat.Call, error) {
	return write(m, func() ([]chat.Call, error) { return m.Store.ExpireCalls(ctx, grace, limit) })
}

func (m *mortal) Find(ctx context.Context, room chat.RoomID, user chat.UserID, id string) (e chat.Event, hash [16]byte, err error) {
	e, err = read(m, func() (e2 chat.Event, err error) { e2, hash, err = m.Store.Find(ctx, room, user, id); return e2, err })
	return e, hash, err
}

func (m *mortal) Page(ctx context.Context, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
	return read(m, func() (chat.Page, error) {
		p, err := m.Store.Page(ctx, viewer, room, r)
		if viewer != chat.System && rand.N(4) == 0 {
			time.Sleep(rand.N(5 * time.Millisecond)) // so that much can happen before it is handed out
		}
		return p, err
	})
}

func (m *mortal) Heads(ctx context.Context, known map[chat.RoomID]chat.Seq) (map[chat.RoomID]chat.Seq, error) {
	return read(m, func() (map[chat.RoomID]chat.Seq, error) { return m.Store.Heads(ctx, known) })
}

func (m *mortal) RotateEpoch(ctx context.Context, old string) (string, error) {
	return read(m, func() (string, error) { return m.Store.RotateEpoch(ctx, old) })
}

func (m *mortal) Users(ctx context.Context, ids []chat.UserID) ([]chat.User, error) {
	return read(m, func() ([]chat.User, error) { return m.Store.Users(ctx, ids) })
}

func (m *mortal) Snapshot(ctx context.Context, room chat.RoomID, users []chat.UserID) (chat.Snapshot, error) {
	return read(m, func() (chat.Snapshot, error) { return m.Store.Snapshot(ctx, room, users) })
}

func (m *mortal) Inbox(ctx context.Context, user chat.UserID) (chat.Inbox, error) {
	return read(m, func() (chat.Inbox, error) { return m.Store.Inbox(ctx, user) })
}

func (m *mortal) Members(ctx context.Context, viewer chat.UserID, room chat.RoomID, after chat.UserID, limit int) ([]chat.Member, error) {
	return read(m, func() ([]chat.Member, error) { return m.Store.Members(ctx, viewer, room, after, limit) })
}

func (m *mortal) RoomsRevs(ctx context.Context, users []chat.UserID) (map[chat.UserID]int64, error) {
	return read(m, func() (map[chat.UserID]int64, error) { return m.Store.RoomsRevs(ctx, users) })
}

func (m *mortal) Call(ctx context.Context, id string) (chat.Call, error) {
	return read(m, func() (chat.Call, error) { return m.Store.Call(ctx, id) })
}

func (m *mortal) FindCall(ctx context.Context, user chat.UserID, key string) (c chat.Call, hash [16]byte, err error) {
	c, err = read(m, func() (c2 chat.Call, err error) { c2, hash, err = m.Store.FindCall(ctx, user, key); return c2, err })
	return c, hash, err
}

func (m *mortal) EndedCalls(ctx context.Context, user chat.UserID, age time.Duration) ([]chat.Call, error) {
	return read(m, func() ([]chat.Call, error) { return m.Store.EndedCalls(ctx, user, age) })
}
