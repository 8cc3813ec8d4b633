package sqlite

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
)

func TestStore(t *testing.T) {
	chattest.TestStore(t, func(t *testing.T) chattest.Opener {
		path := filepath.Join(t.TempDir(), "chat.db")
		return func(clock func() time.Time) (chat.Store, error) {
			return Open(context.Background(), path, &Options{Clock: clock})
		}
	}, &chattest.StoreOptions{Persistent: true, Clock: true, Revoker: true, Trimmer: true})
}
