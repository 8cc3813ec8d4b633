package sqlite

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/internal/storetest"
)

// exercise calls every method of a store, so that all its statements are
// prepared.
func exercise(t *testing.T, s *Store, tomorrow *atomic.Bool) {
	t.Helper()
	ctx := context.Background()
	ok := func(err error) {
		t.Helper()
		require.NoError(t, err)
	}
	makeRoom(t, s, "room", ann, bob)
	_, err := s.CreateRoom(ctx, chat.RoomWrite{Room: "dm", By: ann, ID: "dm", Kind: chat.Direct,
		Members: []chat.NewMember{{User: ann, Role: chat.Owner}, {User: bob, Role: chat.Owner}}})
	ok(err)
	carl := chat.User{ID: "carl", Name: "Carl"}
	for i, w := range []chat.Write{
		{Kind: chat.Message, Text: "hello"},
		{Kind: chat.Message, Text: "hello"},
		{Kind: chat.Joined, Target: &carl, Role: chat.Participant},
		{Kind: chat.RoleChanged, Target: &carl, Role: chat.Admin},
		{Kind: chat.Banned, Target: &carl},
		{Kind: chat.Banned, Target: &carl, Off: true},
		{Kind: chat.Left, Target: &bob},
		{Kind: chat.Renamed, Text: "new name"},
		{Kind: chat.Archived},
		{Kind: chat.Archived, Off: true},
		{Kind: chat.Updated, Data: []byte(`{}`)},
		{Kind: chat.Edited, Ref: 4, Text: "changed"},
		{Kind: chat.Reacted, Ref: 4, Text: "+1"},
		{Kind: chat.Reacted, Ref: 4, Text: "+1", Off: true},
		{Kind: chat.Deleted, Ref: 4},
	} {
		w.Room, w.User, w.ID, w.Basis = "room", ann, "id-"+string(rune('a'+i)), 1000
		_, err := s.Append(ctx, w)
		ok(err)
		_, err = s.Append(ctx, w)
		ok(err)
	}
	_, _, err = s.Find(ctx, "room", "ann", "id-a")
	ok(err)
	for _, r := range []chat.Range{{}, {Before: 5}, {After: 2}, {Forward: true}} {
		_, err = s.Page(ctx, "ann", "room", r)
		ok(err)
	}
	_, err = s.Heads(ctx, map[chat.RoomID]chat.Seq{"room": 0, "dm": 0, "none": 0})
	ok(err)
	_, err = s.RotateEpoch(ctx, "other")
	ok(err)
	ok(s.PutUsers(ctx, []chat.User{{ID: "ann", Name: "Ann 2"}}))
	_, err = s.Users(ctx, []chat.UserID{"ann", "bob"})
	ok(err)
	_, err = s.Snapshot(ctx, "room", []chat.UserID{"ann", "bob"})
	ok(err)
	_, err = s.RoomNamed(ctx, "NEW NAME")
	ok(err)
	_, err = s.Inbox(ctx, "ann")
	ok(err)
	_, err = s.Rooms(ctx, "ann", "", 50)
	ok(err)
	_, err = s.Members(ctx, "ann", "room", "", 50)
	ok(err)
	ok(s.MarkRead(ctx, []chat.ReadMark{{Room: "room", User: "ann", Seq: 3}}))
	_, err = s.RoomsRevs(ctx, []chat.UserID{"ann", "bob"})
	ok(err)
	ok(s.Revoke(ctx, chat.Revocation{User: "ann", Session: "login", Until: time.Now()}))
	_, err = s.Revocations(ctx)
	ok(err)
	n := chat.NewCall{ID: "call", Key: "key", Room: "room", User: ann, Bot: bot, Timeout: time.Second, Basis: 1000}
	_, _, err = s.OpenCall(ctx, n)
	ok(err)
	_, _, err = s.SettleCall(ctx, chat.Settlement{ID: "call", Answers: []string{"yes"}})
	ok(err)
	n.ID, n.Key = "call-2", "key-2"
	_, _, err = s.SettleCall(ctx, chat.Settlement{New: &n, Err: command.Fail("no")})
	ok(err)
	_, err = s.Call(ctx, "call")
	ok(err)
	_, _, err = s.FindCall(ctx, "ann", "key")
	ok(err)
	_, err = s.ExpireCalls(ctx, time.Second, 10)
	ok(err)
	_, err = s.EndedCalls(ctx, "ann", time.Minute)
	ok(err)
	tomorrow.Store(true)
	defer tomorrow.Store(false)
	for _, keep := range []chat.Retention{{Age: time.Hour}, {Count: 1}} {
		rooms, err := s.Trimmable(ctx, keep, 10)
		ok(err)
		require.Len(t, rooms, 2)
		removed, err := s.Trim(ctx, "room", keep, 5)
		ok(err)
		require.Equal(t, 5, removed)
	}
}

// No statement reads a whole table or a whole index: what a call costs does
// not grow with the log, nor with the number of rooms and users. It holds for
// tables without statistics and for those of a host that runs ANALYZE.
func TestQueryPlans(t *testing.T) {
	var tomorrow atomic.Bool
	s, _ := fresh(t, &Options{Clock: func() time.Time {
		if tomorrow.Load() {
			return time.Now().Add(25 * time.Hour)
		}
		return time.Now()
	}})
	exercise(t, s, &tomorrow)
	var readers []*conn
	for range cap(s.readers.conns) {
		c := <-s.readers.conns
		readers = append(readers, c)
		defer func() { s.readers.conns <- c }()
	}
	_, err := submit(t.Context(), s, "explain", 1, 0, func(w *writer) (int, error) {
		statements := map[string]bool{}
		for _, c := range append(readers, w.conn) {
			for sql := range c.stmts {
				statements[sql] = true
			}
		}
		require.Greater(t, len(statements), 50, "exercise does everything")
		sorted := slices.Sorted(maps.Keys(statements))
		explain(t, w.conn, sorted)
		// As if the tables had a million rows each.
		err := w.db.Exec(`ANALYZE;
			UPDATE sqlite_stat1 SET stat = '1000000' || substr(stat, instr(stat || ' ', ' ')) WHERE tbl LIKE 'chat_%';
			ANALYZE sqlite_schema`)
		explain(t, w.conn, sorted)
		return 0, err
	})
	require.NoError(t, err)
}

func explain(t *testing.T, c *conn, statements []string) {
	// few is a subquery with a limit.
	harmless := regexp.MustCompile(`^SCAN (j VIRTUAL TABLE|CONSTANT ROW|chat_schema|few$)`)
	for _, sql := range statements {
		err := c.query(func(r *row) error {
			r.next = 3
			if step := r.text(); strings.HasPrefix(step, "SCAN") && !harmless.MatchString(step) {
				t.Errorf("%s\n\n%s", step, sql)
			}
			return nil
		}, `EXPLAIN QUERY PLAN `+sql)
		if err != nil {
			t.Error(err)
		}
	}
}

func TestConnectInOneQuery(t *testing.T) {
	s, _ := fresh(t, nil)
	var asked storetest.Statements
	var conns []*conn
	for range cap(s.readers.conns) {
		c := <-s.readers.conns
		require.NoError(t, c.db.Trace(sqlite3.TRACE_STMT, func(_ sqlite3.TraceEvent, stmt, _ any) error {
			asked.Add(stmt.(*sqlite3.Stmt).SQL())
			return nil
		}))
		conns = append(conns, c)
	}
	for _, c := range conns {
		s.readers.conns <- c
	}
	storetest.ConnectInOneQuery(t, s, &asked)
}
