package sqlite

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

var (
	silent       = slog.New(slog.DiscardHandler)
	defaultClock = time.Now
)

func TestConcurrentWritersGetOneLogPerRoom(t *testing.T) {
	s, _ := fresh(t, nil)
	var mu sync.Mutex
	delivered := map[chat.RoomID]chat.Seq{}
	_, err := s.Attach(func(events []chat.Event) {
		heads, err := s.Heads(t.Context(), map[chat.RoomID]chat.Seq{events[0].Room: 0}) // a receiver may read
		if err != nil || heads[events[0].Room] < events[0].Seq {
			t.Errorf("the receiver reads heads %v, %v; it was given seq %d", heads, err, events[0].Seq)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, e := range events {
			if e.Seq != delivered[e.Room]+1 {
				t.Errorf("room %s: %d was delivered after %d", e.Room, e.Seq, delivered[e.Room])
			}
			delivered[e.Room] = e.Seq
		}
	})
	require.NoError(t, err)
	rooms := []chat.RoomID{"r0", "r1", "r2"}
	for _, r := range rooms {
		makeRoom(t, s, r, ann, bob)
	}
	const writers, each = 32, 20
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for j := range each {
				room := rooms[(i+j)%len(rooms)]
				a, err := s.Append(t.Context(), message(room, ann, fmt.Sprintf("id-%d-%d", i, j)))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if delivered[room] < a.Event.Seq {
					t.Errorf("answered %d before it was delivered", a.Event.Seq)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	total := 0
	for _, r := range rooms {
		log := pageAll(t, s, r)
		for i, e := range log {
			require.Equal(t, chat.Seq(i+1), e.Seq)
		}
		require.Equal(t, chat.Seq(len(log)), delivered[r])
		total += len(log) - 3
	}
	require.Equal(t, writers*each, total)
	whole(t, s)
}

func TestEverythingIsThereAfterReopening(t *testing.T) {
	s, path := fresh(t, nil)
	id, err := s.Attach(nil)
	require.NoError(t, err)
	makeRoom(t, s, "room", ann, bob)
	w := message("room", ann, "first")
	w.Data, w.Mentions = []byte(`{"a":1}`), []chat.UserID{"bob"}
	first, err := s.Append(t.Context(), w)
	require.NoError(t, err)
	_, err = s.Append(t.Context(), chat.Write{Room: "room", ID: "edit", Kind: chat.Edited, User: ann, Ref: first.Event.Seq, Text: "new", Basis: 99})
	require.NoError(t, err)
	_, _, err = s.OpenCall(t.Context(), chat.NewCall{ID: "call", Key: "key", Room: "room", User: ann, Bot: bot, Name: "stock", Line: "/stock", Timeout: time.Minute, Basis: 99})
	require.NoError(t, err)
	_, settled, err := s.SettleCall(t.Context(), chat.Settlement{ID: "call", Answers: []string{"one", "two"}, Private: []string{"psst"}})
	require.NoError(t, err)
	require.True(t, settled)
	require.NoError(t, s.MarkRead(t.Context(), []chat.ReadMark{{Room: "room", User: "bob", Seq: 4}}))
	log := pageAll(t, s, "room")
	inbox, err := s.Inbox(t.Context(), "bob")
	require.NoError(t, err)
	require.EqualValues(t, 2, inbox.Rooms[0].Unread)
	require.NoError(t, s.Close())
	_, err = os.Stat(path + "-wal")
	require.ErrorIs(t, err, os.ErrNotExist, "Close leaves no WAL")

	s = reopen(t, path, nil)
	again, err := s.Attach(nil)
	require.NoError(t, err)
	require.Equal(t, id, again)
	require.Equal(t, log, pageAll(t, s, "room"))
	inboxAgain, err := s.Inbox(t.Context(), "bob")
	require.NoError(t, err)
	require.Equal(t, inbox, inboxAgain)
	call, err := s.Call(t.Context(), "call")
	require.NoError(t, err)
	require.Equal(t, chat.CallDone, call.Status)
	require.Equal(t, []chat.Seq{6, 7}, call.Seqs)

	dup, err := s.Append(t.Context(), w)
	require.NoError(t, err)
	require.True(t, dup.Duplicate)
	require.Equal(t, log[first.Event.Seq-1], dup.Event)
	next, err := s.Append(t.Context(), message("room", ann, "next"))
	require.NoError(t, err)
	require.EqualValues(t, 8, next.Event.Seq)
	whole(t, s)
}

func TestReadsEndWithTheirContext(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Page(ctx, "ann", "room", chat.Range{})
	require.Equal(t, context.Canceled, err)
	// One that ends in the middle of a read leaves the connection usable.
	ctx, cancel = context.WithCancel(t.Context())
	_, err = view(ctx, s, "long", func(c *conn) (int, error) {
		cancel()
		return 0, c.query(func(*row) error { return nil },
			`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n`)
	})
	require.Equal(t, context.Canceled, err)
	for range 8 {
		_, err = s.Page(t.Context(), "ann", "room", chat.Range{})
		require.NoError(t, err)
	}
}

func TestForgottenCalls(t *testing.T) {
	now := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	s, _ := fresh(t, &Options{Clock: func() time.Time { return now }})
	makeRoom(t, s, "room", ann)
	open := func(id string) (chat.Call, bool) {
		c, there, err := s.OpenCall(t.Context(), chat.NewCall{ID: id, Key: "key", Room: "room", User: ann, Bot: bot, Timeout: time.Second, Basis: 9})
		require.NoError(t, err)
		return c, there
	}
	open("one")
	_, _, err := s.SettleCall(t.Context(), chat.Settlement{ID: "one", Err: command.Fail("no")})
	require.NoError(t, err)
	now = now.Add(24*time.Hour - time.Millisecond)
	c, there := open("two")
	require.True(t, there)
	require.Equal(t, "one", c.ID)
	now = now.Add(time.Millisecond)
	_, err = s.Call(t.Context(), "one")
	require.ErrorIs(t, err, chat.ErrNotFound)
	c, there = open("two")
	require.False(t, there)
	require.Equal(t, "two", c.ID)
}

func TestRotate(t *testing.T) {
	s, path := fresh(t, nil)
	id, err := s.Attach(nil)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	epoch, err := Rotate(t.Context(), path, nil)
	require.NoError(t, err)
	require.NotEqual(t, id.Epoch, epoch)
	s = reopen(t, path, nil)
	again, err := s.Attach(nil)
	require.NoError(t, err)
	require.Equal(t, chat.Identity{Store: id.Store, Epoch: epoch}, again)
}
