package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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

func TestCancel(t *testing.T) {
	for name, f := range map[string]func(*testing.T){
		"while queued nothing is stored":            testCanceledInQueue,
		"after it was taken the outcome is unknown": testCanceledInBatch,
		"a full queue waits until the ctx ends":     testFullQueue,
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
	}
}

func testCanceledInQueue(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	release := block(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 1)
	go func() {
		_, err := s.Append(ctx, message("room", ann, "gone"))
		errs <- err
	}()
	synctest.Wait()
	cancel()
	require.Equal(t, context.Canceled, <-errs, "answered before the committer looks")
	release()
	_, err := s.Append(t.Context(), message("room", ann, "kept"))
	require.NoError(t, err)
	_, _, err = s.Find(t.Context(), "room", "ann", "gone")
	require.ErrorIs(t, err, chat.ErrNotFound)
	require.Len(t, pageAll(t, s, "room"), 3)
}

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

func testFullQueue(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	release := block(t, s)
	var wg sync.WaitGroup
	for i := range queueLen {
		wg.Go(func() {
			if _, err := s.Append(t.Context(), message("room", ann, fmt.Sprint("queued-", i))); err != nil {
				t.Error(err)
			}
		})
	}
	synctest.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	begin := time.Now()
	_, err := s.Append(ctx, message("room", ann, "too much"))
	require.Equal(t, context.DeadlineExceeded, err)
	require.Equal(t, time.Second, time.Since(begin))
	release()
	wg.Wait()
	require.Len(t, pageAll(t, s, "room"), queueLen+2)
	whole(t, s)
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

func TestCloseStoresWhatIsQueued(t *testing.T) { synctest.Test(t, testCloseStoresWhatIsQueued) }

func testCloseStoresWhatIsQueued(t *testing.T) {
	s, path := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	release := block(t, s)
	errs := make(chan error, 10)
	for i := range cap(errs) {
		go func() {
			_, err := s.Append(t.Context(), message("room", ann, fmt.Sprint("queued-", i)))
			errs <- err
		}()
	}
	synctest.Wait()
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	synctest.Wait()
	_, err := s.Append(t.Context(), message("room", ann, "late"))
	require.ErrorIs(t, err, chat.ErrClosed)
	release()
	require.NoError(t, <-closed)
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
	s = reopen(t, path, nil)
	require.Len(t, pageAll(t, s, "room"), 2+cap(errs))
}

func TestCloseUnderLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	s, err := Open(t.Context(), path, nil)
	require.NoError(t, err)
	makeRoom(t, s, "room", ann)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var acked []chat.Seq
	busy := make(chan struct{})
	for i := range 16 {
		wg.Go(func() {
			for j := 0; ; j++ {
				a, err := s.Append(t.Context(), message("room", ann, fmt.Sprintf("id-%d-%d", i, j)))
				if err != nil {
					if !errors.Is(err, chat.ErrClosed) {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				if acked = append(acked, a.Event.Seq); len(acked) == 200 {
					close(busy)
				}
				mu.Unlock()
			}
		})
	}
	<-busy
	require.NoError(t, s.Close())
	wg.Wait()
	require.NoError(t, s.Close(), "again")
	_, err = s.Page(t.Context(), chat.System, "room", chat.Range{})
	require.ErrorIs(t, err, chat.ErrClosed)
	_, err = s.Attach(nil)
	require.ErrorIs(t, err, chat.ErrClosed)

	s = reopen(t, path, nil)
	log := pageAll(t, s, "room")
	for _, seq := range acked {
		require.LessOrEqual(t, int(seq), len(log))
	}
	require.Len(t, log, 2+len(acked), "what is not acknowledged was not stored")
	whole(t, s)
}
