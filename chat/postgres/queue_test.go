package postgres

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// block keeps a committer busy until release is called.
func block(tb testing.TB, c *committer) (release func()) {
	tb.Helper()
	gate, busy, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		submit(context.Background(), c, "block", newRequest("", 1, 0), func(context.Context, *tx) (int, error) {
			close(busy)
			<-gate
			return 0, nil
		})
	}()
	<-busy
	once := sync.OnceFunc(func() { close(gate); <-done })
	tb.Cleanup(once)
	return once
}

// queued waits until so many requests are in the queue of c.
func queuedUp(tb testing.TB, c *committer, n int) {
	tb.Helper()
	require.Eventually(tb, func() bool { return c.queue.Len() == n }, 10*time.Second, time.Millisecond)
}

func TestResendsOfOneBatchGetOneRow(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	release := block(t, s.shards[0])
	var wg sync.WaitGroup
	got := make([]chat.Appended, 50)
	errs := make([]error, 50)
	for i := range got {
		w := message("room", ann, "same")
		if i%10 == 9 {
			w.Hash = hash("another")
		}
		wg.Go(func() { got[i], errs[i] = s.Append(t.Context(), w) })
	}
	queuedUp(t, s.shards[0], len(got))
	release()
	wg.Wait()
	var stored, refused []int
	for i, a := range got {
		switch {
		case errs[i] != nil:
			require.ErrorIs(t, errs[i], chat.ErrIDReused)
			refused = append(refused, i)
			continue
		case !a.Duplicate:
			stored = append(stored, i)
		}
		require.Equal(t, chat.Seq(3), a.Event.Seq)
	}
	require.Len(t, stored, 1)
	require.Contains(t, []int{5, 45}, len(refused), "which of the two was first is not known")
	require.Len(t, pageAll(t, s, "room"), 3)
}

// A repeat of a message whose Basis was too old may have a newer one.
func TestRepeatOfAStaleMessage(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	release := block(t, s.shards[0])
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		w := message("room", ann, "same")
		w.Basis = chat.Seq([]int{0, 1, 0, 2, 2, 0}[i])
		wg.Go(func() { _, errs[i] = s.Append(t.Context(), w) })
		queuedUp(t, s.shards[0], i+1)
	}
	release()
	wg.Wait()
	for i, err := range errs {
		if i == 3 || i == 4 {
			require.NoError(t, err, i)
		} else {
			require.ErrorIs(t, err, chat.ErrStale, i)
		}
	}
	require.Len(t, pageAll(t, s, "room"), 3)
}

// Messages of one batch go together, but what one user asks for in a room is
// done in that order.
func TestOrderOfABatch(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "one", ann)
	makeRoom(t, s, "two", ann)
	release := block(t, s.shards[0])
	var wg sync.WaitGroup
	carl := chat.User{ID: "carl", Name: "Carl"}
	for i, w := range []chat.Write{
		message("one", ann, "1"), message("two", ann, "1"),
		{Room: "one", User: ann, ID: "2", Kind: chat.Joined, Target: &carl, Role: chat.Participant, Basis: 2},
		message("two", ann, "2"), message("one", ann, "3"), message("one", carl, "4"),
		{Room: "one", User: carl, ID: "5", Kind: chat.Edited, Ref: 6, Text: "edited", Basis: 99},
		message("two", carl, "3"), message("one", ann, "6"), message("two", ann, "4"), message("two", carl, "5"),
	} {
		wg.Go(func() {
			if _, err := s.Append(t.Context(), w); err != nil {
				t.Errorf("%s in %s: %v", w.ID, w.Room, err)
			}
		})
		queuedUp(t, s.shards[0], i+1)
	}
	release()
	wg.Wait()
	for room, want := range map[chat.RoomID][]string{"one": {"1", "2", "3", "4", "5", "6"}, "two": {"1", "2", "4", "3", "5"}} {
		var ids []string
		for _, e := range pageAll(t, s, room)[2:] {
			ids = append(ids, e.ID)
		}
		require.Equal(t, want, ids)
	}
	whole(t, s) // carl was not known when the messages in two were stored
}

func TestCanceledInBatch(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	gate, busy := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 1)
	go func() {
		_, err := submit(ctx, s.shards[0], "append", newRequest("", 1, 0), func(ctx context.Context, t *tx) (chat.Appended, error) {
			close(busy)
			<-gate
			in := message("room", ann, "taken")
			return t.append(ctx, &in)
		})
		errs <- err
	}()
	<-busy
	cancel()
	err := <-errs
	require.ErrorIs(t, err, chat.ErrOutcomeUnknown)
	require.ErrorIs(t, err, context.Canceled)
	close(gate)
	again, err := s.Append(t.Context(), message("room", ann, "taken"))
	require.NoError(t, err)
	require.True(t, again.Duplicate)
}

func TestBadRowFailsAlone(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "room", ann, bob)
	var delivered []chat.Event
	_, err := s.Attach(func(events []chat.Event) { delivered = append(delivered, events...) })
	require.NoError(t, err)
	// A host program's triggers refuse some rows in the middle of a batch.
	execute(t, s, `CREATE FUNCTION {s}refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'poison'; END $$`)
	execute(t, s, `CREATE TRIGGER refuse BEFORE INSERT ON {s}events FOR EACH ROW WHEN (NEW.text = 'poison') EXECUTE FUNCTION {s}refuse()`)
	execute(t, s, `CREATE TRIGGER refuse BEFORE INSERT ON {s}members FOR EACH ROW WHEN (NEW.user_id = 'poison') EXECUTE FUNCTION {s}refuse()`)

	release := block(t, s.shards[0])
	var wg sync.WaitGroup
	const n = 60
	errs := make([]error, n)
	for i := range n {
		w := message("room", ann, fmt.Sprint("id-", i))
		switch {
		case i%10 == 3:
			w.Text = "poison"
		case i%10 == 7: // the event is stored before the member is refused
			w.Kind, w.Target, w.Role = chat.Joined, &chat.User{ID: "poison"}, chat.Participant
		}
		wg.Go(func() { _, errs[i] = s.Append(t.Context(), w) })
	}
	queuedUp(t, s.shards[0], n)
	release()
	wg.Wait()
	for i, err := range errs {
		if i%10 == 3 || i%10 == 7 {
			require.ErrorContains(t, err, "poison", i)
			require.NotErrorIs(t, err, chat.ErrUnavailable)
			require.NotErrorIs(t, err, chat.ErrOutcomeUnknown)
		} else {
			require.NoError(t, err, i)
		}
	}
	log := pageAll(t, s, "room")
	require.Len(t, log, 3+n*8/10)
	require.Equal(t, log[3:], delivered)
	whole(t, s)
	users, err := s.Users(t.Context(), []chat.UserID{"poison", "ann"})
	require.NoError(t, err)
	require.Len(t, users, 1, "what fails leaves nothing, nor its users")
}

// execute runs SQL of a host program.
func execute(tb testing.TB, s *Store, sql string) {
	tb.Helper()
	_, err := s.readers.Exec(context.Background(), s.statement(sql))
	require.NoError(tb, err)
}
