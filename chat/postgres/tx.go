package postgres

import (
	"context"

	"github.com/carlware/gochat/chat"
)

// tx is the transaction of a single request. It has two parts: it sends what
// locks and reads, and then, together with COMMIT, all that it has to write.
// All transactions take their locks in this order: the head of the room, the
// call, new users in the order of their ids, members, known users in the order
// of their numbers. So they wait for each other and never in a circle.
type tx struct {
	*dialect
	*attempt
	token int64 // of the request: the same when it is run again

	begun  bool
	done   bool // committed
	events []chat.Event
	writes *pipe
}

// pipe returns an empty pipe for this transaction.
func (t *tx) pipe() *pipe { return &pipe{dialect: t.dialect} }

// send sends p as a part of the transaction, which it begins with the first
// one.
func (t *tx) send(ctx context.Context, p *pipe) error {
	if !t.begun {
		t.begun = true
		first := t.pipe()
		first.exec(`BEGIN`)
		first.b.QueuedQueries = append(first.b.QueuedQueries, p.b.QueuedQueries...)
		p = first
	}
	return p.send(ctx, t.conn)
}

// write adds a statement to what is sent with COMMIT.
func (t *tx) write(sql string, args ...any) {
	if t.writes == nil {
		t.writes = t.pipe()
	}
	t.writes.exec(sql, args...)
}

// commit sends what there is to write, and commits. It is done when the request
// has been run, but can be done by that itself, if it needs an answer.
func (t *tx) commit(ctx context.Context) error {
	if t.done {
		return nil
	}
	p := t.writes
	if p == nil {
		p = t.pipe()
	}
	p.exec(`COMMIT`)
	t.sent = true
	err := t.send(ctx, p)
	t.done = err == nil
	return err
}

// rollback ends the transaction without a trace. When that fails the
// connection is of no more use, and the server does the same when it is closed.
func (t *tx) rollback(ctx context.Context) {
	if !t.begun || t.conn.IsClosed() {
		return
	}
	if _, err := t.conn.Exec(ctx, `ROLLBACK`); err != nil {
		t.conn.Close(ctx)
	}
}
