package postgres

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync/atomic"

	"github.com/carlware/gochat/chat"
)

// The bounds of what waits in each shard, and of one commit. Beyond 256 rows a
// larger commit saves next to nothing.
const (
	queueLen   = 1024
	batchRows  = 256
	batchBytes = 256 << 10
)

// request is a write on its way through a committer.
type request struct {
	rows  int // that it stores, about
	bytes int // of text in them
	room  chat.RoomID

	post *post // a message that can be stored together with others; or nil
	run  func(context.Context, *tx) error

	state atomic.Int32
	done  chan error // gets the one answer
}

// The states of a request. Whoever changes it from queued owns what comes next.
const (
	queued int32 = iota
	taken
	canceled
)

// shard returns the committer of a room.
func (s *Store) shard(room chat.RoomID) *committer {
	if len(s.shards) == 1 {
		return s.shards[0]
	}
	h := fnv.New32a()
	h.Write([]byte(room))
	return s.shards[h.Sum32()%uint32(len(s.shards))]
}

// submit has c run f in a transaction of its own and waits until that is
// committed. f may be run several times, see [committer.try].
func submit[T any](ctx context.Context, c *committer, what string, r *request, f func(context.Context, *tx) (T, error)) (T, error) {
	var v, zero T
	r.run = func(ctx context.Context, t *tx) (err error) {
		v, err = f(ctx, t)
		return err
	}
	// v is read only after an answer: until then the committer may write it.
	if err := c.enqueue(ctx, r); err != nil {
		return zero, failed(ctx, what, err)
	}
	return v, nil
}

// enqueue hands r to the committer and waits for the answer. While the queue
// is full it waits for room. ctx bounds both; what it means that ctx ends
// depends on whether r was taken by then.
func (c *committer) enqueue(ctx context.Context, r *request) error {
	r.done = make(chan error, 1)
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.closed() {
		return chat.ErrClosed
	}
	select {
	case c.queue <- r:
	case <-c.closing:
		return chat.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-c.stopped:
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

// run is the goroutine of the committer. It ends after Close, when the queue is
// empty.
func (c *committer) run() {
	defer close(c.stopped)
	defer c.drop()
	var batch []*request
	for {
		if batch = c.take(batch[:0]); len(batch) == 0 {
			return
		}
		c.commit(batch)
		clear(batch)
	}
}

// take waits for a request and takes what else is there, without waiting,
// up to the bounds of a batch. The requests of a batch are in the order in
// which they came.
func (c *committer) take(batch []*request) []*request {
	rows, bytes := 0, 0
	for {
		r := c.held
		c.held = nil
		switch {
		case r != nil:
		case len(batch) > 0:
			select {
			case r = <-c.queue:
			default:
				return batch
			}
		default:
			select {
			case r = <-c.queue:
			case <-c.closing:
				select {
				case r = <-c.queue:
				default:
					return nil
				}
			}
		}
		if len(batch) > 0 && (rows+r.rows > c.batchLimit || bytes+r.bytes > batchBytes) {
			c.held = r // it is the first of the next batch
			return batch
		}
		if r.state.CompareAndSwap(queued, taken) {
			batch = append(batch, r)
			rows += r.rows
			bytes += r.bytes
		}
	}
}
