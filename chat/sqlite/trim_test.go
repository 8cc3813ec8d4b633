package sqlite

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// postMany posts n messages of 1,000 bytes in one transaction.
func postMany(tb testing.TB, s *Store, room chat.RoomID, n int) {
	tb.Helper()
	_, err := submit(tb.Context(), s, "post", n, 0, func(w *writer) (int, error) {
		for range n {
			in := message(room, ann, chat.NewID())
			in.Text = strings.Repeat("0123456789", 100)
			if _, err := w.append(&in); err != nil {
				return 0, err
			}
		}
		return 0, nil
	})
	require.NoError(tb, err)
}

func TestTrimShrinksTheFile(t *testing.T) {
	now := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	s, path := fresh(t, &Options{Clock: func() time.Time { return now }})
	size := func() int64 { // of the file, when all is written back to it
		require.NoError(t, s.Close())
		info, err := os.Stat(path)
		require.NoError(t, err)
		s = reopen(t, path, &Options{Clock: func() time.Time { return now }})
		return info.Size()
	}
	makeRoom(t, s, "room", ann)
	makeRoom(t, s, "other", ann)
	postMany(t, s, "room", 3000)
	postMany(t, s, "other", 10)
	large := size()
	require.Greater(t, large, int64(3_000_000))

	now = now.Add(48 * time.Hour)
	removed, err := s.Trim(t.Context(), "room", chat.Retention{Age: time.Hour}, 1700)
	require.NoError(t, err)
	require.Equal(t, 1700, removed, "in several steps")
	whole(t, s)
	removed, err = s.Trim(t.Context(), "room", chat.Retention{Count: 700}, 1700)
	require.NoError(t, err)
	require.Equal(t, 602, removed)
	whole(t, s)
	require.Less(t, size(), large/2)
	log := pageAll(t, s, "room")
	require.Len(t, log, 700)
	require.EqualValues(t, 2303, log[0].Seq)
	require.Len(t, pageAll(t, s, "other"), 12)
}

// TestTrimOfAnOlderFile trims a file that can't shrink: what was removed makes
// room for what comes.
func TestTrimOfAnOlderFile(t *testing.T) {
	path := database(t, "v1.sql")
	s := reopen(t, path, nil)
	size := func() (pages int64) {
		pages, err := view(t.Context(), s, "size", func(c *conn) (pages int64, err error) {
			_, err = c.one(func(r *row) { pages = r.int() }, `PRAGMA page_count`)
			return pages, err
		})
		require.NoError(t, err)
		return pages
	}
	postMany(t, s, "room", 1000)
	require.NoError(t, s.Close())
	ahead := &Options{Clock: func() time.Time { return time.Now().Add(48 * time.Hour) }}
	s = reopen(t, path, ahead)
	large := size()
	removed, err := s.Trim(t.Context(), "room", chat.Retention{Age: time.Hour}, 2000)
	require.NoError(t, err)
	require.Equal(t, 1020, removed)
	whole(t, s)
	require.Equal(t, large, size())
	postMany(t, s, "room", 900)
	require.Equal(t, large, size())
	require.Len(t, pageAll(t, s, "room"), 901)
}

// In a long log a trim takes many steps: no post waits for all of them.
func TestTrimLetsOthersIn(t *testing.T) { synctest.Test(t, testTrimLetsOthersIn) }

func testTrimLetsOthersIn(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	makeRoom(t, s, "other", ann)
	postMany(t, s, "room", 10*trimStep)
	time.Sleep(48 * time.Hour)

	release := block(t, s)
	var wg sync.WaitGroup
	trimmed := 0
	wg.Go(func() {
		var err error
		if trimmed, err = s.Trim(t.Context(), "room", chat.Retention{Age: time.Hour}, 100*trimStep); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait() // its first step is in the queue, and the post comes behind it
	var snap chat.Snapshot
	wg.Go(func() {
		_, err := s.Append(t.Context(), message("other", ann, "in between"))
		if err == nil {
			snap, err = s.Snapshot(t.Context(), "room", nil)
		}
		if err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	release()
	wg.Wait()
	require.Equal(t, 10*trimStep+1, trimmed, "all but the newest")
	require.Less(t, snap.Info.Floor, chat.Seq(9*trimStep), "the post came after the first steps")
	whole(t, s)
}

// rows counts the rows of a table.
func rows(t *testing.T, s *Store, table string) (n int) {
	t.Helper()
	n, err := view(t.Context(), s, "count", func(c *conn) (n int, err error) {
		_, err = c.one(func(r *row) { n = int(r.int()) }, `SELECT count(*) FROM {p}`+table)
		return n, err
	})
	require.NoError(t, err)
	return n
}

// TestExpireCallsForgets counts the rows of calls and revocations, whose time
// is over in this test the next day.
func TestExpireCallsForgets(t *testing.T) {
	now := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	s, _ := fresh(t, &Options{Clock: func() time.Time { return now }})
	makeRoom(t, s, "room", ann)
	call := func(id string) chat.NewCall {
		return chat.NewCall{ID: id, Key: id, Room: "room", User: ann, Bot: bot, Timeout: 100 * time.Hour, Basis: 9}
	}
	const ended = forgetMax + 100
	_, err := submit(t.Context(), s, "many", 1, 0, func(w *writer) (int, error) {
		for i := range ended {
			c := call(fmt.Sprint("ended-", i))
			if _, err := w.settle(&chat.Settlement{New: &c, Err: command.Fail("no")}); err != nil {
				return 0, err
			}
		}
		return 0, nil
	})
	require.NoError(t, err)
	_, _, err = s.OpenCall(t.Context(), call("pending"))
	require.NoError(t, err)
	for i := range 3 {
		require.NoError(t, s.Revoke(t.Context(), chat.Revocation{
			User: "ann", Session: fmt.Sprint(i), Until: now.Add(time.Duration(i+1) * 10 * time.Hour),
		}))
	}
	require.Equal(t, ended+1, rows(t, s, "calls"))

	now = now.Add(25 * time.Hour)
	all, err := s.Revocations(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	for _, left := range []int{101, 1, 1} {
		expired, err := s.ExpireCalls(t.Context(), time.Second, 10)
		require.NoError(t, err)
		require.Empty(t, expired)
		require.Equal(t, left, rows(t, s, "calls"), "at most %d in one step", forgetMax)
		require.Equal(t, 1, rows(t, s, "revocations"))
	}
	_, err = s.Call(t.Context(), "pending")
	require.NoError(t, err)
}

// TestRevocationsAreWholeMilliseconds: a login of the same millisecond as the
// end of the revoked ones is one of them.
func TestRevocationsAreWholeMilliseconds(t *testing.T) {
	s, _ := fresh(t, nil)
	before := time.Date(2035, 1, 2, 3, 4, 5, 678_900_000, time.FixedZone("east", 3600))
	require.NoError(t, s.Revoke(t.Context(), chat.Revocation{User: "ann", Before: before, Until: before.Add(time.Hour)}))
	require.NoError(t, s.Revoke(t.Context(), chat.Revocation{User: "ann", Session: "login", Until: before.Truncate(time.Millisecond)}))
	all, err := s.Revocations(t.Context())
	require.NoError(t, err)
	up := time.Date(2035, 1, 2, 2, 4, 5, 679_000_000, time.UTC)
	require.ElementsMatch(t, []chat.Revocation{
		{User: "ann", Before: up, Until: up.Add(time.Hour)},
		{User: "ann", Session: "login", Until: up.Add(-time.Millisecond)},
	}, all)
	require.Error(t, s.Revoke(t.Context(), chat.Revocation{Until: up}), "without a user")
}
