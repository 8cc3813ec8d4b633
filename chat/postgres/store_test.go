package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/pgtest"
)

// Four stores write all there is to write, to one hot room and about the same
// few users, and the server has no deadlock to resolve.
func TestNoDeadlocks(t *testing.T) {
	db := pgtest.New(t)
	var log logged
	var stores []*Store
	for i := range 4 {
		stores = append(stores, reopen(t, db, &Options{Shards: 1 + i%2, Logger: slog.New(&log)}))
	}
	users := make([]chat.User, 8)
	for i := range users {
		users[i] = chat.User{ID: chat.UserID(fmt.Sprint("user-", i)), Name: fmt.Sprint("User ", i)}
	}
	makeRoom(t, stores[0], "hot", users...)
	makeRoom(t, stores[0], "cool", users...)
	var wg sync.WaitGroup
	for g := range 32 {
		s, u := stores[g%4], users[g%len(users)]
		wg.Go(func() {
			for i := range 20 {
				id := fmt.Sprintf("id-%d-%d", g, i)
				if err := writeSomething(t.Context(), s, g+i, id, u, users); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.Empty(t, log.says, "a deadlock would be one")
	for i, e := range pageAll(t, stores[0], "hot") {
		require.Equal(t, chat.Seq(i+1), e.Seq)
	}
	whole(t, stores[0])
}

// writeSomething does one of many things, chosen by n.
func writeSomething(ctx context.Context, s *Store, n int, id string, u chat.User, users []chat.User) error {
	turned := append(append([]chat.User{}, users[n%len(users):]...), users[:n%len(users)]...)
	rooms := []chat.RoomID{"hot", "cool"}
	w := message(rooms[n%5/4], u, id)
	var err error
	switch n % 10 {
	case 0:
		w.Kind, w.Target, w.Role = chat.Joined, &turned[0], chat.Participant
	case 1: // of many users that are not known, each time in another order
		create := chat.RoomWrite{Room: chat.RoomID(id), By: u, ID: id, Kind: chat.Public, Name: "Room " + id}
		for i := range turned {
			fresh := chat.User{ID: chat.UserID(fmt.Sprint("new-", (n+i)%16))}
			create.Members = append(create.Members, chat.NewMember{User: turned[i]}, chat.NewMember{User: fresh})
		}
		_, err = s.CreateRoom(ctx, create)
		return err
	case 2:
		for i := range turned {
			turned[i].Name += id
		}
		return s.PutUsers(ctx, append(turned, chat.User{ID: chat.UserID(fmt.Sprint("new-", n%16)), Name: id}))
	case 3:
		var marks []chat.ReadMark
		for _, m := range turned {
			marks = append(marks, chat.ReadMark{Room: rooms[n%2], User: m.ID, Seq: chat.Seq(n)}, chat.ReadMark{Room: rooms[(n+1)%2], User: m.ID, Seq: chat.Seq(n)})
		}
		return s.MarkRead(ctx, marks)
	case 4, 5:
		open := chat.NewCall{ID: "call-" + id, Key: id, Room: w.Room, User: u, Bot: bot, Timeout: -time.Second, Basis: 1 << 30}
		if _, _, err = s.OpenCall(ctx, open); err != nil {
			return err
		}
		if n%10 == 4 {
			_, err = s.ExpireCalls(ctx, 0, 5)
			return err
		}
		_, _, err = s.SettleCall(ctx, chat.Settlement{ID: open.ID, Answers: []string{"one", "two"}})
		return err
	case 6:
		w.Kind, w.Ref, w.Text = chat.Edited, 10, id
		if _, err = s.Append(ctx, w); errors.Is(err, chat.ErrNotFound) {
			err = nil // nobody has posted yet
		}
		return err
	}
	_, err = s.Append(ctx, w)
	return err
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
		heads, err := s.Heads(t.Context(), []chat.RoomID{room, "room"})
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
		pages := 0
		for r := (chat.Range{Forward: forward, Before: 11, Limit: 200}); ; {
			p, err := s.Page(t.Context(), "ann", "room", r)
			require.NoError(t, err)
			require.NotEmpty(t, p.Events)
			pages++
			size := 0
			for _, e := range p.Events {
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
			if !p.More {
				break
			}
			r.After, r.Before = p.Events[len(p.Events)-1].Seq, 11
			if !forward {
				r.After, r.Before = 0, p.Events[0].Seq
			}
		}
		require.ElementsMatch(t, []chat.Seq{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, found)
		require.Less(t, pages, 4)
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

// The numbers are in databases that exist.
func TestKindNumbers(t *testing.T) {
	require.Equal(t, []chat.EventKind{
		"", "created", "message", "joined", "left", "banned", "role_changed", "renamed", "archived", "updated", "edited", "deleted", "reacted",
	}, kinds[:])
	for n, k := range kinds {
		require.Equal(t, n, kindNumber(k))
	}
	require.Zero(t, kindNumber("other"))
}
