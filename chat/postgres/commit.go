package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/carlware/gochat/chat"
)

// commitTimeout bounds how long a batch is worked at, with all that is tried
// again. A server that restarts meanwhile is hardly noticed.
const commitTimeout = 10 * time.Second

// Back-off between attempts to connect again. The first one is made at once.
const (
	backoffMin = 50 * time.Millisecond
	backoffMax = 2 * time.Second
)

// committer is a goroutine that writes, and its connection.
type committer struct {
	*Store
	batchLimit int
	connect    func(context.Context) (*pgx.Conn, error)
	queue      chan *request
	held       *request      // did not fit into the last batch
	stopped    chan struct{} // closed when the goroutine has ended

	conn     *pgx.Conn // nil while the database is down
	columns  columns   // of the batch that is being made
	failures int       // to connect, in a row
	retryAt  time.Time
	down     error // why a whole batch has waited for a connection in vain
}

func newCommitter(s *Store, batchLimit int, connect func(context.Context) (*pgx.Conn, error)) *committer {
	return &committer{
		Store: s, batchLimit: batchLimit, connect: connect, queue: make(chan *request, queueLen), stopped: make(chan struct{}),
	}
}

// commit stores a batch and answers its requests. Messages go together, ahead
// of the other requests of the batch; but what concerns one room is done in the
// order in which it came.
func (c *committer) commit(batch []*request) {
	var posts, others []*request
	behind := make(map[chat.RoomID]bool) // rooms with something among the others
	for _, r := range batch {
		if r.post != nil && !behind[r.room] {
			posts = append(posts, r)
		} else {
			others = append(others, r)
			behind[r.room] = true
		}
	}
	c.store(posts)
	for len(others) > 0 {
		n := 0
		for n < len(others) && others[n].post != nil {
			n++
		}
		if n > 0 {
			c.store(others[:n])
		} else {
			c.single(others[0])
			n = 1
		}
		others = others[n:]
	}
}

// single runs a request in a transaction of its own and answers it.
func (c *committer) single(r *request) {
	var events []chat.Event
	token := rand.Int64()
	err := c.try(func(ctx context.Context, a *attempt) error {
		t := &tx{dialect: c.dialect, attempt: a, token: token}
		err := r.run(ctx, t)
		if err == nil {
			err = t.commit(ctx)
		}
		if err != nil {
			t.rollback(ctx)
			return err
		}
		events = t.events
		return nil
	})
	if err == nil {
		c.deliver(events)
	}
	r.done <- err
}

// attempt is one try to store something.
type attempt struct {
	conn *pgx.Conn
	sent bool // what would commit it
	lost bool // an answer to an earlier attempt, which may have been committed
}

// try runs f until it is clear what became of it, at most for the time of a
// batch. f does one transaction. It is run again when the server undid that for
// a reason that passes, when another transaction came first, and, on another
// connection, when the answer was lost: everything is stored with a key of its
// own, so f finds what it has stored before. When the time is over, the error
// is ErrOutcomeUnknown if an answer was lost, and ErrUnavailable if none was.
func (c *committer) try(f func(context.Context, *attempt) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	unknown := false
	give := func(err error) error {
		if unknown {
			return fmt.Errorf("%w: %w", chat.ErrOutcomeUnknown, err)
		}
		return fmt.Errorf("%w: %w", chat.ErrUnavailable, err)
	}
	races := 0
	for n := 0; ; n++ {
		if err := c.ready(ctx); err != nil {
			return give(err)
		}
		a := &attempt{conn: c.conn, lost: unknown}
		err := f(ctx, a)
		switch {
		case err == nil:
			return nil
		case broken(err) || a.conn.IsClosed():
			unknown = unknown || a.sent
			c.fail(err)
		case misplaced(err):
			c.fail(err)
		case lostRace(err) && races < 10:
			races++
		case passing(err):
		case ofServer(err):
			return give(err)
		default:
			return err
		}
		// Those who met should not meet again.
		pause := rand.N(time.Millisecond << min(n, 8))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return give(err)
		}
	}
}

// ready connects again if the connection was given up. While ctx allows, it
// waits for the database; but once a whole batch has waited in vain, the next
// ones only try whether it is back.
func (c *committer) ready(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	for {
		wait := time.Until(c.retryAt)
		if c.down != nil && wait > 0 {
			return c.down
		}
		select {
		case <-time.After(wait):
		case <-c.closing:
			return errors.Join(c.down, errors.New("the store is closing"))
		case <-ctx.Done():
			c.down = errors.Join(c.down, ctx.Err())
			return c.down
		}
		conn, err := c.connect(ctx)
		if err == nil {
			if c.failures > 0 || c.down != nil {
				c.logger.LogAttrs(ctx, slog.LevelInfo, "chat database is open again", slog.String("schema", c.schema))
			}
			c.conn, c.failures, c.down = conn, 0, nil
			return nil
		}
		c.retryAt = time.Now().Add(min(backoffMin<<min(c.failures, 10), backoffMax))
		c.failures++
		if c.down != nil || ctx.Err() != nil {
			c.down = err
			return err
		}
	}
}

// fail gives the connection up.
func (c *committer) fail(err error) {
	c.logger.LogAttrs(context.Background(), slog.LevelError, "chat database failed", slog.String("schema", c.schema), slog.Any("error", err))
	c.drop()
	c.failures++ // so that the next success is told
	c.retryAt = time.Time{}
}

// drop closes the connection. Whatever ran on it ends with it.
func (c *committer) drop() {
	if c.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c.conn.Close(ctx) // the server notices in any case
	c.conn = nil
}
