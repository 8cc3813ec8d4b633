package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/groupcommit"
)

// commitTimeout bounds the statements of one batch. COMMIT itself runs to its
// end, since only its result tells what is stored.
const commitTimeout = 5 * time.Second

// Back-off between attempts to open the database again. The first one is made
// at once.
const (
	backoffMin = 50 * time.Millisecond
	backoffMax = 2 * time.Second
)

// writer is what the committer goroutine owns: the one connection that writes
// and what it remembers of the tables. All of that is as of the transaction
// that runs, so it is forgotten when a transaction does not end well.
type writer struct {
	*conn // nil while the database is down

	store   *Store
	connect func() (*conn, error)

	now    int64 // of the batch
	rooms  map[chat.RoomID]*room
	users  map[chat.UserID]*user
	dirty  []*room // whose heads are not written yet
	events []chat.Event

	walPages   int // in the WAL after the last commit
	walChecked int // when it was last written back
	failures   int // since the last commit
	retryAt    time.Time
	down       error // why the connection was given up
}

// commit stores a batch and answers its requests.
func (w *writer) commit(batch []*request) {
	if err := w.ready(); err != nil {
		groupcommit.Answer(batch, fmt.Errorf("%w: %w", chat.ErrUnavailable, err))
		return
	}
	err := w.transact(batch)
	if err != nil {
		groupcommit.Answer(batch, err)
		return
	}
	if events := w.events; len(events) > 0 {
		w.events = nil // it is the receiver's now
		if f := w.store.receiver(); f != nil {
			f(events)
		}
	}
	for _, r := range batch {
		r.Answer(r.err)
	}
	w.writeBack()
}

// transact runs a batch in one transaction. A request that fails by itself has
// its error in err and the others are stored; an error that is returned is the
// one of them all.
func (w *writer) transact(batch []*request) error {
	w.now = w.store.clock().UnixMilli()
	w.trim()
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()

	w.db.SetInterrupt(ctx)
	err := w.exec(`BEGIN IMMEDIATE`)
	if errors.Is(err, sqlite3.BUSY) {
		// Another program writes to the same file. The connection is well.
		w.db.SetInterrupt(context.Background())
		return fmt.Errorf("%w: %w", chat.ErrUnavailable, err)
	}
	for _, r := range batch {
		if err != nil {
			break
		}
		r.err = r.run(w)
		if r.err != nil && (broken(r.err) || w.db.GetAutocommit()) {
			err = r.err
		}
	}
	if err == nil {
		err = w.flush()
	}
	w.db.SetInterrupt(context.Background())
	if err != nil {
		// Nothing was committed, and closing the connection rolls back.
		w.fail(err)
		return fmt.Errorf("%w: %w", chat.ErrUnavailable, err)
	}
	if err := w.exec(`COMMIT`); err != nil {
		// Some or all of it may be on the disk.
		w.fail(err)
		return fmt.Errorf("%w: %w", chat.ErrOutcomeUnknown, err)
	}
	w.failures = 0
	return nil
}

// ready opens the database again if it was given up, unless that was tried
// just before.
func (w *writer) ready() error {
	if w.conn != nil {
		return nil
	}
	if time.Now().Before(w.retryAt) {
		return w.down
	}
	c, err := w.connect()
	if err != nil {
		w.postpone(err)
		return err
	}
	w.conn = c
	w.store.logger.LogAttrs(context.Background(), slog.LevelInfo, "chat database is open again", slog.String("path", w.store.path))
	return nil
}

// fail gives the connection up, and with it all that was remembered.
func (w *writer) fail(err error) {
	w.forget()
	w.events = nil
	w.conn.close() // it is broken; err says how
	w.conn = nil
	w.walPages, w.walChecked = 0, 0
	w.postpone(err)
	w.store.logger.LogAttrs(context.Background(), slog.LevelError, "chat database failed", slog.String("path", w.store.path), slog.Any("err", err))
}

// postpone sets when the next attempt to open the database may be.
func (w *writer) postpone(err error) {
	delay := time.Duration(0)
	if w.failures > 0 {
		delay = min(backoffMin<<min(w.failures-1, 10), backoffMax)
	}
	w.failures++
	w.down = err
	w.retryAt = time.Now().Add(delay)
}

// atomically runs f so that what it writes is stored as a whole or, when it
// fails, not at all.
func (w *writer) atomically(f func() error) error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.exec(`SAVEPOINT request`); err != nil {
		return err
	}
	stored := len(w.events)
	err := f()
	if err == nil {
		return w.exec(`RELEASE request`)
	}
	if broken(err) || w.db.GetAutocommit() {
		return err
	}
	w.forget()
	w.events = w.events[:stored]
	if err := w.exec(`ROLLBACK TO request`); err != nil {
		return err
	}
	if err := w.exec(`RELEASE request`); err != nil {
		return err
	}
	return err
}

// The WAL is written back to the database when it has grown by walStep pages.
// Usually it then begins anew. Where readers keep it from that, the writer
// makes them wait when it has walLimit pages.
const (
	walStep  = 8000 // 32 MB
	walLimit = 4 * walStep
)

// writeBack is done after the callers were answered, so that none of them waits
// for it.
func (w *writer) writeBack() {
	if w.walPages < w.walChecked {
		w.walChecked = 0
	}
	if w.walPages-w.walChecked < w.store.walStep {
		return
	}
	w.walChecked = w.walPages
	mode := sqlite3.CHECKPOINT_PASSIVE
	if w.walPages >= w.store.walLimit {
		resume := w.store.readers.pause()
		defer resume()
		mode = sqlite3.CHECKPOINT_TRUNCATE
	}
	_, _, err := w.db.WALCheckpoint("main", mode)
	if err != nil && !errors.Is(err, sqlite3.BUSY) {
		w.fail(err) // nobody waits for an answer
	}
}
