package sqlite

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
)

func TestStore(t *testing.T) {
	chattest.TestStore(t, func(t *testing.T) chattest.StoreOpener {
		path := filepath.Join(t.TempDir(), "chat.db")
		return func(clock func() time.Time) (chat.Store, error) {
			return Open(context.Background(), path, &Options{Clock: clock})
		}
	}, &chattest.StoreOptions{Persistent: true, Clock: true, Revoker: true, Trimmer: true})
}

func TestHub(t *testing.T) {
	chattest.TestHub(t, func(t *testing.T, o chat.Options) []chat.Hub {
		o.Store, _ = fresh(t, nil)
		n, err := chat.New(&o)
		require.NoError(t, err)
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			require.NoError(t, n.Shutdown(ctx))
		})
		return []chat.Hub{n}
	}, nil)
}
