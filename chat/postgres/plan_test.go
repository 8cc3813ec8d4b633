package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/storetest"
)

// exercised is a store that was used when its tables were empty: so all
// statements are planned, on each of its connections, for empty tables of which
// nothing is known.
func exercised(t *testing.T) *Store {
	t.Helper()
	s, _ := fresh(t, &Options{MaxConns: 1, Logger: silent})
	for _, table := range []string{"users", "rooms", "heads", "members", "events", "emoji", "reactors", "calls", "revocations"} {
		execute(t, s, `ALTER TABLE {s}`+table+` SET (autovacuum_enabled = off)`) // nobody else counts the rows
	}
	makeRoom(t, s, "room", ann, bob)
	_, err := s.Append(t.Context(), message("room", ann, "the fourth")) // the one that others are about
	require.NoError(t, err)
	readers(t, s, func(i int) {
		for _, op := range operations(t.Context(), s, fmt.Sprint("empty-", i)) {
			require.NoError(t, op.run(), op.name)
		}
	})
	return s
}

// readers calls f once for each connection that reads, while it is the only
// one.
func readers(t *testing.T, s *Store, f func(i int)) {
	t.Helper()
	conns := make([]*pgxpool.Conn, s.readers.Config().MaxConns)
	var err error
	for i := range conns {
		conns[i], err = s.readers.Acquire(t.Context())
		require.NoError(t, err)
	}
	for i := range conns {
		conns[i].Release()
		f(i)
		conns[i], err = s.readers.Acquire(t.Context())
		require.NoError(t, err)
	}
	for _, c := range conns {
		c.Release()
	}
}

// writers calls f with each connection that writes.
func writers(t *testing.T, s *Store, f func(ctx context.Context, c *pgx.Conn)) {
	t.Helper()
	for _, c := range append(slices.Clone(s.shards), s.side) {
		_, err := submit(t.Context(), c, "look", newRequest("", 1, 0), func(ctx context.Context, t *tx) (int, error) {
			f(ctx, t.conn)
			return 0, nil
		})
		require.NoError(t, err)
	}
}

// reader calls f with a connection that reads.
func reader(t *testing.T, s *Store, f func(ctx context.Context, c *pgx.Conn)) {
	t.Helper()
	c, err := s.readers.Acquire(t.Context())
	require.NoError(t, err)
	defer c.Release()
	f(t.Context(), c.Conn())
}

// load fills the tables: the room gets 20,000 messages by ann, 3,000 members and
// 3,000 reactions to one message, and there are 3,000 rooms and calls more.
func load(t *testing.T, s *Store) {
	t.Helper()
	for _, sql := range []string{
		`INSERT INTO {s}users (id, name, bot) SELECT 'many-' || i, 'Many', false FROM generate_series(1, 3000) i`,
		`INSERT INTO {s}rooms (id, kind, name, name_key, one_no, other_no, hides, created_at, data, by_no, by_id, by_hash)
			SELECT 'many-' || i, 'public', 'many ' || i, 'MANY ' || i, 0, 0, false, 0, '', u.no, 'many-' || i, ''
			FROM generate_series(1, 3000) i, {s}users u WHERE u.id = 'ann'`,
		`INSERT INTO {s}heads (room_no, id, seq, floor_at, members) SELECT no, id, 1, 1 << 60, 1 FROM {s}rooms WHERE id LIKE 'many-%'`,
		`INSERT INTO {s}members (room_no, user_no, user_id, role, banned) SELECT r.no, u.no, u.id, 'member', false
			FROM {s}rooms r, {s}users u WHERE r.id = 'room' AND u.id LIKE 'many-%' OR r.id LIKE 'many-%' AND u.id = 'ann'`,
		`UPDATE {s}heads SET seq = seq + 20000, n = n + 20000, members = members + 3000 WHERE room_no = (SELECT no FROM {s}rooms WHERE id = 'room')`,
		`INSERT INTO {s}events (room_no, seq, user_no, at, n, batch, kind, id, hash, text, mentions, data)
			SELECT h.room_no, h.seq - i, u.no, h.at, h.n - i, 0, 2, 'many-' || i, '', 'many', '', ''
			FROM {s}heads h, {s}users u, generate_series(0, 19999) i WHERE h.room_no = (SELECT no FROM {s}rooms WHERE id = 'room') AND u.id = 'ann'`,
		`INSERT INTO {s}reactors (room_no, ref, emoji, seq, user_no) SELECT r.no, 4, '+1', u.no, u.no
			FROM {s}rooms r, {s}users u WHERE r.id = 'room' AND u.id LIKE 'many-%'`,
		`INSERT INTO {s}emoji (room_no, ref, emoji, first, n) SELECT no, 4, '+1', 1, 3000 FROM {s}rooms WHERE id = 'room'`,
		`INSERT INTO {s}calls (id, user_no, key, hash, room_no, bot_no, name, line, status, batch, due_at, ended_at)
			SELECT 'many-' || i, u.no, 'many-' || i, '', r.no, u.no, '', '', CASE i % 2 WHEN 0 THEN 'done' ELSE 'pending' END, 0, 1 << 60, (1 - i % 2)
			FROM {s}rooms r, {s}users u, generate_series(1, 3000) i WHERE r.id = 'room' AND u.id = 'ann'`,
		`INSERT INTO {s}revocations SELECT 'many-' || i, '', 0, i % 2 << 60 FROM generate_series(1, 600) i`,
	} {
		execute(t, s, strings.NewReplacer("1 << 60", "1::bigint << 60", "2 << 60", "2::bigint << 60").Replace(sql))
	}
}

// touched returns how many rows of the tables were read so far, while there is
// one reader.
func touched(t *testing.T, s *Store) (n int64) {
	t.Helper()
	flush := func(ctx context.Context, c *pgx.Conn) {
		_, err := c.Exec(ctx, `SELECT pg_stat_force_next_flush()`)
		require.NoError(t, err)
	}
	writers(t, s, flush)
	reader(t, s, flush)
	require.NoError(t, s.query(t.Context(), func(r *row) { n = r.int() },
		`SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables WHERE schemaname = $1`, s.schema))
	return n
}

// What a call costs does not grow with the log, nor with the number of rooms,
// members, reactions and calls; and that although all statements were planned
// when the tables were empty.
func TestPlansOfEmptyTablesStayGood(t *testing.T) {
	s := exercised(t)
	load(t, s)
	const most = 1100 // ExpireCalls removes 500 calls and as many revocations
	readers(t, s, func(i int) {
		for _, op := range operations(t.Context(), s, fmt.Sprint("full-", i)) {
			before := touched(t, s)
			require.NoError(t, op.run(), op.name)
			if n := touched(t, s) - before; n > most {
				t.Errorf("%s reads %d rows", op.name, n)
			}
		}
	})
	whole(t, s)
}

// No statement reads a whole table or a whole index, neither while nothing is
// known of the tables nor after ANALYZE.
func TestQueryPlans(t *testing.T) {
	s := exercised(t)
	explainAll(t, s)
	load(t, s)
	execute(t, s, `ANALYZE`)
	explainAll(t, s)
}

func explainAll(t *testing.T, s *Store) {
	t.Helper()
	seen := map[string]bool{}
	explain := func(ctx context.Context, c *pgx.Conn) {
		rows, err := c.Query(ctx, `SELECT name, statement, cardinality(parameter_types) FROM pg_prepared_statements`)
		require.NoError(t, err)
		type prepared struct {
			Name, Statement string
			Parameters      int
		}
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[prepared])
		require.NoError(t, err)
		for _, p := range all {
			if strings.HasPrefix(p.Statement, "BEGIN") || p.Statement == "COMMIT" || !strings.Contains(p.Statement, s.schema) {
				continue
			}
			seen[p.Statement] = true
			args := strings.TrimSuffix(strings.Repeat("NULL, ", p.Parameters), ", ")
			if args != "" {
				args = "(" + args + ")"
			}
			var plans []struct{ Plan node }
			var raw []byte
			require.NoError(t, c.QueryRow(ctx, fmt.Sprintf(`EXPLAIN (FORMAT JSON) EXECUTE %q%s`, p.Name, args)).Scan(&raw))
			require.NoError(t, json.Unmarshal(raw, &plans))
			for _, fault := range plans[0].Plan.faults() {
				t.Errorf("%s\n\n%s\n\n%s", fault, p.Statement, raw)
			}
		}
	}
	writers(t, s, explain)
	readers(t, s, func(int) { reader(t, s, explain) })
	require.Greater(t, len(seen), 60, "exercised does everything")
}

// node is a part of a plan.
type node struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Index    string `json:"Index Name"`
	Cond     string `json:"Index Cond"`
	Plans    []node
}

func (n node) faults() (faults []string) {
	if n.Relation != "meta" { // it has two rows
		switch {
		case n.Type == "Seq Scan":
			faults = append(faults, "reads all of "+n.Relation)
		case strings.Contains(n.Type, "Index") && n.Cond == "":
			faults = append(faults, "reads all of "+n.Index)
		}
	}
	for _, p := range n.Plans {
		faults = append(faults, p.faults()...)
	}
	return faults
}

// tracer notes statements, those of pipes one by one.
type tracer struct{ *storetest.Statements }

func (t tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	t.Add(d.SQL)
	return ctx
}
func (tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}
func (t tracer) TraceBatchQuery(_ context.Context, _ *pgx.Conn, d pgx.TraceBatchQueryData) {
	t.Add(d.SQL)
}
func (tracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func TestConnectInOneQuery(t *testing.T) {
	db := pgtest.New(t)
	config, err := pgxpool.ParseConfig(db.URL)
	require.NoError(t, err)
	var asked storetest.Statements
	config.ConnConfig.Tracer = tracer{&asked}
	s, err := open(t.Context(), config, &Options{Schema: db.Schema, Shards: 1, BatchLimit: 256, Logger: silent}, defaults)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	storetest.ConnectInOneQuery(t, s, &asked)
}
