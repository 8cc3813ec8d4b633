package postgres

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
	"github.com/carlware/gochat/internal/pgtest"
)

func TestStore(t *testing.T) {
	chattest.TestStore(t, func(t *testing.T) chattest.StoreOpener {
		db := pgtest.New(t)
		c := newTestClock(t, db)
		return func(clock func() time.Time) (chat.Store, error) {
			if clock == nil { // only to see which parts the store has
				clock = time.Now
			}
			s, err := tuned(db, tuning{clock: fmt.Sprintf(`(SELECT ms FROM %q.clock)`, db.Schema)})
			if err != nil {
				return nil, err
			}
			return &clocked{s, c, clock}, nil
		}
	}, &chattest.StoreOptions{Persistent: true, Shared: true, Clock: true, Revoker: true, Trimmer: true})
}

// TestStoreWithShards runs the suite on a store as Open makes it, with the clock
// of the server.
func TestStoreWithShards(t *testing.T) {
	if testing.Short() {
		t.Skip("the suite was run once")
	}
	chattest.TestStore(t, func(t *testing.T) chattest.StoreOpener {
		db := pgtest.New(t)
		return func(func() time.Time) (chat.Store, error) {
			return Open(context.Background(), db.URL, &Options{Schema: db.Schema, Shards: 3, Logger: silent})
		}
	}, &chattest.StoreOptions{Persistent: true, Shared: true, Revoker: true, Trimmer: true})
}

// testClock is a row that says what time it is, since the store takes the time
// from the server.
type testClock struct {
	mu   sync.Mutex
	conn *pgx.Conn
	set  string
	last int64
}

func newTestClock(t *testing.T, db pgtest.Database) *testClock {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.URL)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	_, err = conn.Exec(t.Context(), fmt.Sprintf(`CREATE SCHEMA %[1]q; CREATE TABLE %[1]q.clock AS SELECT 0::bigint AS ms`, db.Schema))
	require.NoError(t, err)
	return &testClock{conn: conn, set: fmt.Sprintf(`UPDATE %q.clock SET ms = $1`, db.Schema)}
}

// clocked is a store that sets the test clock before each call that looks at it.
type clocked struct {
	*Store
	row   *testClock
	clock func() time.Time
}

func (s *clocked) tick() *Store {
	s.row.mu.Lock()
	defer s.row.mu.Unlock()
	if now := s.clock().UnixMilli(); now != s.row.last {
		if _, err := s.row.conn.Exec(context.Background(), s.row.set, now); err != nil {
			panic(err)
		}
		s.row.last = now
	}
	return s.Store
}

func (s *clocked) Append(ctx context.Context, in chat.Write) (chat.Appended, error) {
	return s.tick().Append(ctx, in)
}

func (s *clocked) CreateRoom(ctx context.Context, in chat.RoomWrite) (chat.CreatedRoom, error) {
	return s.tick().CreateRoom(ctx, in)
}

func (s *clocked) OpenCall(ctx context.Context, in chat.NewCall) (chat.Call, bool, error) {
	return s.tick().OpenCall(ctx, in)
}

func (s *clocked) SettleCall(ctx context.Context, in chat.Settlement) (chat.Call, bool, error) {
	return s.tick().SettleCall(ctx, in)
}

func (s *clocked) Call(ctx context.Context, id string) (chat.Call, error) {
	return s.tick().Call(ctx, id)
}

func (s *clocked) FindCall(ctx context.Context, user chat.UserID, key string) (chat.Call, [16]byte, error) {
	return s.tick().FindCall(ctx, user, key)
}

func (s *clocked) ExpireCalls(ctx context.Context, grace time.Duration, limit int) ([]chat.Call, error) {
	return s.tick().ExpireCalls(ctx, grace, limit)
}

func (s *clocked) EndedCalls(ctx context.Context, user chat.UserID, age time.Duration) ([]chat.Call, error) {
	return s.tick().EndedCalls(ctx, user, age)
}

func (s *clocked) Revocations(ctx context.Context) ([]chat.Revocation, error) {
	return s.tick().Revocations(ctx)
}

func (s *clocked) Trim(ctx context.Context, room chat.RoomID, keep chat.Retention, limit int) (int, error) {
	return s.tick().Trim(ctx, room, keep, limit)
}

func (s *clocked) Trimmable(ctx context.Context, keep chat.Retention, limit int) ([]chat.RoomID, error) {
	return s.tick().Trimmable(ctx, keep, limit)
}
