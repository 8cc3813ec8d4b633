package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/storetest"
)

// The shards of a store commit at the same time, and its receiver is called by
// one after the other.
func TestShardsTakeTurns(t *testing.T) {
	s, _ := fresh(t, &Options{Shards: 4})
	rooms := map[*committer]chat.RoomID{}
	for i := 0; len(rooms) < 4; i++ {
		id := chat.RoomID(fmt.Sprint("room-", i))
		if c := s.shard(id); rooms[c] == "" {
			makeRoom(t, s, id, ann)
			rooms[c] = id
		}
	}
	entered, gate := make(chan chat.RoomID, 4), make(chan struct{})
	leave := sync.OnceFunc(func() { close(gate) })
	defer leave()
	_, err := s.Attach(func(events []chat.Event) {
		entered <- events[0].Room
		<-gate
	})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for _, room := range rooms {
		wg.Go(func() {
			if _, err := s.Append(t.Context(), message(room, ann, "hello")); err != nil {
				t.Error(err)
			}
		})
	}
	first := <-entered
	for _, room := range rooms {
		require.Eventually(t, func() bool { return len(pageAll(t, s, room)) == 3 }, 10*time.Second, time.Millisecond, "all are committed")
	}
	require.Never(t, func() bool { return len(entered) > 0 }, 50*time.Millisecond, time.Millisecond, "in the room after %s", first)
	leave()
	wg.Wait()
}

func TestReadsEndWithTheirContext(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Page(ctx, "ann", "room", chat.Range{})
	require.Equal(t, context.Canceled, err)
	// One that ends in the middle of a read leaves a usable pool.
	for range s.readers.Config().MaxConns {
		ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err = view(ctx, s, "long", func(ctx context.Context) (int, error) {
			return 0, s.query(ctx, func(*row) {}, `SELECT pg_sleep(60)`)
		})
		cancel()
		require.Equal(t, context.DeadlineExceeded, err)
	}
	for range 2 * s.readers.Config().MaxConns {
		_, err = s.Page(t.Context(), "ann", "room", chat.Range{})
		require.NoError(t, err)
	}
	// One that takes too long by itself is ended by the server.
	begin := time.Now()
	_, err = view(t.Context(), s, "long", func(ctx context.Context) (int, error) {
		return 0, s.query(ctx, func(*row) {}, `SELECT pg_sleep(60)`)
	})
	require.ErrorIs(t, err, chat.ErrUnavailable)
	require.Less(t, time.Since(begin), 20*time.Second)
}

// What PostgreSQL can't keep as text is refused where it would be stored, and
// not found where it is looked for.
func TestNoText(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	for _, bad := range []string{"a\x00b", "\xff\xfe", "\xed\xa0\x80"} {
		call := chat.NewCall{ID: "id", Key: "key", Room: "room", User: ann, Bot: bot, Line: bad, Basis: 9}
		for name, write := range map[string]func() error{
			"text": func() error {
				w := message("room", ann, "id")
				w.Text = bad
				_, err := s.Append(t.Context(), w)
				return err
			},
			"data": func() error {
				w := message("room", ann, "id")
				w.Data = []byte(bad)
				_, err := s.Append(t.Context(), w)
				return err
			},
			"id":   func() error { _, err := s.Append(t.Context(), message("room", ann, bad)); return err },
			"room": func() error { _, err := s.Append(t.Context(), message(chat.RoomID(bad), ann, "id")); return err },
			"user": func() error { return s.PutUsers(t.Context(), []chat.User{{ID: "x", Name: bad}}) },
			"call": func() error { _, _, err := s.OpenCall(t.Context(), call); return err },
			"answer": func() error {
				_, _, err := s.SettleCall(t.Context(), chat.Settlement{ID: "id", Answers: []string{bad}})
				return err
			},
			"create": func() error {
				_, err := s.CreateRoom(t.Context(), chat.RoomWrite{Room: "x", By: ann, ID: "x", Name: bad})
				return err
			},
			"session": func() error { return s.Revoke(t.Context(), chat.Revocation{User: "ann", Session: bad}) },
		} {
			refused, ok := errors.AsType[*chat.InputError](write())
			require.True(t, ok, "%s %q", name, bad)
			require.Equal(t, "bad_request", refused.Code)
		}
		room, user := chat.RoomID(bad), chat.UserID(bad)
		_, _, err := s.Find(t.Context(), room, user, bad)
		require.ErrorIs(t, err, chat.ErrNotFound)
		_, err = s.Page(t.Context(), "ann", room, chat.Range{})
		require.ErrorIs(t, err, chat.ErrNotFound)
		_, err = s.Snapshot(t.Context(), room, nil)
		require.ErrorIs(t, err, chat.ErrNotFound)
		_, err = s.RoomNamed(t.Context(), bad)
		require.ErrorIs(t, err, chat.ErrNotFound)
		_, err = s.Call(t.Context(), bad)
		require.ErrorIs(t, err, chat.ErrNotFound)
		_, err = s.Trim(t.Context(), room, chat.Retention{Age: 1}, 1)
		require.ErrorIs(t, err, chat.ErrNotFound)
		heads, err := s.Heads(t.Context(), map[chat.RoomID]chat.Seq{room: 0, "room": 0})
		require.NoError(t, err)
		require.Len(t, heads, 1, "the others are found")
		snap, err := s.Snapshot(t.Context(), "room", []chat.UserID{user, "ann"})
		require.NoError(t, err)
		require.Len(t, snap.Members, 1)
		require.NoError(t, s.MarkRead(t.Context(), []chat.ReadMark{{Room: room, User: user, Seq: 1}, {Room: "room", User: "ann", Seq: 1}}))
		inbox, err := s.Inbox(t.Context(), user)
		require.NoError(t, err)
		require.Empty(t, inbox.Rooms)
	}
	require.Len(t, pageAll(t, s, "room"), 2)
}

func TestServerClock(t *testing.T) {
	s, _ := fresh(t, nil)
	begin := time.Now()
	makeRoom(t, s, "room", ann)
	a, err := s.Append(t.Context(), message("room", ann, "hello"))
	require.NoError(t, err)
	require.WithinDuration(t, begin, a.Event.Time, time.Minute, "the server runs on this machine")
	require.True(t, a.Event.Time.Equal(a.Event.Time.Truncate(time.Millisecond)))
	_, err = s.Append(t.Context(), message("room", chat.User{ID: "new"}, "by somebody new"))
	require.NoError(t, err)
	whole(t, s)
}

func TestEpoch(t *testing.T) {
	s, db := fresh(t, nil)
	id, err := s.Attach(nil)
	require.NoError(t, err)
	// A server that was promoted, or recovered to an earlier point, has
	// another timeline.
	life := s.life
	require.Equal(t, lives[0], life)
	s.life = life + ` || ' later'`
	later, err := s.RotateEpoch(t.Context(), "")
	require.NoError(t, err)
	require.NotEqual(t, id.Epoch, later)
	s.life = life
	require.NoError(t, s.Close())

	epoch, err := Rotate(t.Context(), db.URL, &Options{Schema: db.Schema})
	require.NoError(t, err)
	require.NotEqual(t, id.Epoch, epoch)
	again, err := reopen(t, db, nil).Attach(nil)
	require.NoError(t, err)
	require.Equal(t, chat.Identity{Store: id.Store, Epoch: epoch}, again)
}

// TestReactionsFillNoPage puts as many reactions of users with long ids on some
// messages as they can have.
func TestReactionsFillNoPage(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	for i := range 8 {
		_, err := s.Append(t.Context(), message("room", ann, fmt.Sprint("message-", i)))
		require.NoError(t, err)
	}
	for _, sql := range []string{
		`INSERT INTO {s}users (id, name, bot) SELECT lpad(i::text, 64, '0'), '', false FROM generate_series(1, 20) i`,
		`INSERT INTO {s}reactors (room_no, ref, emoji, seq, user_no) SELECT r.no, m, lpad(e::text, 64, '0'), 1000 + u.no, u.no
			FROM {s}rooms r, {s}users u, generate_series(3, 6) m, generate_series(1, 50) e WHERE u.name = ''`,
		`INSERT INTO {s}emoji (room_no, ref, emoji, first, n) SELECT room_no, ref, emoji, emoji::int, count(*) FROM {s}reactors GROUP BY room_no, ref, emoji`,
	} {
		execute(t, s, sql)
	}
	for _, forward := range []bool{true, false} {
		var found []chat.Seq
		pages := storetest.Pages(t, s, "ann", "room", forward, 11)
		for _, events := range pages {
			size := 0
			for _, e := range events {
				found = append(found, e.Seq)
				if 3 <= e.Seq && e.Seq <= 6 {
					require.Len(t, e.Reactions, emojiMax, "of event %d", e.Seq)
				}
				for _, x := range e.Reactions {
					require.Len(t, x.Users, reactorsMax)
					size += len(x.Text) + 64*len(x.Users)
				}
			}
			require.Less(t, size, pageBytes)
		}
		require.ElementsMatch(t, []chat.Seq{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, found)
		require.Less(t, len(pages), 4)
	}
	react := chat.Write{Room: "room", User: ann, ID: "more", Kind: chat.Reacted, Ref: 3, Text: "one more", Basis: 99}
	_, err := s.Append(t.Context(), react)
	refused, ok := errors.AsType[*chat.InputError](err)
	require.True(t, ok, "one more different reaction: %v", err)
	require.True(t, strings.Contains(refused.Message, "50"))
	react.Text = fmt.Sprintf("%064d", 7)
	_, err = s.Append(t.Context(), react)
	require.NoError(t, err, "one of those that are there")
}
