//go:build unix

package sqlite

import (
	"context"
	"flag"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/storetest"
)

var crashRounds = flag.Int("crash.rounds", 20, "how often TestKill kills a writing process")

func init() {
	beforeTests = func() {
		holdUntilKilled()
		storetest.WriteUntilKilled(func(path string) (chat.Store, error) { return Open(context.Background(), path, nil) })
	}
}

func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	open := func() (chat.Store, error) { return Open(context.Background(), path, nil) }
	storetest.Kill(t, *crashRounds, path, open, func(s chat.Store) {
		require.IsType(t, &Store{}, s)
		whole(t, s.(*Store))
	})
}
