package chat_test

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// counted counts what a store is asked on the way of a connect.
type counted struct {
	*chat.MemoryStore
	mu    sync.Mutex
	asked map[string]int
}

func (c *counted) ask(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[what]++
}

func (c *counted) Inbox(ctx context.Context, u chat.UserID) (chat.Inbox, error) {
	c.ask("inbox")
	return c.MemoryStore.Inbox(ctx, u)
}

func (c *counted) Snapshot(ctx context.Context, r chat.RoomID, us []chat.UserID) (chat.Snapshot, error) {
	c.ask("snapshot")
	return c.MemoryStore.Snapshot(ctx, r, us)
}

func (c *counted) Page(ctx context.Context, u chat.UserID, r chat.RoomID, rg chat.Range) (chat.Page, error) {
	c.ask("page")
	return c.MemoryStore.Page(ctx, u, r, rg)
}

func (c *counted) Members(ctx context.Context, u chat.UserID, r chat.RoomID, after chat.UserID, limit int) ([]chat.Member, error) {
	c.ask("members")
	return c.MemoryStore.Members(ctx, u, r, after, limit)
}

func (c *counted) Users(ctx context.Context, ids []chat.UserID) ([]chat.User, error) {
	c.ask("users")
	return c.MemoryStore.Users(ctx, ids)
}

func (c *counted) EndedCalls(ctx context.Context, u chat.UserID, age time.Duration) ([]chat.Call, error) {
	c.ask("ended calls")
	return c.MemoryStore.EndedCalls(ctx, u, age)
}

func (c *counted) PutUsers(ctx context.Context, us []chat.User) error {
	c.ask("put users")
	return c.MemoryStore.PutUsers(ctx, us)
}

// However many rooms a user has, a connect asks the store as often, and a resume
// only for rooms in which something was missed.
func TestConnectAsksForAllRoomsAtOnce(t *testing.T) {
	s := &counted{MemoryStore: chat.NewMemoryStore(nil), asked: map[string]int{}}
	n := newNode(t, &chat.Options{Store: s})
	bob := connect(t, n, "bob", nil)
	connect(t, n, "ana", nil).Close()
	at := map[chat.RoomID]chat.Seq{}
	var last chat.Room
	for i := range 1000 {
		r, id := room(t, n, "bob", chat.NewRoom{Name: fmt.Sprint("room ", i), Kind: chat.Private, Members: []chat.UserID{"ana"}})
		at[id] = 3
		last = r
	}
	post(t, last, "bob", "missed")
	for name, o := range map[string]*chat.SessionOptions{
		"new": nil, "resumed": {Epoch: bob.Welcome().Epoch, Rooms: at},
	} {
		s.mu.Lock()
		clear(s.asked)
		s.mu.Unlock()
		ana := connect(t, n, "ana", o)
		require.Len(t, ana.Welcome().Rooms, 1000, name)
		want := map[string]int{"inbox": 1, "ended calls": 1}
		if o != nil {
			require.Equal(t, "missed", nextEvent(t, ana).Text)
			want["page"] = 1
		}
		s.mu.Lock()
		require.Equal(t, want, maps.Clone(s.asked), name)
		s.mu.Unlock()
		ana.Close()
	}
}
