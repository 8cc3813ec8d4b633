package sqlite

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/storm"
)

func TestStorm(t *testing.T) {
	storm.Run(t, func(t *testing.T) storm.Options {
		path := filepath.Join(t.TempDir(), "chat.db")
		return storm.Options{Open: func(clock func() time.Time) (chat.Store, error) {
			return Open(context.Background(), path, &Options{Logger: silent, Clock: clock})
		}}
	})
}
