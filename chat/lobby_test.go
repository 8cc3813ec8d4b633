package chat_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// Who was in a room before it was the lobby, and leaves it, is not brought back
// either; who was never in is let in.
func TestLobbyThatWasARoomBefore(t *testing.T) {
	s := newShared()
	before, err := chat.New(&chat.Options{Store: s.connect(), Logger: quiet})
	require.NoError(t, err)
	for _, name := range []string{"ana", "bob", "eve"} {
		connect(t, before, name, nil)
	}
	_, id := room(t, before, "ana", chat.NewRoom{Name: "general", Members: []chat.UserID{"bob", "eve"}})
	require.NoError(t, before.Shutdown(context.Background()))

	start := func() *chat.Node { // with nothing remembered
		return newNode(t, &chat.Options{Store: s.connect(), Lobby: "general"})
	}
	n := start()
	for _, name := range []string{"ana", "bob", "eve", "zoe"} {
		require.Len(t, connect(t, n, name, nil).Welcome().Rooms, 1, name)
	}
	r, err := n.Room(t.Context(), "ana", id)
	require.NoError(t, err)
	_, err = r.Change(t.Context(), "bob", chat.Change{ID: chat.NewID(), Kind: chat.Leave})
	require.NoError(t, err)
	_, err = r.Change(t.Context(), "ana", chat.Change{ID: chat.NewID(), Kind: chat.Remove, User: "eve"})
	require.NoError(t, err)
	_, err = r.Change(t.Context(), "zoe", chat.Change{ID: chat.NewID(), Kind: chat.Leave})
	require.NoError(t, err)

	n = start()
	for name, rooms := range map[string]int{"ana": 1, "bob": 0, "eve": 0, "zoe": 0, "new": 1} {
		require.Len(t, connect(t, n, name, nil).Welcome().Rooms, rooms, name)
	}
	r, err = n.Room(t.Context(), "bob", id)
	require.NoError(t, err)
	join(t, r, "bob")
	require.Len(t, connect(t, start(), "bob", nil).Welcome().Rooms, 1, "who comes by oneself is in")
	info, err := r.Info(t.Context(), "ana")
	require.NoError(t, err)
	require.Equal(t, 3, info.Members)
}

// slowSnapshots is a store whose snapshots are a millisecond old when they come.
type slowSnapshots struct{ chat.Store }

func (s slowSnapshots) Snapshot(ctx context.Context, room chat.RoomID, users []chat.UserID) (chat.Snapshot, error) {
	defer time.Sleep(time.Millisecond)
	return s.Store.Snapshot(ctx, room, users)
}

// All who come at once for the first time are let into the lobby, though each
// join makes the others' authorisation stale.
func TestManyNewcomers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := chat.NewMemoryStore(nil)
		n := newNode(t, &chat.Options{Store: slowSnapshots{store}, Lobby: "general"})
		const many = 50
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() {
				if err := n.Admit(t.Context(), as(fmt.Sprintf("user%d", i))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		info, err := store.RoomNamed(t.Context(), "general")
		require.NoError(t, err)
		require.Equal(t, many, info.Members)

		// Who gives up waiting at the door does not hold it.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, n.Admit(ctx, as("gone")))
		require.NoError(t, n.Admit(t.Context(), as("late")))
	})
}

// The same where they come to several nodes, which are in each other's way.
func TestManyNewcomersOnManyNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		var nodes []*chat.Node
		for range 4 {
			nodes = append(nodes, newNode(t, &chat.Options{Store: slowSnapshots{s.connect()}, Lobby: "general"}))
		}
		const many = 100
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() {
				if err := nodes[i%len(nodes)].Admit(t.Context(), as(fmt.Sprintf("user%d", i))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		info, err := s.store.RoomNamed(t.Context(), "general")
		require.NoError(t, err)
		require.Equal(t, many, info.Members)
	})
}
