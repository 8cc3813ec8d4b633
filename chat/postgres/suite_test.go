package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
	"github.com/carlware/gochat/internal/pgtest"
)

func TestStore(t *testing.T) {
	chattest.TestStore(t, func(t *testing.T) chattest.Opener {
		db := pgtest.New(t)
		return func(func() time.Time) (chat.Store, error) {
			return Open(context.Background(), db.URL, &Options{Schema: db.Schema, Logger: silent})
		}
	}, &chattest.StoreOptions{Persistent: true, Shared: true})
}
