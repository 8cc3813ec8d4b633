package sqlite

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/ncruces/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/storetest"
)

// A whole node lives through what can happen to its file.
func TestNodeSurvives(t *testing.T) {
	t.Run("another program that locks the file", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, path := fresh(t, &Options{Logger: silent})
			db, err := sqlite3.Open(path)
			require.NoError(t, err)
			storetest.Survive(t, s, storetest.Fault{
				Break: func() { require.NoError(t, db.Exec(`BEGIN IMMEDIATE`)) },
				Mend:  func() { require.NoError(t, db.Exec(`COMMIT`)) },
			})
			require.NoError(t, db.Close())
			whole(t, s)
		})
	})
	t.Run("a disk that fails at COMMIT, and goes away", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, _ := fresh(t, &Options{Logger: silent})
			var down atomic.Bool
			storetest.Survive(t, s, storetest.Fault{
				Break: func() {
					_, err := submit(t.Context(), s, "sabotage", 1, 0, func(w *writer) (int, error) {
						connect := w.connect
						w.connect = func() (*conn, error) {
							if down.Load() {
								return nil, errors.New("the disk is gone")
							}
							return connect()
						}
						w.db.CommitHook(func() bool { return !down.Load() })
						return 0, nil
					})
					require.NoError(t, err)
					down.Store(true)
				},
				Mend: func() { down.Store(false) },
			})
			whole(t, s)
		})
	})
}

// Part of the file was overwritten. What can't be read is an error that says so,
// and nothing is made up in its place; what is whole can be read.
func TestCorruptDatabase(t *testing.T) {
	s, path := fresh(t, &Options{Logger: silent})
	makeRoom(t, s, "other", ann)
	makeRoom(t, s, "room", ann)
	postMany(t, s, "room", 600)
	require.NoError(t, s.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	const page = 4096
	for at := len(data) / page / 2 * page; at < len(data)-page; at++ {
		data[at] = 0xa5
	}
	require.NoError(t, os.WriteFile(path, data, 0o600))

	s = reopen(t, path, &Options{Logger: silent})
	found := 0
	for r := (chat.Range{Forward: true, Limit: 200}); err == nil; {
		var p chat.Page
		if p, err = s.Page(t.Context(), "ann", "room", r); err != nil {
			break
		}
		for i, e := range p.Events {
			require.Equal(t, r.After+1+chat.Seq(i), e.Seq)
		}
		found += len(p.Events)
		r.After = p.Events[len(p.Events)-1].Seq
		require.Less(t, found, 602, "nothing was corrupted")
	}
	require.ErrorIs(t, err, chat.ErrUnavailable)
	require.ErrorIs(t, err, sqlite3.CORRUPT)
	require.Len(t, pageAll(t, s, "other"), 2)
	_, err = s.Append(t.Context(), message("room", ann, "hello"))
	if err != nil { // it depends on which pages it takes
		require.ErrorIs(t, err, chat.ErrUnavailable)
	}
	require.Len(t, pageAll(t, s, "other"), 2, "the store goes on")
}
