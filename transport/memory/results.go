package memory

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/carlware/gochat/transport"
)

const (
	// resultTTL is how long a result waits for a receiver: as long as the
	// longest command may take, so that no outcome is lost to a restart.
	resultTTL = 15 * time.Minute

	resultHandlers = 16 // of one Results call at once

	// The pauses before a result is offered again.
	resultBackOff    = 20 * time.Millisecond
	resultBackOffMax = time.Second
)

// receiver is one Results call.
type receiver struct {
	b   *Broker
	ctx context.Context // of its handlers
	fn  func(context.Context, transport.Result) error
}

// Results calls fn with the results for store, up to 16 at once, until ctx
// ends (nil) or the connection is closed ([transport.ErrClosed]). The context
// of fn ends then, and Results waits for fn. A panic of fn is logged and
// counts as an error.
func (b *Broker) Results(ctx context.Context, store string, fn func(context.Context, transport.Result) error) error {
	if err := checkNames(store); err != nil {
		return err
	}
	if err := b.enter(); err != nil {
		return err
	}
	defer b.calls.Done()
	if ctx.Err() != nil {
		return nil
	}

	handlers, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &receiver{b: b, ctx: handlers, fn: fn}
	c := &consumer{b: b, free: resultHandlers, handle: r.handle, lost: r.lost}
	b.srv.consume(address{store: store}, c)
	err := b.wait(ctx)
	b.srv.leave(c)
	cancel()
	b.srv.finish(c)
	return err
}

// handle gives d to fn and settles it by what comes back.
func (r *receiver) handle(d *delivery) {
	err := errGoexit
	defer func() { r.settle(d, err) }()
	if late := r.b.pass(r.ctx); late != nil {
		err = late
		return
	}
	err = r.call(d.message)
}

func (r *receiver) call(m *message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("memory: result handler panicked: %v", p)
			r.b.srv.o.Logger.Error("result handler panicked; the result will be offered again",
				"call", m.id, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	return r.fn(r.ctx, transport.Result{ID: m.id, Store: m.store, Bot: m.bot, Body: bytes.Clone(m.body)})
}

// settle takes d out of the handler. A result that was not accepted is never
// given up: the receiver can't reach its store, and that will pass.
func (r *receiver) settle(d *delivery, err error) {
	s := r.b.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	var again *message
	switch {
	case d.lost || err == nil:
	case transport.Rejected(err):
		s.stats.ResultsRejected++
	default:
		again = d.message
		now := time.Now()
		again.due = now.Add(backOff(d.attempt, resultBackOff, resultBackOffMax))
		again.deadline = now.Add(resultTTL)
	}
	d.c.q.finish(d, again)
}

func (r *receiver) lost(d *delivery) *message {
	again := *d.message
	again.deadline = time.Now().Add(resultTTL)
	return &again
}

// pushResult queues m for its store. While nothing can be published it returns
// a channel that is closed at the next change of status.
func (b *Broker) pushResult(m *message) (changed <-chan struct{}, err error) {
	s := b.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.status.State != transport.Up {
		return b.changed.ch, nil
	}
	q := s.queue(address{store: m.store})
	if q.full(len(m.body)) {
		return nil, fmt.Errorf("%w: %d results for the store", transport.ErrOverloaded, q.waiting())
	}
	m.deadline = time.Now().Add(resultTTL)
	q.push(m)
	return nil, nil
}
