package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/carlware/gochat/transport"
)

// The pauses before a request is delivered again.
const (
	workBackOff    = 20 * time.Millisecond
	workBackOffMax = 2 * time.Second
)

var (
	errNoTime   = errors.New("memory: request has no time left")
	errGoexit   = errors.New("memory: handler ended its goroutine")
	errLost     = errors.New("memory: connection broke while the handler ran")
	errLate     = errors.New("memory: request did not arrive in time")
	errNoAnswer = errors.New("memory: no broker to take the result in time")
)

// Send hands r to one of the workers of r.Bot and r.Command. See
// [transport.CommandBus] for the errors. An empty ID or name, or a Timeout
// that is not positive, is refused with an error too.
func (b *Broker) Send(ctx context.Context, r transport.Request) error {
	if err := checkNames(r.ID, r.Store, r.Bot, r.Command); err != nil {
		return err
	}
	if err := checkBody(r.Body); err != nil {
		return err
	}
	if r.Timeout <= 0 {
		return errNoTime
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m := &message{
		id: r.ID, store: r.Store, bot: r.Bot, command: r.Command,
		body:     bytes.Clone(r.Body),
		deadline: time.Now().Add(r.Timeout),
	}
	if err := b.pass(ctx); err != nil {
		return err
	}

	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	if err := b.sendable(); err != nil {
		return err
	}
	if err := b.faults.failSend(); err != nil {
		return err
	}
	q := b.srv.queues[address{bot: r.Bot, command: r.Command}]
	switch {
	case q == nil || !q.served():
		return fmt.Errorf("%w: %s %s", transport.ErrNoHandler, r.Bot, r.Command)
	case q.full(len(m.body)):
		return fmt.Errorf("%w: %d requests for %s %s", transport.ErrOverloaded, q.waiting(), r.Bot, r.Command)
	}
	q.push(m)
	return b.faults.loseConfirm()
}

// worker is one Work call.
type worker struct {
	b   *Broker
	o   transport.WorkOptions
	ctx context.Context // of its handlers, apart from their deadlines
	fn  func(context.Context, transport.Request) (transport.Result, error)
}

// Work serves a command as [transport.CommandBus] says. Each handler runs on a
// goroutine of its own, at most o.Concurrency at once, none while there is
// nothing to do.
func (b *Broker) Work(ctx context.Context, bot, command string, o *transport.WorkOptions, fn func(context.Context, transport.Request) (transport.Result, error)) error {
	if err := checkNames(bot, command); err != nil {
		return err
	}
	if err := b.enter(); err != nil {
		return err
	}
	defer b.calls.Done()
	if ctx.Err() != nil {
		return nil
	}

	handlers, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	w := &worker{b: b, o: o.WithDefaults(), ctx: handlers, fn: fn}
	c := &consumer{b: b, free: w.o.Concurrency, handle: w.handle, lost: w.lost}
	b.srv.consume(address{bot: bot, command: command}, c)
	err := b.wait(ctx)
	b.srv.leave(c)

	grace := time.AfterFunc(w.o.Grace, cancel)
	defer grace.Stop()
	b.srv.finish(c)
	return err
}

// handle gives d to fn and settles it by what comes back.
func (w *worker) handle(d *delivery) {
	err := errGoexit
	defer func() { w.settle(d, err) }()
	ctx, cancel := context.WithDeadline(w.ctx, d.deadline)
	defer cancel()
	err = w.serve(ctx, d.message)
}

func (w *worker) serve(ctx context.Context, m *message) error {
	if w.b.pass(ctx) != nil {
		return errLate
	}
	result, err := w.call(ctx, m)
	if err != nil {
		return err
	}
	return w.answer(ctx, m, result)
}

func (w *worker) call(ctx context.Context, m *message) (_ transport.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("memory: handler panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return w.fn(ctx, m.request())
}

// answer queues the result for the store that asked. While the connection is
// not Up it waits, as long as the answer is of use.
func (w *worker) answer(ctx context.Context, m *message, r transport.Result) error {
	if err := checkBody(r.Body); err != nil {
		return transport.Reject(err) // it would be no smaller next time
	}
	result := &message{id: m.id, store: m.store, bot: m.bot, body: bytes.Clone(r.Body)}
	for {
		changed, err := w.b.pushResult(result)
		if changed == nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errNoAnswer
		case <-w.b.done:
			return errNoAnswer
		}
	}
}

// settle ends d by what its handler came to, and says so when that was the
// end of the request too.
func (w *worker) settle(d *delivery, err error) {
	if w.finish(d, err) {
		w.b.srv.o.Logger.Warn("request set aside as a dead letter",
			"bot", d.bot, "command", d.command, "call", d.id, "attempt", d.attempt, "err", err)
	}
}

// finish takes d out of the handler: done, to be repeated, or a dead letter.
func (w *worker) finish(d *delivery, err error) (dead bool) {
	s := w.b.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	var again *message
	switch {
	case d.lost || err == nil:
	case transport.Rejected(err) || d.attempt >= w.o.MaxAttempts:
		s.bury(d.message, err)
		dead = true
	default:
		again = d.message
		again.due = time.Now().Add(backOff(d.attempt, workBackOff, workBackOffMax))
	}
	d.c.q.finish(d, again)
	return dead
}

// lost says what becomes of d, whose handler runs behind a broken connection:
// a delivery counts, whoever is to blame for its end.
func (w *worker) lost(d *delivery) *message {
	if d.attempt >= w.o.MaxAttempts {
		w.b.srv.bury(d.message, errLost)
		return nil
	}
	again := *d.message // the handler still reads its own
	return &again
}

// request is what a handler gets of m.
func (m *message) request() transport.Request {
	return transport.Request{
		ID: m.id, Store: m.store, Bot: m.bot, Command: m.command,
		Timeout: time.Until(m.deadline),
		Attempt: m.attempt,
		Body:    bytes.Clone(m.body),
	}
}
