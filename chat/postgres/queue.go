package postgres

import (
	"context"
	"hash/fnv"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/groupcommit"
)

// request is a write on its way through a committer.
type request struct {
	groupcommit.Request
	room chat.RoomID
	post *post // a message that can be stored together with others; or nil
	run  func(context.Context, *tx) error
}

// newRequest returns a request in room, or in none, that stores about so many
// rows with so many bytes of text.
func newRequest(room chat.RoomID, rows, bytes int) *request {
	return &request{Request: groupcommit.Request{Rows: rows, Bytes: bytes}, room: room}
}

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
	if err := c.queue.Do(ctx, r); err != nil {
		return zero, failed(ctx, what, err)
	}
	return v, nil
}

// work is the goroutine of the committer. It ends after Close, when the queue
// is empty.
func (c *committer) work() {
	defer c.drop()
	c.queue.Run(c.commit)
}
