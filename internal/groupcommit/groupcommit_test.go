package groupcommit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/groupcommit"
)

type request struct {
	groupcommit.Request
	n int
}

func newRequest(n, rows, bytes int) *request {
	return &request{groupcommit.Request{Rows: rows, Bytes: bytes}, n}
}

// committer answers batches when it is let.
type committer struct {
	q       *groupcommit.Queue[*request]
	closing chan struct{}
	next    chan error // lets it answer one batch
	began   chan struct{}
	ended   chan struct{}
	batches [][]int
}

func start(t *testing.T, rows int) *committer {
	c := &committer{closing: make(chan struct{}), next: make(chan error), began: make(chan struct{}, 1000), ended: make(chan struct{})}
	c.q = groupcommit.New[*request](c.closing, rows)
	go func() {
		defer close(c.ended)
		c.q.Run(func(batch []*request) {
			var ns []int
			for _, r := range batch {
				ns = append(ns, r.n)
			}
			c.batches = append(c.batches, ns)
			c.began <- struct{}{}
			groupcommit.Answer(batch, <-c.next)
		})
	}()
	t.Cleanup(func() {
		c.close()
		close(c.next)
		<-c.ended
	})
	return c
}

func (c *committer) close() {
	select {
	case <-c.closing:
	default:
		close(c.closing)
	}
}

// do sends requests in their order and returns what gets their answers.
func (c *committer) do(ctx context.Context, rs ...*request) (errs []chan error) {
	for _, r := range rs {
		err := make(chan error, 1)
		errs = append(errs, err)
		go func() { err <- c.q.Do(ctx, r) }()
		synctest.Wait()
	}
	return errs
}

func in(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func TestWhatWaitsIsTheNextBatch(t *testing.T) {
	in(t, func(t *testing.T) {
		c := start(t, 4)
		errs := c.do(t.Context(), newRequest(0, 1, 0), newRequest(1, 1, 0), newRequest(2, 3, 0), newRequest(3, 1, 0), newRequest(4, 9, 0), newRequest(5, 1, 0))
		bad := errors.New("bad")
		for _, err := range []error{nil, bad, nil, nil, nil} {
			synctest.Wait()
			select {
			case c.next <- err:
			default:
			}
		}
		synctest.Wait()
		require.Equal(t, [][]int{{0}, {1, 2}, {3}, {4}, {5}}, c.batches, "in their order, up to 4 rows, but for one that has more")
		for i, err := range errs {
			if got := <-err; i == 1 || i == 2 {
				require.Equal(t, bad, got)
			} else {
				require.NoError(t, got, i)
			}
		}
	})
}

func TestBatchesAreBoundedInBytes(t *testing.T) {
	in(t, func(t *testing.T) {
		c := start(t, 100)
		const half = groupcommit.BatchBytes / 2
		c.do(t.Context(), newRequest(0, 1, 0), newRequest(1, 1, half), newRequest(2, 1, half), newRequest(3, 1, 1))
		for range 3 {
			c.next <- nil
			synctest.Wait()
		}
		require.Equal(t, [][]int{{0}, {1, 2}, {3}}, c.batches)
	})
}

func TestCancel(t *testing.T) {
	in(t, func(t *testing.T) {
		c := start(t, 4)
		canceled, cancel := context.WithCancel(t.Context())
		errs := c.do(canceled, newRequest(0, 1, 0), newRequest(1, 1, 0))
		kept := c.do(t.Context(), newRequest(2, 1, 0))
		cancel()
		err := <-errs[0]
		require.ErrorIs(t, err, chat.ErrOutcomeUnknown, "it is being written")
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, context.Canceled, <-errs[1], "it is certain that it is not written, and is told at once")
		c.next <- nil
		synctest.Wait()
		c.next <- nil
		require.NoError(t, <-kept[0])
		require.Equal(t, [][]int{{0}, {2}}, c.batches)
		require.Equal(t, context.Canceled, c.q.Do(canceled, newRequest(3, 1, 0)))
	})
}

func TestFullQueueWaitsUntilCtxEnds(t *testing.T) {
	in(t, func(t *testing.T) {
		c := start(t, groupcommit.BatchRows)
		var wg sync.WaitGroup
		for i := range groupcommit.QueueLen + 1 { // the first is taken
			wg.Go(func() {
				if err := c.q.Do(t.Context(), newRequest(i, 1, 0)); err != nil {
					t.Error(err)
				}
			})
			if i == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		require.Equal(t, groupcommit.QueueLen, c.q.Len())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		require.Equal(t, context.DeadlineExceeded, c.q.Do(ctx, newRequest(-1, 1, 0)))
		require.Equal(t, time.Second, time.Since(begin))
		late := c.do(t.Context(), newRequest(-2, 1, 0))
		for range 6 {
			c.next <- nil
		}
		require.NoError(t, <-late[0], "there is a place again")
		wg.Wait()
		require.Len(t, c.batches, 6)
	})
}

func TestClosing(t *testing.T) {
	in(t, func(t *testing.T) {
		c := start(t, 1)
		errs := c.do(t.Context(), newRequest(0, 1, 0), newRequest(1, 1, 0), newRequest(2, 1, 0))
		c.close()
		require.ErrorIs(t, c.q.Do(t.Context(), newRequest(3, 1, 0)), chat.ErrClosed)
		for _, err := range errs {
			c.next <- nil
			require.NoError(t, <-err, "what was in the queue is written")
		}
		<-c.ended
		require.Len(t, c.batches, 3)
	})
}

// Whoever meets the end of the queue gets one answer, and it is true.
func TestClosingUnderLoad(t *testing.T) {
	for range 50 {
		closing := make(chan struct{})
		q := groupcommit.New[*request](closing, 8)
		written := make(map[int]bool)
		enough, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			q.Run(func(batch []*request) {
				for _, r := range batch {
					written[r.n] = true
				}
				if len(written) > 100 {
					select {
					case <-enough:
					default:
						close(enough)
					}
				}
				groupcommit.Answer(batch, nil)
			})
		}()
		var wg sync.WaitGroup
		var mu sync.Mutex
		accepted, refused := 0, 0
		for i := range 8 {
			wg.Go(func() {
				for j := 0; ; j++ {
					err := q.Do(t.Context(), newRequest(j*8+i, 1, 0))
					mu.Lock()
					if err == nil {
						accepted++
					} else {
						refused++
					}
					mu.Unlock()
					if err != nil {
						if !errors.Is(err, chat.ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		<-enough
		close(closing)
		wg.Wait()
		<-ended
		require.Equal(t, len(written), accepted)
		require.Equal(t, 8, refused)
	}
}
