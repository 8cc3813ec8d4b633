// Package groupcommit is the queue in front of a goroutine that commits: what
// waits while one batch is written is the next batch.
//
// A store embeds [Request] in its own type, and hands values of that to
// [Queue.Do], which waits for the answer. One goroutine is in [Queue.Run] and
// gives each batch to the store, which answers every request in it, once.
//
//	type request struct {
//		groupcommit.Request
//		insert string
//	}
//
//	q := groupcommit.New[*request](closing, groupcommit.BatchRows)
//	go q.Run(func(batch []*request) { ... r.Answer(err) ... })
//	err := q.Do(ctx, &request{...})
//
// Nothing is waited for in the hope of a fuller batch: that would cost more than
// it saves. After the owner has closed the channel closing, what is in the
// queue is still written, and everything else gets [chat.ErrClosed].
package groupcommit

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/carlware/gochat/chat"
)

// The bounds of what waits, and of one commit. Beyond 256 rows a larger commit
// saves next to nothing.
const (
	QueueLen   = 1024
	BatchRows  = 256
	BatchBytes = 256 << 10
)

// Request is a write on its way. It is used once.
type Request struct {
	Rows  int // that it stores, about
	Bytes int // of text in them

	state atomic.Int32
	done  chan error // gets the one answer
}

// The states of a request. Whoever changes it from queued owns what comes next.
const (
	queued int32 = iota
	taken
	canceled
)

func (r *Request) request() *Request { return r }

// Answer ends the request, which is of a batch. It never blocks.
func (r *Request) Answer(err error) { r.done <- err }

// requester is a type that embeds Request.
type requester interface{ request() *Request }

// Answer gives all requests of a batch the same answer.
func Answer[R requester](batch []R, err error) {
	for _, r := range batch {
		r.request().Answer(err)
	}
}

// Queue holds requests for one goroutine. Its methods may be called
// concurrently, but for Run.
type Queue[R requester] struct {
	requests chan R
	held     R // did not fit into the last batch
	holds    bool
	rows     int
	batches  atomic.Uint64
	taken    atomic.Uint64
	closing  <-chan struct{}
	stopped  chan struct{} // closed when Run has ended
}

// New returns a queue whose batches have up to so many rows. It takes no more
// requests once closing is closed.
func New[R requester](closing <-chan struct{}, rows int) *Queue[R] {
	return &Queue[R]{requests: make(chan R, QueueLen), rows: rows, closing: closing, stopped: make(chan struct{})}
}

// Len returns how many requests wait.
func (q *Queue[R]) Len() int { return len(q.requests) }

// Taken returns how many batches Run has handed on, and how many requests were
// in them.
func (q *Queue[R]) Taken() (batches, requests uint64) { return q.batches.Load(), q.taken.Load() }

// Do hands r to the committer and returns its answer. While the queue is full
// it waits for a place. ctx bounds both. When it ends before r was taken into a
// batch, r is never written and the error is that of ctx; after that it may
// have been written, or will be, and the error is [chat.ErrOutcomeUnknown].
func (q *Queue[R]) Do(ctx context.Context, one R) error {
	r := one.request()
	r.done = make(chan error, 1)
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-q.closing:
		return chat.ErrClosed
	default:
	}
	select {
	case q.requests <- one:
	case <-q.closing:
		return chat.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-q.stopped:
		// It came into the queue after the last look at it.
		if r.state.CompareAndSwap(queued, canceled) {
			return chat.ErrClosed
		}
		return <-r.done
	case <-ctx.Done():
		if r.state.CompareAndSwap(queued, canceled) {
			return ctx.Err()
		}
		select {
		case err := <-r.done:
			return err
		default:
			return fmt.Errorf("%w: %w", chat.ErrOutcomeUnknown, ctx.Err())
		}
	}
}

// Run hands batch after batch to commit, which answers the requests and does not
// keep the slice. It returns after the end of closing, when the queue is empty.
func (q *Queue[R]) Run(commit func(batch []R)) {
	defer close(q.stopped)
	var batch []R
	for {
		if batch = q.take(batch[:0]); len(batch) == 0 {
			return
		}
		q.batches.Add(1)
		q.taken.Add(uint64(len(batch)))
		commit(batch)
		clear(batch)
	}
}

// take waits for a request and takes what else is there, without waiting, up to
// the bounds of a batch. The requests of a batch are in the order in which they
// came.
func (q *Queue[R]) take(batch []R) []R {
	rows, bytes := 0, 0
	for {
		one, ok := q.next(len(batch) == 0)
		if !ok {
			return batch
		}
		r := one.request()
		if len(batch) > 0 && (rows+r.Rows > q.rows || bytes+r.Bytes > BatchBytes) {
			q.held, q.holds = one, true // it is the first of the next batch
			return batch
		}
		if r.state.CompareAndSwap(queued, taken) {
			batch = append(batch, one)
			rows += r.Rows
			bytes += r.Bytes
		}
	}
}

// next returns the next request. There is none when nothing waits, or, if it may
// wait for one, when the queue is closed and empty.
func (q *Queue[R]) next(wait bool) (one R, ok bool) {
	if q.holds {
		one, q.held, q.holds = q.held, one, false
		return one, true
	}
	if wait {
		select {
		case one = <-q.requests:
			return one, true
		case <-q.closing:
		}
	}
	select {
	case one = <-q.requests:
		return one, true
	default:
		return one, false
	}
}
