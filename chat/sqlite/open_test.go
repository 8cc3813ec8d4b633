package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("this is not a database\n", 100)), 0o600))
	wide := filepath.Join(dir, "wide")
	db, err := sqlite3.Open(wide)
	require.NoError(t, err)
	require.NoError(t, db.Exec(`PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (x)`))
	require.NoError(t, db.Close())
	taken := filepath.Join(dir, "taken")
	db, err = sqlite3.Open(taken)
	require.NoError(t, err)
	require.NoError(t, db.Exec(`CREATE TABLE chat_users (x)`))
	require.NoError(t, db.Close())

	for name, c := range map[string]struct {
		path   string
		prefix string
		want   string
	}{
		"nothing":             {"", "", "chat.NewMemoryStore"},
		"memory":              {":memory:", "", "chat.NewMemoryStore"},
		"memory by URI":       {"file:x?mode=memory", "", "chat.NewMemoryStore"},
		"a NUL":               {"a\x00b", "", "not the path"},
		"a directory":         {dir, "", "not a regular file"},
		"no directory":        {filepath.Join(dir, "no", "chat.db"), "", "no such file or directory"},
		"not a database":      {text, "", "file is not a database"},
		"UTF-16":              {wide, "", "not UTF-8"},
		"a table of the host": {taken, "", "chat_users already exists"},
		"prefix with quotes":  {filepath.Join(dir, "x"), `a"b`, "prefix"},
		"prefix of SQLite":    {filepath.Join(dir, "x"), "sqlite_x", "prefix"},
		"prefix too long":     {filepath.Join(dir, "x"), strings.Repeat("a", 33), "prefix"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), c.path, &Options{Prefix: c.prefix})
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestOpenWaitsForTheFormerStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, path := fresh(t, nil)
		link := filepath.Join(t.TempDir(), "link.db")
		require.NoError(t, os.Symlink(path, link))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := Open(ctx, link, nil)
		require.Equal(t, context.DeadlineExceeded, err)

		begin := time.Now()
		_, err = Open(t.Context(), link, nil)
		require.ErrorIs(t, err, ErrLocked)
		require.ErrorContains(t, err, path)
		require.Equal(t, lockWait, time.Since(begin))

		second := make(chan error, 1)
		go func() {
			s, err := Open(t.Context(), link, nil)
			if err == nil {
				err = s.Close()
			}
			second <- err
		}()
		synctest.Wait()
		require.NoError(t, s.Close())
		require.NoError(t, <-second, "it gets the file when the former store has closed it")
	})
}

// Two chats live in the file of a host program, which writes to it, too. They have
// nothing of each other's, and the host's tables and settings are as they were.
func TestStoresBesideAHost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "host.db")
	host, err := sqlite3.Open(path)
	require.NoError(t, err)
	defer host.Close()
	require.NoError(t, host.Exec(`PRAGMA user_version = 42; PRAGMA application_id = 4711; PRAGMA busy_timeout = 5000;
		CREATE TABLE users (x); CREATE TABLE events (x); CREATE INDEX rooms ON users (x); INSERT INTO users VALUES (0)`))

	a := reopen(t, path, &Options{Prefix: "a_"})
	b := reopen(t, path, &Options{Prefix: "b_"})
	makeRoom(t, a, "room", ann)
	makeRoom(t, b, "room", bob)
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
	for i := range 20 {
		require.NoError(t, host.Exec(fmt.Sprintf(`INSERT INTO users VALUES (%d)`, i+1)))
	}
	wg.Wait()
	whole(t, a)
	whole(t, b)
	require.Len(t, pageAll(t, a, "room"), 22)
	first, err := a.Attach(nil)
	require.NoError(t, err)
	second, err := b.Attach(nil)
	require.NoError(t, err)
	require.NotEqual(t, first.Store, second.Store)
	_, err = b.Page(t.Context(), "ann", "room", chat.Range{})
	require.ErrorIs(t, err, chat.ErrNotFound, "she is a member in the other one")

	for sql, want := range map[string]int{`PRAGMA user_version`: 42, `PRAGMA application_id`: 4711, `SELECT count(*) FROM users`: 21} {
		s, _, err := host.Prepare(sql)
		require.NoError(t, err)
		require.True(t, s.Step())
		require.Equal(t, want, s.ColumnInt(0), sql)
		require.NoError(t, s.Close())
	}
	require.NoError(t, a.Close())
	require.NoError(t, host.Exec(`VACUUM`))
	_, err = b.Append(t.Context(), message("room", bob, "after"))
	require.NoError(t, err)
	whole(t, b)
}

func TestSchema(t *testing.T) {
	steps, err := sqlstore.Migrations(migrationFiles, "migrations")
	require.NoError(t, err)
	more := append(steps[:len(steps):len(steps)], sqlstore.Migration{
		Version: len(steps) + 1, Name: "more", Checksum: "x", SQL: "ALTER TABLE {p}users ADD COLUMN mood TEXT",
	})
	path := filepath.Join(t.TempDir(), "chat.db")
	s := tuned(t, path, tuning{})
	makeRoom(t, s, "room", ann)
	require.NoError(t, s.Close())

	s = tuned(t, path, tuning{steps: more})
	require.Len(t, pageAll(t, s, "room"), 2, "a newer program brings the tables up to date")
	require.NoError(t, s.Close())

	_, err = Open(t.Context(), path, nil)
	newer, ok := errors.AsType[*SchemaError](err)
	require.True(t, ok, err)
	require.Equal(t, len(more), newer.Version)
	require.Equal(t, len(steps), newer.Known)

	more[len(steps)].Checksum = "y"
	_, err = open(t.Context(), path, &Options{Prefix: "chat_", Logger: silent}, tuning{steps: more})
	require.ErrorAs(t, err, &newer)

	// A step that fails leaves nothing of itself.
	broken := append(more[:len(steps):len(steps)], sqlstore.Migration{Version: len(steps) + 1, SQL: "CREATE TABLE {p}x (y); CREATE TABLE {p}users (z)"})
	path = filepath.Join(t.TempDir(), "chat.db")
	_, err = open(t.Context(), path, &Options{Prefix: "chat_", Logger: silent}, tuning{steps: broken})
	require.ErrorContains(t, err, "already exists")
	s = reopen(t, path, nil)
	makeRoom(t, s, "room", ann)
}
