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
		var log logged
		s, path := fresh(t, &Options{Logger: slog.New(&log)})
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
		require.Empty(t, log.says, "nothing was wrong with the database")
	})
}

func TestWALStaysBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "chat.db")
		s := tuned(t, path, tuning{walStep: 50, walLimit: 200})
		makeRoom(t, s, "room", ann)
		pages := func() int64 {
			info, err := os.Stat(path + "-wal")
			require.NoError(t, err)
			return info.Size() / 4096
		}
		errs := make(chan error, 1)
		write := func() {
			for range 400 {
				w := message("room", ann, chat.NewID())
				w.Text = strings.Repeat("long text ", 800)
				if _, err := s.Append(t.Context(), w); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}
		write()
		require.NoError(t, <-errs)
		require.Less(t, pages(), int64(80), "it begins anew when it was written back")

		// A reader that keeps its snapshot keeps the WAL from beginning anew.
		finish, reading := make(chan struct{}), make(chan error, 1)
		go func() {
			_, err := view(t.Context(), s, "long", func(c *conn) (int, error) {
				_, err := c.meta("store")
				<-finish
				return 0, err
			})
			reading <- err
		}()
		synctest.Wait()
		go write()
		time.Sleep(time.Minute)
		require.Empty(t, errs, "the writer waits for the reader")
		require.Greater(t, pages(), int64(190))
		require.Less(t, pages(), int64(230))
		close(finish)
		require.NoError(t, <-reading)
		require.NoError(t, <-errs)
		require.Less(t, pages(), int64(80))
		whole(t, s)
	})
}

func TestDurability(t *testing.T) {
	for _, c := range []struct {
		o    *Options
		want int64
	}{{nil, 2}, {&Options{RiskLastMessages: true}, 1}} {
		s, _ := fresh(t, c.o)
		got, err := submit(t.Context(), s, "pragma", 1, 0, func(w *writer) (n int64, err error) {
			_, err = w.one(func(r *row) { n = r.int() }, `PRAGMA synchronous`)
			return n, err
		})
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
}
