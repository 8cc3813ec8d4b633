package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/groupcommit"
)

// patience is how long a batch is tried again; a server that restarts meanwhile
// is hardly noticed. attemptTimeout bounds each attempt: it is longer than the
// server's own timeouts, whose errors tell more than a connection that is cut.
const (
	patience       = 10 * time.Second
	attemptTimeout = 8 * time.Second
)

// Back-off between attempts to connect again. The first one is made at once.
const (
	backoffMin = 50 * time.Millisecond
	backoffMax = 2 * time.Second
)

// committer is a goroutine that writes, and its connection.
type committer struct {
	*Store
	connect func(context.Context) (*pgx.Conn, error)
	queue   *groupcommit.Queue[*request]

	patience time.Duration
	conn     *pgx.Conn // nil while the database is down
	columns  columns   // of the batch that is being made
	failures int       // to connect, in a row
	retryAt  time.Time
	down     error // why a whole batch has waited for a connection in vain
}

func newCommitter(s *Store, batchLimit int, patience time.Duration, connect func(context.Context) (*pgx.Conn, error)) *committer {
	return &committer{
		Store: s, connect: connect, patience: patience, queue: groupcommit.New[*request](s.closing, batchLimit),
	}
}

// commit stores a batch and answers its requests. Messages go together, ahead
// of the other requests of the batch, but for those in rooms where something else
// was asked for before; and messages of users that are not known come last. So
// what one user asks for in a room is done in that order.
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
	r.Answer(err)
}

// attempt is one try to store something.
type attempt struct {
	conn *pgx.Conn
	sent bool // what would commit it
	lost bool // an answer to an earlier attempt, which may have been committed
}

// try runs f until it is clear what became of it. f does one transaction. It is
// run again when the server undid that for a reason that passes, when another
// transaction came first, and, on another connection, when the answer was lost:
// everything is stored with a key of its own, so f finds what it has stored
// before. When there is no more patience, the error is ErrOutcomeUnknown if an
// answer was lost, and ErrUnavailable if none was.
func (c *committer) try(f func(context.Context, *attempt) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.patience)
	defer cancel()
	lost := false
	give := func(err error) error {
		if lost {
			return fmt.Errorf("%w: %w", chat.ErrOutcomeUnknown, err)
		}
		return fmt.Errorf("%w: %w", chat.ErrUnavailable, err)
	}
	for n := 0; ; n++ {
		if err := c.ready(ctx); err != nil {
			return give(err)
		}
		a := &attempt{conn: c.conn, lost: lost}
		err := run(a, f)
		switch {
		case err == nil:
			return nil
		case broken(err) || a.conn.IsClosed():
			lost = lost || a.sent
			c.fail(err)
		case misplaced(err):
			c.fail(err)
		case lostRace(err) && n < 10:
		case passing(err):
			c.logger.LogAttrs(ctx, slog.LevelWarn, "chat database makes a transaction begin again", slog.String("schema", c.schema), slog.Any("err", err))
		case ofServer(err):
			return give(err)
		case a.sent && sqlstate(err) == "": // the answer was not understood
			lost = true
			return give(err)
		default:
			return err
		}
		// Those who met should not meet again.
		select {
		case <-time.After(rand.N(time.Millisecond << min(n, 8))):
		case <-ctx.Done():
			return give(err)
		}
	}
}

func run(a *attempt, f func(context.Context, *attempt) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	return f(ctx, a)
}

// ready connects again if the connection was given up. While ctx allows, it
// waits for the database; but once a whole batch has waited in vain, the next
// ones only try whether it is back.
func (c *committer) ready(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	for err := c.down; ; {
		if wait := time.Until(c.retryAt); wait > 0 {
			if c.down != nil {
				return c.down
			}
			select {
			case <-time.After(wait):
			case <-c.closing:
				c.down = err
				return err
			case <-ctx.Done():
				c.down = err
				return err
			}
		}
		var conn *pgx.Conn
		if conn, err = c.connect(ctx); err == nil {
			if c.failures > 0 {
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
	c.logger.LogAttrs(context.Background(), slog.LevelError, "chat database failed", slog.String("schema", c.schema), slog.Any("err", err))
	c.drop()
	c.failures = max(c.failures, 1) // the next success is told
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
