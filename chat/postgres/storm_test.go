package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/storm"
)

func TestStorm(t *testing.T) {
	storm.Run(t, func(t *testing.T) storm.Options {
		db := pgtest.New(t)
		return storm.Options{Shared: true, Open: func(func() time.Time) (chat.Store, error) {
			return Open(context.Background(), db.URL, &Options{Schema: db.Schema, Logger: silent})
		}}
	})
}
