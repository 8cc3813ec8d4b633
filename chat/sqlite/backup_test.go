package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/storetest"
)

// A copy that is made while people talk has all that was acknowledged before,
// and of what came meanwhile a beginning without holes.
func TestBackupWhileServing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	s, err := Open(t.Context(), path, nil)
	require.NoError(t, err)
	defer s.Close()
	node, err := chat.New(&chat.Options{Store: s, Lobby: "general", Logger: storetest.Quiet, Limits: chat.Limits{Messages: chat.Unlimited}})
	require.NoError(t, err)
	defer node.Shutdown(context.Background())
	require.NoError(t, node.Admit(t.Context(), chat.Principal{User: storetest.Ann}))
	rooms, err := node.Rooms(t.Context(), storetest.Ann.ID, "", 0)
	require.NoError(t, err)
	room, err := node.Room(t.Context(), storetest.Ann.ID, rooms[0].ID)
	require.NoError(t, err)

	var said atomic.Int64
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			rc, err := room.Post(context.Background(), storetest.Ann.ID, chat.Draft{ID: chat.NewID(), Text: fmt.Sprint(said.Load())})
			if err != nil {
				stopped <- err
				return
			}
			said.Store(int64(rc.Event.Seq))
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
		}
	}()
	require.Eventually(t, func() bool { return said.Load() >= 50 }, time.Minute, time.Millisecond)
	before := said.Load()
	to := filepath.Join(t.TempDir(), "backup.db")
	require.NoError(t, Backup(t.Context(), path, to))
	close(stop)
	require.NoError(t, <-stopped)

	info, err := os.Stat(to)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	epoch, err := Rotate(t.Context(), to, nil)
	require.NoError(t, err)
	c, err := Open(t.Context(), to, nil)
	require.NoError(t, err)
	defer c.Close()
	id, err := c.Attach(nil)
	require.NoError(t, err)
	old, err := s.RotateEpoch(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, epoch, id.Epoch)
	require.NotEqual(t, old, id.Epoch)
	next := chat.Seq(0)
	for {
		page, err := c.Page(t.Context(), chat.System, rooms[0].ID, chat.Range{After: next, Forward: true, Limit: 200})
		require.NoError(t, err)
		for _, e := range page.Events {
			require.Equal(t, next+1, e.Seq)
			next = e.Seq
		}
		if !page.More {
			break
		}
	}
	require.GreaterOrEqual(t, int64(next), before)
	require.LessOrEqual(t, int64(next), said.Load())
}

func TestBackupThatFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "chat.db")
	s, err := Open(t.Context(), path, nil)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	exists := filepath.Join(dir, "exists")
	require.NoError(t, os.WriteFile(exists, []byte("mine"), 0o600))
	require.ErrorIs(t, Backup(t.Context(), path, exists), os.ErrExist)
	kept, err := os.ReadFile(exists)
	require.NoError(t, err)
	require.Equal(t, "mine", string(kept))

	to := filepath.Join(dir, "to")
	require.ErrorIs(t, Backup(t.Context(), filepath.Join(dir, "nothing"), to), os.ErrNotExist)
	require.Error(t, Backup(t.Context(), dir, to))
	require.ErrorContains(t, Backup(t.Context(), exists, to), "not a database")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, Backup(over, path, to), context.Canceled)
	require.NoFileExists(t, to)
	require.NoFileExists(t, filepath.Join(dir, "nothing"))
}
