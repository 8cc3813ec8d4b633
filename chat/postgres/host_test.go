package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/pgtest"
)

// Two chats live in the database of a host program whose tables have the names
// that theirs have, and which its connections look into first. They have nothing
// of each other's, and the host's are as they were.
func TestStoresBesideAHost(t *testing.T) {
	db, other := pgtest.New(t), pgtest.New(t)
	host := "host_" + db.Schema
	sqlOn(t, db.URL, `CREATE SCHEMA `+host)
	t.Cleanup(func() {
		c, err := pgx.Connect(context.Background(), db.URL)
		require.NoError(t, err)
		_, err = c.Exec(context.Background(), `DROP SCHEMA `+host+` CASCADE`)
		require.NoError(t, err)
		require.NoError(t, c.Close(context.Background()))
	})
	tables := []string{"meta", "schema", "users", "rooms", "heads", "members", "events", "emoji", "reactors", "calls", "revocations"}
	for _, table := range tables {
		sqlOn(t, db.URL, fmt.Sprintf(`CREATE TABLE %[1]s.%[2]s (no text); INSERT INTO %[1]s.%[2]s VALUES ('mine')`, host, table))
	}
	url := db.URL + "&search_path=" + host
	if !strings.Contains(db.URL, "?") {
		url = db.URL + "?search_path=" + host
	}
	a := reopen(t, pgtest.Database{URL: url, Schema: db.Schema}, &Options{Logger: silent})
	b := reopen(t, pgtest.Database{URL: url, Schema: other.Schema}, &Options{Logger: silent})
	makeRoom(t, a, "room", ann, bob)
	makeRoom(t, b, "room", ann, bob)
	makeRoom(t, a, "only here", ann)
	var wg sync.WaitGroup
	for i := range 20 {
		for _, s := range []*Store{a, b} {
			wg.Go(func() {
				if _, err := s.Append(t.Context(), message("room", ann, fmt.Sprint("id-", i))); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for _, s := range []*Store{a, b} {
		for _, op := range operations(t.Context(), s, "beside") {
			require.NoError(t, op.run(), op.name)
		}
		whole(t, s)
	}
	first, err := a.Attach(nil)
	require.NoError(t, err)
	second, err := b.Attach(nil)
	require.NoError(t, err)
	require.NotEqual(t, first.Store, second.Store)
	require.NotEqual(t, first.Epoch, second.Epoch)
	_, err = b.Page(t.Context(), "ann", "only here", chat.Range{})
	require.ErrorIs(t, err, chat.ErrNotFound)

	for _, table := range tables {
		var rows []string
		require.NoError(t, a.query(t.Context(), func(r *row) { rows = append(rows, r.text()) }, `SELECT no FROM `+host+`.`+table))
		require.Equal(t, []string{"mine"}, rows, table)
	}
	sqlOn(t, db.URL, `DROP SCHEMA `+db.Schema+` CASCADE`)
	_, err = b.Append(t.Context(), message("room", bob, "the other one is gone"))
	require.NoError(t, err)
}
