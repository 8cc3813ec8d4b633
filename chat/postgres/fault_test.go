package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/pgtest"
)

// delivered collects what receivers are given.
type delivered struct {
	mu     sync.Mutex
	events map[chat.RoomID][]chat.Event
}

func (d *delivered) attach(t *testing.T, s *Store) {
	t.Helper()
	_, err := s.Attach(func(events []chat.Event) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.events == nil {
			d.events = map[chat.RoomID][]chat.Event{}
		}
		for _, e := range events {
			d.events[e.Room] = append(d.events[e.Room], e)
		}
	})
	require.NoError(t, err)
}

// once checks that all events of the rooms were delivered, and none twice.
func (d *delivered) once(t *testing.T, s *Store) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for room, events := range d.events {
		var got, want []string
		slices.SortStableFunc(events, func(a, b chat.Event) int { return int(a.Seq) - int(b.Seq) })
		for _, e := range events {
			got = append(got, fmt.Sprint(e.Seq, e.Kind, e.ID))
		}
		for _, e := range pageAll(t, s, room) {
			want = append(want, fmt.Sprint(e.Seq, e.Kind, e.ID))
		}
		require.Equal(t, want, got, "room %s", room)
	}
}

// faultRooms is how many rooms the killed server serves.
const faultRooms = 6

// The server is killed under two busy stores, several times. Nothing that was
// acknowledged is lost, nothing is there twice, and everything is delivered.
func TestServerKilledUnderLoad(t *testing.T) {
	server := pgtest.Private(t)
	db := server.New(t)
	var got delivered
	stores := []*Store{reopen(t, db, &Options{Logger: silent, Shards: 2}), reopen(t, db, &Options{Logger: silent})}
	for _, s := range stores {
		got.attach(t, s)
	}
	for i := range faultRooms {
		makeRoom(t, stores[0], chat.RoomID(fmt.Sprint("room-", i)), ann, bob)
	}
	var mu sync.Mutex
	acked := map[string]chat.Seq{} // by room and id
	var count, faults atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for g := range 16 {
		s := stores[g%2]
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				w := message(chat.RoomID(fmt.Sprint("room-", (g+i)%faultRooms)), ann, fmt.Sprintf("id-%d-%d", g, i))
				if i%8 == 0 {
					w.Kind, w.Target, w.Role = chat.Joined, &chat.User{ID: chat.UserID(fmt.Sprint("user-", g))}, chat.Participant
				}
				a, err := s.Append(context.Background(), w)
				for ; err != nil; a, err = s.Append(context.Background(), w) { // as clients do
					faults.Add(1)
					if !errors.Is(err, chat.ErrUnavailable) && !errors.Is(err, chat.ErrOutcomeUnknown) {
						t.Error(err)
						return
					}
				}
				mu.Lock()
				acked[fmt.Sprint(w.Room, " ", w.ID)] = a.Event.Seq
				mu.Unlock()
				count.Add(1)
			}
		})
	}
	busy := func() {
		from := count.Load()
		require.Eventually(t, func() bool { return count.Load() > from+200 }, time.Minute, time.Millisecond)
	}
	for range 3 {
		busy()
		server.Kill(t)
		server.Start(t)
	}
	busy()
	stop()
	wg.Wait()
	found := map[string]chat.Seq{}
	for i := range faultRooms {
		room := chat.RoomID(fmt.Sprint("room-", i))
		for j, e := range pageAll(t, stores[0], room) {
			require.Equal(t, chat.Seq(j+1), e.Seq)
			if e.Seq > 3 {
				found[fmt.Sprint(room, " ", e.ID)] = e.Seq
			}
		}
	}
	require.True(t, maps.Equal(acked, found), "%d were acknowledged, %d are stored", len(acked), len(found))
	require.Zero(t, faults.Load(), "nobody noticed: the server was back in time")
	t.Logf("%d acknowledged", len(acked))
	got.once(t, stores[0])
	whole(t, stores[0])
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
	says := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" {
			says += ": " + a.Value.String()
		}
		return true
	})
	l.says = append(l.says, says)
	return nil
}

func TestServerDown(t *testing.T) {
	server := pgtest.Private(t)
	db := server.New(t)
	s, err := tuned(db, tuning{patience: 300 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	var log logged
	s.logger = slog.New(&log)
	makeRoom(t, s, "room", ann)
	server.Stop(t)
	_, err = s.Append(t.Context(), message("room", ann, "lost"))
	require.ErrorIs(t, err, chat.ErrOutcomeUnknown, "the connection broke")
	for i := range 20 { // these don't wait
		_, err = s.Append(t.Context(), message("room", ann, fmt.Sprint("refused-", i)))
		require.ErrorIs(t, err, chat.ErrUnavailable)
		require.NotErrorIs(t, err, chat.ErrOutcomeUnknown)
	}
	_, err = s.Page(t.Context(), "ann", "room", chat.Range{})
	require.ErrorIs(t, err, chat.ErrUnavailable)
	_, err = Open(t.Context(), db.URL, &Options{Schema: db.Schema})
	require.ErrorIs(t, err, chat.ErrUnavailable)
	require.NotContains(t, err.Error(), strings.Split(strings.Split(db.URL, "@")[0], ":")[2], "the password")

	server.Start(t)
	require.Eventually(t, func() bool {
		_, err = s.Append(t.Context(), message("room", ann, "stored"))
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	log1 := pageAll(t, s, "room")
	require.Equal(t, "stored", log1[len(log1)-1].ID)
	require.Len(t, log1, 3)
	require.GreaterOrEqual(t, len(log.says), 2)
	require.Equal(t, "chat database failed", log.says[0])
	require.Equal(t, "chat database is open again", log.says[len(log.says)-1])
	whole(t, s)
}

// A server that restarts while nobody needs it is not noticed.
func TestRestartOfTheServer(t *testing.T) {
	server := pgtest.Private(t)
	db := server.New(t)
	s := reopen(t, db, &Options{Logger: silent})
	makeRoom(t, s, "room", ann)
	for i := range 3 {
		for range 6 { // several connections
			_, err := s.Page(t.Context(), "ann", "room", chat.Range{})
			require.NoError(t, err)
		}
		server.Stop(t)
		server.Start(t)
		if i%2 == 0 {
			_, err := s.Page(t.Context(), "ann", "room", chat.Range{})
			require.NoError(t, err)
		}
		a, err := s.Append(t.Context(), message("room", ann, fmt.Sprint(i)))
		require.NoError(t, err)
		require.False(t, a.Duplicate)
		require.NoError(t, s.PutUsers(t.Context(), []chat.User{{ID: "ann", Name: fmt.Sprint(i)}}))
	}
	require.Len(t, pageAll(t, s, "room"), 5)
}

// A lock that somebody else holds is waited for, and the store has time limits
// of its own.
func TestLockHeldByOthers(t *testing.T) {
	db := pgtest.New(t)
	s, err := tuned(db, tuning{patience: time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	makeRoom(t, s, "room", ann)
	makeRoom(t, s, "other", ann)
	tx, err := s.readers.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), s.statement(`SELECT FROM {s}heads WHERE id = 'room' FOR UPDATE`))
	require.NoError(t, err)
	_, err = s.Append(t.Context(), message("room", ann, "waits"))
	require.ErrorIs(t, err, chat.ErrUnavailable)
	require.NotErrorIs(t, err, chat.ErrOutcomeUnknown)
	require.Equal(t, "55P03", sqlstate(err), "it is the limit of the lock that has ended it")
	require.NoError(t, tx.Rollback(t.Context()))
	for _, room := range []chat.RoomID{"room", "other"} {
		a, err := s.Append(t.Context(), message(room, ann, "waits"))
		require.NoError(t, err)
		require.False(t, a.Duplicate)
	}
}
