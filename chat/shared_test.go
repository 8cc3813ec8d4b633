package chat_test

import (
	"context"
	"sync"
	"time"

	"github.com/carlware/gochat/chat"
)

// shared lets several nodes live on one memory store, as they do on a database:
// each is told of its own commits only. Writes come one at a time.
type shared struct {
	store *chat.MemoryStore
	mu    sync.Mutex
	by    *view // whose write is under way
	id    chat.Identity
}

func newShared() *shared { return &shared{store: chat.NewMemoryStore(nil)} }

// view is one node's connection to the shared store.
type view struct {
	*chat.MemoryStore
	s         *shared
	committed func([]chat.Event)
}

func (s *shared) connect() *view { return &view{MemoryStore: s.store, s: s} }

func (v *view) Attach(committed func([]chat.Event)) (chat.Identity, error) {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	v.committed = committed
	if v.s.id.Store == "" {
		var err error
		v.s.id, err = v.MemoryStore.Attach(func(es []chat.Event) { v.s.by.committed(es) })
		if err != nil {
			return chat.Identity{}, err
		}
	}
	return v.s.id, nil
}

func (v *view) Close() error { return nil }

func writing[T any](v *view, write func() (T, error)) (T, error) {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	v.s.by = v
	defer func() { v.s.by = nil }()
	return write()
}

func (v *view) Append(ctx context.Context, w chat.Write) (chat.Appended, error) {
	return writing(v, func() (chat.Appended, error) { return v.MemoryStore.Append(ctx, w) })
}

func (v *view) CreateRoom(ctx context.Context, w chat.RoomWrite) (chat.CreatedRoom, error) {
	return writing(v, func() (chat.CreatedRoom, error) { return v.MemoryStore.CreateRoom(ctx, w) })
}

func (v *view) OpenCall(ctx context.Context, c chat.NewCall) (chat.Call, bool, error) {
	var dup bool
	call, err := writing(v, func() (c2 chat.Call, err error) {
		c2, dup, err = v.MemoryStore.OpenCall(ctx, c)
		return c2, err
	})
	return call, dup, err
}

func (v *view) SettleCall(ctx context.Context, s chat.Settlement) (chat.Call, bool, error) {
	var won bool
	call, err := writing(v, func() (c2 chat.Call, err error) {
		c2, won, err = v.MemoryStore.SettleCall(ctx, s)
		return c2, err
	})
	return call, won, err
}

func (v *view) ExpireCalls(ctx context.Context, grace time.Duration, limit int) ([]chat.Call, error) {
	return writing(v, func() ([]chat.Call, error) { return v.MemoryStore.ExpireCalls(ctx, grace, limit) })
}
