package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/internal/groupcommit"
	"github.com/carlware/gochat/internal/storetest"
)

// beforeTests makes this process one that a test kills, if it is.
var beforeTests = func() {}

func TestMain(m *testing.M) {
	beforeTests()
	goleak.VerifyTestMain(m)
}

var (
	ann, bob, bot = storetest.Ann, storetest.Bob, storetest.Bot

	message, makeRoom, pageAll = storetest.Message, storetest.MakeRoom, storetest.All
)

// fresh opens a store in a new directory and closes it after the test.
func fresh(tb testing.TB, o *Options) (*Store, string) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "chat.db")
	return reopen(tb, path, o), path
}

func reopen(tb testing.TB, path string, o *Options) *Store {
	tb.Helper()
	s, err := Open(tb.Context(), path, o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

// tuned opens a store with what only tests can change.
func tuned(tb testing.TB, path string, t tuning) *Store {
	tb.Helper()
	if t.walStep == 0 {
		t.walStep, t.walLimit = walStep, walLimit
	}
	o := &Options{Prefix: "chat_", BatchLimit: groupcommit.BatchRows, Clock: defaultClock, Logger: silent}
	s, err := open(tb.Context(), path, o, t)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

// whole checks that what the heads say is what the log holds, and that SQLite
// finds no fault with the file.
func whole(tb testing.TB, s *Store) {
	tb.Helper()
	_, err := view(context.Background(), s, "check", func(c *conn) (struct{}, error) {
		var faults []string
		for _, q := range []string{
			`SELECT 'head of room ' || r.id FROM {p}rooms r JOIN {p}heads h ON h.room_no = r.no WHERE h.seq <>
				(SELECT max(e.key) & (1 << 40) - 1 FROM {p}events e WHERE e.room_no = r.no)`,
			`SELECT 'floor of room ' || h.room_no FROM {p}heads h WHERE (h.floor, h.floor_at) <>
				(SELECT e.key & (1 << 40) - 1, e.at FROM {p}events e WHERE e.room_no = h.room_no ORDER BY e.key LIMIT 1)`,
			`SELECT 'gap in room ' || h.room_no FROM {p}heads h WHERE h.seq - h.floor + 1 <> (SELECT count(*) FROM {p}events e WHERE e.room_no = h.room_no)`,
			`SELECT 'last message of room ' || h.room_no FROM {p}heads h WHERE h.last <>
				coalesce((SELECT max(e.key) & (1 << 40) - 1 FROM {p}events e WHERE e.room_no = h.room_no AND e.kind = 2), 0)`,
			`SELECT 'count of room ' || h.room_no FROM {p}heads h WHERE h.n <> (SELECT max(e.n) FROM {p}events e WHERE e.room_no = h.room_no)`,
			`SELECT 'row ' || key FROM (SELECT key, n, kind = 2 AS one, lag(n) OVER (PARTITION BY room_no ORDER BY key) AS before FROM {p}events)
				WHERE n <> before + one OR before IS NULL AND key & (1 << 40) - 1 = 1 AND n <> one`,
			`SELECT 'members of room ' || h.room_no FROM {p}heads h WHERE h.members <>
				(SELECT count(*) FROM {p}members m WHERE m.room_no = h.room_no AND m.banned = 0)`,
			`SELECT 'unread of user ' || m.user_no FROM {p}members m JOIN {p}events e ON e.key = m.room_no << 40 | max(m.since, m.read)
				WHERE m.banned = 0 AND m.n <> e.n`,
			`SELECT 'emoji ' || emoji FROM {p}emoji g WHERE n <> (SELECT count(*) FROM {p}reactors r WHERE r.key = g.key AND r.emoji = g.emoji)`,
			`SELECT 'reactor ' || user_no FROM {p}reactors r WHERE NOT EXISTS (SELECT 1 FROM {p}emoji g WHERE r.key = g.key AND r.emoji = g.emoji)`,
			`SELECT 'reaction to nothing ' || key FROM {p}emoji g WHERE NOT EXISTS (SELECT 1 FROM {p}events e WHERE e.key = g.key AND e.kind = 2 AND e.deleted_by = 0)`,
			`SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
		} {
			if err := c.query(func(r *row) error { faults = append(faults, r.text()); return nil }, q); err != nil {
				return struct{}{}, err
			}
		}
		if len(faults) > 0 {
			return struct{}{}, fmt.Errorf("faults: %q", faults)
		}
		return struct{}{}, nil
	})
	require.NoError(tb, err)
}
