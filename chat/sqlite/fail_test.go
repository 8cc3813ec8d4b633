package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
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

func TestStoresWithDifferentPrefixesShareAFile(t *testing.T) {
	a, path := fresh(t, &Options{Prefix: "a_"})
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
	wg.Wait()
	whole(t, a)
	whole(t, b)
	require.Len(t, pageAll(t, a, "room"), 22)
}

func TestSchema(t *testing.T) {
	steps, err := migrations()
	require.NoError(t, err)
	more := append(steps[:len(steps):len(steps)], migration{
		version: len(steps) + 1, name: "more", checksum: "x", sql: "ALTER TABLE {p}users ADD COLUMN mood TEXT",
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

	more[len(steps)].checksum = "y"
	_, err = open(t.Context(), path, &Options{Prefix: "chat_", Logger: silent}, tuning{steps: more})
	require.ErrorAs(t, err, &newer)

	// A step that fails leaves nothing of itself.
	broken := append(more[:len(steps):len(steps)], migration{version: len(steps) + 1, sql: "CREATE TABLE {p}x (y); CREATE TABLE {p}users (z)"})
	path = filepath.Join(t.TempDir(), "chat.db")
	_, err = open(t.Context(), path, &Options{Prefix: "chat_", Logger: silent}, tuning{steps: broken})
	require.ErrorContains(t, err, "already exists")
	s = reopen(t, path, nil)
	makeRoom(t, s, "room", ann)
}

func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	s := tuned(t, path, tuning{pragmas: []string{"max_page_count = 120"}})
	makeRoom(t, s, "room", ann)
	var acked []string
	var err error
	for i := 0; err == nil; i++ {
		require.Less(t, i, 10_000, "the disk is never full")
		w := message("room", ann, fmt.Sprint("id-", i))
		w.Text = strings.Repeat("long text ", 100)
		if _, err = s.Append(t.Context(), w); err == nil {
			acked = append(acked, w.ID)
		}
	}
	require.ErrorIs(t, err, chat.ErrUnavailable)
	require.ErrorIs(t, err, sqlite3.FULL)
	require.NotErrorIs(t, err, chat.ErrOutcomeUnknown, "it was before COMMIT")
	require.Len(t, pageAll(t, s, "room"), 2+len(acked), "reading goes on")
	require.NoError(t, s.Close())

	// Where the limit is gone the same id is stored, once.
	s = reopen(t, path, nil)
	a, err := s.Append(t.Context(), message("room", ann, fmt.Sprint("id-", len(acked))))
	require.NoError(t, err)
	require.False(t, a.Duplicate)
	require.EqualValues(t, 3+len(acked), a.Event.Seq)
	whole(t, s)
}

// logged collects what an operator is told.
type logged struct {
	slog.Handler
	mu   sync.Mutex
	says []string
}

func (l *logged) Enabled(context.Context, slog.Level) bool { return true }

func (l *logged) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.says = append(l.says, r.Message)
	return nil
}

func TestFailedCommitIsUnknownAndTheStoreRecovers(t *testing.T) {
	var log logged
	s, _ := fresh(t, &Options{Logger: slog.New(&log)})
	makeRoom(t, s, "room", ann)
	var mu sync.Mutex
	var delivered []string
	_, err := s.Attach(func(events []chat.Event) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range events {
			delivered = append(delivered, e.ID)
		}
	})
	require.NoError(t, err)

	// A hook that vetoes is the same to the committer as a disk that fails.
	veto := func(w *writer) { w.db.CommitHook(func() bool { return false }) }
	fail := func(id string) error {
		_, err := submit(t.Context(), s, "append", 1, 0, func(w *writer) (chat.Appended, error) {
			veto(w)
			in := message("room", ann, id)
			return w.append(&in)
		})
		return err
	}
	err = fail("unknown")
	require.ErrorIs(t, err, chat.ErrOutcomeUnknown)
	require.NotErrorIs(t, err, chat.ErrUnavailable)
	require.Len(t, pageAll(t, s, "room"), 2)

	// The heads were read again: no gap, no wrong number.
	a, err := s.Append(t.Context(), message("room", ann, "unknown"))
	require.NoError(t, err)
	require.False(t, a.Duplicate)
	require.EqualValues(t, 3, a.Event.Seq)

	// Nothing of a failed batch is delivered.
	require.Equal(t, []string{"unknown"}, delivered)
	require.Equal(t, []string{"chat database failed", "chat database is open again"}, log.says)
	whole(t, s)
}

func TestWritesAreRefusedWhileTheDatabaseIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := fresh(t, &Options{Logger: silent})
		makeRoom(t, s, "room", ann)
		gone := errors.New("the disk is gone")
		var down atomic.Bool
		var attempts []time.Duration
		down.Store(true)
		begin := time.Now()
		_, err := submit(t.Context(), s, "sabotage", 1, 0, func(w *writer) (int, error) {
			connect := w.connect
			w.connect = func() (*conn, error) {
				attempts = append(attempts, time.Since(begin))
				if down.Load() {
					return nil, gone
				}
				return connect()
			}
			w.db.CommitHook(func() bool { return false })
			in := message("room", ann, "first")
			_, err := w.append(&in)
			return 0, err
		})
		require.ErrorIs(t, err, chat.ErrOutcomeUnknown)
		for time.Since(begin) < 10*time.Second {
			_, err := s.Append(t.Context(), message("room", ann, "refused"))
			require.ErrorIs(t, err, chat.ErrUnavailable)
			require.ErrorIs(t, err, gone)
			time.Sleep(10 * time.Millisecond)
		}
		require.Len(t, pageAll(t, s, "room"), 2, "reading goes on")
		down.Store(false)
		time.Sleep(backoffMax)
		_, err = s.Append(t.Context(), message("room", ann, "stored"))
		require.NoError(t, err)
		require.Len(t, pageAll(t, s, "room"), 3)
		whole(t, s)
		ms := time.Millisecond
		require.Equal(t, []time.Duration{0, 50 * ms, 150 * ms, 350 * ms, 750 * ms, 1550 * ms, 3150 * ms, 5150 * ms, 7150 * ms, 9150 * ms, 12000 * ms}, attempts)
	})
}

func TestAnotherProgramHoldsTheWriteLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, path := fresh(t, nil)
		makeRoom(t, s, "room", ann)
		db, err := sqlite3.Open(path)
		require.NoError(t, err)
		require.NoError(t, db.Exec(`BEGIN IMMEDIATE`))
		begin := time.Now()
		_, err = s.Append(t.Context(), message("room", ann, "waits"))
		require.ErrorIs(t, err, chat.ErrUnavailable)
		require.ErrorIs(t, err, sqlite3.BUSY)
		require.InDelta(t, busyTimeout.Seconds(), time.Since(begin).Seconds(), 0.1)
		require.NoError(t, db.Exec(`COMMIT`))
		require.NoError(t, db.Close())
		a, err := s.Append(t.Context(), message("room", ann, "waits"))
		require.NoError(t, err)
		require.False(t, a.Duplicate)
	})
}

func TestWALStaysBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	s := tuned(t, path, tuning{walStep: 50, walLimit: 200})
	makeRoom(t, s, "room", ann)
	// Readers that overlap all the time keep the WAL from beginning anew.
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				view(ctx, s, "slow", func(c *conn) (int, error) {
					return 0, c.query(func(*row) error { return nil }, `SELECT e.key, f.key FROM {p}events e, (SELECT key FROM {p}events LIMIT 20) f LIMIT 3000`)
				})
			}
		})
	}
	defer wg.Wait()
	defer cancel()
	largest := int64(0)
	for i := range 400 {
		w := message("room", ann, fmt.Sprint("id-", i))
		w.Text = strings.Repeat("long text ", 800)
		_, err := s.Append(t.Context(), w)
		require.NoError(t, err)
		if info, err := os.Stat(path + "-wal"); err == nil {
			largest = max(largest, info.Size())
		}
	}
	require.Greater(t, largest, int64(50*4096), "the test writes enough")
	require.Less(t, largest, int64(300*4096))
}
