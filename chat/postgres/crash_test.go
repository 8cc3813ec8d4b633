//go:build unix

package postgres

import (
	"context"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/storetest"
)

var crashRounds = flag.Int("crash.rounds", 20, "how often TestKill kills a writing process")

func init() {
	beforeTests = func() {
		storetest.WriteUntilKilled(func(name string) (chat.Store, error) {
			schema, url, _ := strings.Cut(name, " ")
			return Open(context.Background(), url, &Options{Schema: schema, Logger: silent})
		})
	}
}

func TestKill(t *testing.T) {
	db := pgtest.New(t)
	open := func() (chat.Store, error) {
		return Open(context.Background(), db.URL, &Options{Schema: db.Schema, Logger: silent})
	}
	storetest.Kill(t, *crashRounds, db.Schema+" "+db.URL, open, func(s chat.Store) {
		lastTransaction(t, db)
		whole(t, s.(*Store))
	})
}

// lastTransaction waits until the server has finished what it was asked for by a
// process that is dead.
func lastTransaction(t *testing.T, db pgtest.Database) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.URL)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	require.Eventually(t, func() bool {
		var busy int
		err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`).Scan(&busy)
		require.NoError(t, err)
		return busy == 0
	}, time.Minute, 10*time.Millisecond)
}
