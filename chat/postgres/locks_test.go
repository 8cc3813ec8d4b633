package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	for _, room := range busyRooms {
		makeRoom(t, stores[0], room, users...)
	}
	var wg sync.WaitGroup
	for g := range 64 {
		s, u := stores[g%4], users[g%len(users)]
		wg.Go(func() {
			for i := range 15 {
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
	for i, e := range pageAll(t, stores[0], busyRooms[0]) {
		require.Equal(t, chat.Seq(i+1), e.Seq)
	}
	whole(t, stores[0])
}

var busyRooms = []chat.RoomID{"hot", "a", "b", "c", "d", "e", "f"}

// writeSomething does one of many things, chosen by n.
func writeSomething(ctx context.Context, s *Store, n int, id string, u chat.User, users []chat.User) error {
	turned := append(append([]chat.User{}, users[n%len(users):]...), users[:n%len(users)]...)
	w := message(busyRooms[n/10%2*(n%len(busyRooms))], u, id) // half of it in the first one
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
		for i, m := range turned {
			for j := range busyRooms {
				marks = append(marks, chat.ReadMark{Room: busyRooms[(i+j)%len(busyRooms)], User: m.ID, Seq: chat.Seq(n)})
			}
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

// Whatever order a request has them in, rows are locked in one: while somebody
// holds the second of three, the first is locked and the third is not.
func TestOrderOfLocks(t *testing.T) {
	s, _ := fresh(t, nil)
	users := []chat.User{{ID: "a", Name: "A"}, {ID: "b", Name: "B"}, {ID: "c", Name: "C"}}
	rooms := []chat.RoomID{"a", "b", "c"}
	for _, id := range rooms {
		makeRoom(t, s, id, users...)
		_, err := s.Append(t.Context(), message(id, users[0], "prepared"))
		require.NoError(t, err)
	}
	head := `SELECT FROM {s}heads h JOIN {s}rooms r ON r.no = h.room_no WHERE r.id = $1 FOR UPDATE OF h`
	user := `SELECT FROM {s}users WHERE id = $1 FOR UPDATE`
	for name, c := range map[string]struct {
		row string
		run func() error
	}{
		"messages": {head, func() error {
			release := block(t, s.shards[0])
			var wg sync.WaitGroup
			var first error
			for i, room := range []chat.RoomID{"c", "a", "b"} {
				wg.Go(func() {
					if _, err := s.Append(t.Context(), message(room, users[0], "message")); err != nil {
						first = err
					}
				})
				queuedUp(t, s.shards[0], i+1)
			}
			release()
			wg.Wait()
			return first
		}},
		"read markers": {`SELECT FROM {s}members m JOIN {s}rooms r ON r.no = m.room_no WHERE r.id = $1 AND m.user_id = 'a' FOR UPDATE OF m`, func() error {
			return s.MarkRead(t.Context(), []chat.ReadMark{{Room: "b", User: "a", Seq: 3}, {Room: "c", User: "a", Seq: 3}, {Room: "a", User: "a", Seq: 3}})
		}},
		"names": {user, func() error {
			return s.PutUsers(t.Context(), []chat.User{{ID: "c", Name: "New"}, {ID: "b", Name: "New"}, {ID: "a", Name: "New"}})
		}},
		"members": {user, func() error {
			_, err := s.CreateRoom(t.Context(), chat.RoomWrite{Room: "d", By: users[2], ID: "d", Kind: chat.Private, Members: []chat.NewMember{
				{User: users[2]}, {User: users[0]}, {User: users[1]},
			}})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			free := func(id string) bool {
				tag, err := s.readers.Exec(t.Context(), s.statement(c.row+` SKIP LOCKED`), id)
				require.NoError(t, err)
				return tag.RowsAffected() == 1
			}
			tx, err := s.readers.Begin(t.Context())
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), s.statement(c.row), "b")
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() { done <- c.run() }()
			require.Eventually(t, func() bool {
				waiting := false
				err := s.query(t.Context(), func(*row) { waiting = true }, `SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
					WHERE NOT l.granted AND a.application_name = 'gochat'`)
				return err == nil && waiting
			}, 10*time.Second, time.Millisecond)
			require.False(t, free("a"), "the first")
			require.True(t, free("c"), "the third")
			require.NoError(t, tx.Rollback(t.Context()))
			require.NoError(t, <-done)
		})
	}
}
