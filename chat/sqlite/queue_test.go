package sqlite

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ncruces/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func TestResendsOfOneBatchGetOneRow(t *testing.T) { synctest.Test(t, testResendsOfOneBatchGetOneRow) }

func testResendsOfOneBatchGetOneRow(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	release := block(t, s)
	var wg sync.WaitGroup
	got := make([]chat.Appended, 50)
	for i := range got {
		wg.Go(func() {
			var err error
			got[i], err = s.Append(t.Context(), message("room", ann, "same"))
			if err != nil {
				t.Error(err)
			}
		})
	}
	synctest.Wait()
	release()
	wg.Wait()
	first := 0
	for _, a := range got {
		require.Equal(t, chat.Seq(3), a.Event.Seq)
		require.Equal(t, got[0].Event.Time, a.Event.Time)
		if !a.Duplicate {
			first++
		}
	}
	require.Equal(t, 1, first)
	require.Len(t, pageAll(t, s, "room"), 3)
}

// block keeps the committer busy until release is called.
func block(tb testing.TB, s *Store) (release func()) {
	tb.Helper()
	gate, busy := make(chan struct{}), make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		submit(context.Background(), s, "block", 1, 0, func(*writer) (int, error) {
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

func TestCanceledInBatch(t *testing.T) { synctest.Test(t, testCanceledInBatch) }

func testCanceledInBatch(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	gate := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 1)
	go func() {
		_, err := submit(ctx, s, "append", 1, 0, func(w *writer) (chat.Appended, error) {
			<-gate
			in := message("room", ann, "taken")
			return w.append(&in)
		})
		errs <- err
	}()
	synctest.Wait()
	cancel()
	err := <-errs
	require.ErrorIs(t, err, chat.ErrOutcomeUnknown)
	require.ErrorIs(t, err, context.Canceled)
	close(gate)
	again, err := s.Append(t.Context(), message("room", ann, "taken"))
	require.NoError(t, err)
	require.True(t, again.Duplicate)
}

func TestBadRowFailsAlone(t *testing.T) { synctest.Test(t, testBadRowFailsAlone) }

func testBadRowFailsAlone(t *testing.T) {
	s, path := fresh(t, nil)
	makeRoom(t, s, "room", ann, bob)
	var delivered []chat.Event
	_, err := s.Attach(func(events []chat.Event) { delivered = append(delivered, events...) })
	require.NoError(t, err)
	// A host program's trigger refuses some rows in the middle of a batch.
	db, err := sqlite3.Open(path)
	require.NoError(t, err)
	require.NoError(t, db.Exec(`CREATE TRIGGER refuse BEFORE INSERT ON chat_events WHEN NEW.text = 'poison'
		BEGIN SELECT RAISE(ABORT, 'poison'); END;
		CREATE TRIGGER refuse_member BEFORE INSERT ON chat_members WHEN NEW.user_id = 'poison'
		BEGIN SELECT RAISE(ABORT, 'poison'); END`))
	require.NoError(t, db.Close())

	release := block(t, s)
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
	synctest.Wait()
	release()
	wg.Wait()
	for i, err := range errs {
		if i%10 == 3 || i%10 == 7 {
			require.ErrorContains(t, err, "poison", i)
			require.NotErrorIs(t, err, chat.ErrUnavailable)
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
	require.Len(t, users, 1)
	_, err = s.Append(t.Context(), message("room", chat.User{ID: "poison", Name: "P"}, "after"))
	require.NoError(t, err, "a user whose row was undone is not remembered")
}
