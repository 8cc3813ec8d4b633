package sqlite

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/carlware/gochat/chat"
)

// The bounds of what waits, and of one commit. Beyond 256 rows a larger commit
// saves next to nothing.
const (
	queueLen   = 1024
	batchRows  = 256
	batchBytes = 256 << 10
)

// request is a write on its way through the committer.
type request struct {
	rows  int // that it stores, about
	bytes int // of text in them
	run   func(*writer) error

	state atomic.Int32
	err   error      // of this request alone, while its batch is stored
	done  chan error // gets the one answer
}

// The states of a request. Whoever changes it from queued owns what comes next.
const (
	queued int32 = iota
	taken
	canceled
)

// submit has the committer run f and waits until it is stored. rows and bytes
// are about what f will store.
func submit[T any](ctx context.Context, s *Store, what string, rows, bytes int, f func(*writer) (T, error)) (T, error) {
	var v, zero T
	r := &request{rows: rows, bytes: bytes, done: make(chan error, 1)}
	r.run = func(w *writer) (err error) {
		v, err = f(w)
		return err
	}
	// v is read only after an answer: until then the committer may write it.
	if err := s.enqueue(ctx, r); err != nil {
		return zero, failed(ctx, what, err)
	}
	return v, nil
}

// enqueue hands r to the committer and waits for the answer. While the queue
// is full it waits for room. ctx bounds both; what it means that ctx ends
// depends on whether r was taken by then.
func (s *Store) enqueue(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.closing:
		return chat.ErrClosed
	default:
	}
	select {
	case s.queue <- r:
	case <-s.closing:
		return chat.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-s.stopped:
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

// run is the committer: the one goroutine that writes. It ends after Close,
// when the queue is empty.
func (s *Store) run() {
	defer close(s.stopped)
	var batch []*request
	for {
		if batch = s.take(batch[:0]); len(batch) == 0 {
			return
		}
		s.w.commit(batch)
		clear(batch)
	}
}

// take waits for a request and takes what else is there, without waiting,
// up to the bounds of a batch. The requests of a batch are in the order in
// which they came.
func (s *Store) take(batch []*request) []*request {
	rows, bytes := 0, 0
	for {
		r := s.held
		s.held = nil
		switch {
		case r != nil:
		case len(batch) > 0:
			select {
			case r = <-s.queue:
			default:
				return batch
			}
		default:
			select {
			case r = <-s.queue:
			case <-s.closing:
				select {
				case r = <-s.queue:
				default:
					return nil
				}
			}
		}
		if len(batch) > 0 && (rows+r.rows > s.batchLimit || bytes+r.bytes > batchBytes) {
			s.held = r // it is the first of the next batch
			return batch
		}
		if r.state.CompareAndSwap(queued, taken) {
			batch = append(batch, r)
			rows += r.rows
			bytes += r.bytes
		}
	}
}
