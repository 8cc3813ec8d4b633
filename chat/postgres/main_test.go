package postgres

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/internal/groupcommit"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/storetest"
)

// beforeTests makes this process the one that a test kills, if it is.
var beforeTests = func() {}

func TestMain(m *testing.M) {
	beforeTests()
	goleak.VerifyTestMain(pgtest.Main(m))
}

var (
	ann, bob, bot = storetest.Ann, storetest.Bob, storetest.Bot

	hash, message, makeRoom, pageAll = storetest.Hash, storetest.Message, storetest.MakeRoom, storetest.All

	silent = slog.New(slog.DiscardHandler)
)

// fresh opens a store with new tables and closes it after the test.
func fresh(tb testing.TB, o *Options) (*Store, pgtest.Database) {
	tb.Helper()
	db := pgtest.New(tb)
	return reopen(tb, db, o), db
}

func reopen(tb testing.TB, db pgtest.Database, o *Options) *Store {
	tb.Helper()
	var opt Options
	if o != nil {
		opt = *o
	}
	opt.Schema = db.Schema
	s, err := Open(context.Background(), db.URL, &opt)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

// tuned opens a store with what only tests can change.
func tuned(db pgtest.Database, t tuning) (*Store, error) {
	config, err := pgxpool.ParseConfig(db.URL)
	if err != nil {
		return nil, err
	}
	t.clock = cmp.Or(t.clock, serverClock)
	t.patience = cmp.Or(t.patience, patience)
	return open(context.Background(), config, &Options{Schema: db.Schema, Shards: 1, BatchLimit: groupcommit.BatchRows, Logger: silent}, t)
}

// whole checks that what the heads say is what the log holds.
func whole(tb testing.TB, s *Store) {
	tb.Helper()
	var faults []string
	for _, q := range []string{
		`SELECT 'head of room ' || r.id FROM {s}rooms r JOIN {s}heads h ON h.room_no = r.no WHERE h.seq <>
			(SELECT max(e.seq) FROM {s}events e WHERE e.room_no = r.no)`,
		`SELECT 'gap in room ' || e.room_no FROM {s}events e JOIN {s}heads h ON h.room_no = e.room_no
			GROUP BY e.room_no, h.floor HAVING count(*) <> max(e.seq) - h.floor + 1 OR min(e.seq) <> h.floor`,
		`SELECT 'count of room ' || h.room_no FROM {s}heads h WHERE h.n <> (SELECT e.n FROM {s}events e WHERE e.room_no = h.room_no AND e.seq = h.seq)`,
		`SELECT 'row ' || room_no || ' ' || seq FROM (SELECT room_no, seq, n, kind, lag(n, 1, 0::bigint) OVER w AS before, row_number() OVER w = 1 AS first
			FROM {s}events WINDOW w AS (PARTITION BY room_no ORDER BY seq)) c WHERE n <> before + (kind = 2)::int AND NOT (first AND seq > 1)`,
		`SELECT 'members of room ' || h.room_no FROM {s}heads h
			WHERE h.members <> (SELECT count(*) FROM {s}members m WHERE m.room_no = h.room_no AND NOT m.banned)`,
		`SELECT 'reactions to ' || room_no || ' ' || ref FROM {s}emoji FULL JOIN (
			SELECT room_no, ref, emoji, count(*) AS users FROM {s}reactors GROUP BY room_no, ref, emoji) r USING (room_no, ref, emoji)
			WHERE n IS DISTINCT FROM users`,
		`SELECT 'time in room ' || room_no FROM (SELECT room_no, at < lag(at) OVER (PARTITION BY room_no ORDER BY seq) AS back FROM {s}events) t WHERE back`,
	} {
		require.NoError(tb, s.query(context.Background(), func(r *row) { faults = append(faults, r.text()) }, q))
	}
	require.Empty(tb, faults, fmt.Sprint(faults))
}
