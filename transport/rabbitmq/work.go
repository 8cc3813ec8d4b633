package rabbitmq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/carlware/gochat/transport"
)

// The pauses before a request is delivered again.
const (
	workBackOff    = 20 * time.Millisecond
	workBackOffMax = 2 * time.Second
)

var (
	errGoexit    = errors.New("handler ended its goroutine")
	errNoAnswer  = errors.New("no broker to take the result in time")
	errCrashes   = errors.New("delivered too often, and never finished")
	errFull      = errors.New("the results queue of the store is full")
	errNobodyAsk = errors.New("the store that asked has no results queue")
)

// worker is one Work call.
type worker struct {
	b            *Broker
	o            transport.WorkOptions
	bot, command string
	fn           func(context.Context, transport.Request) (transport.Result, error)
	ctx          context.Context // of its handlers, apart from their deadlines
	stopping     <-chan struct{}
	slots        chan struct{}
	wg           sync.WaitGroup
}

// Work serves a command as [transport.CommandBus] says. Each handler runs on a
// goroutine of its own, at most o.Concurrency at once. o.MaxAttempts is 20 at
// the most.
func (b *Broker) Work(ctx context.Context, bot, command string, o *transport.WorkOptions, fn func(context.Context, transport.Request) (transport.Result, error)) error {
	if err := checkNames(bot, command); err != nil {
		return err
	}
	handlers, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	ctx, leave, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()

	w := &worker{
		b: b, o: o.WithDefaults(), bot: bot, command: command, fn: fn,
		ctx: handlers, stopping: ctx.Done(),
	}
	w.o.MaxAttempts = min(w.o.MaxAttempts, maxDelivered)
	w.slots = make(chan struct{}, w.o.Concurrency)
	stop := context.AfterFunc(ctx, func() {
		grace := time.NewTimer(w.o.Grace)
		defer grace.Stop()
		select {
		case <-grace.C:
			cancel()
		case <-handlers.Done():
		}
	})
	defer stop()
	q := b.top.commandQueue(bot, command)
	defer b.presence.doubt(q.name)
	c := &consumer{
		b: b, what: q.name, queue: func() queue { return q },
		prefetch: min(w.o.Concurrency, 1<<15),
		deliver:  w.deliver, drain: w.wg.Wait,
	}
	c.run(ctx)
	w.wg.Wait()
	return ended(ctx)
}

// deliver starts a handler as soon as one may run.
func (w *worker) deliver(s *session, d *amqp.Delivery) {
	select {
	case w.slots <- struct{}{}:
	case <-s.done:
		return // the broker has it again
	case <-w.stopping:
		giveBack(d)
		return
	}
	w.wg.Go(func() {
		defer func() { <-w.slots }()
		w.handle(s, d)
	})
}

// handle gives d to fn and settles it by what comes back.
func (w *worker) handle(s *session, d *amqp.Delivery) {
	r, expires, err := decodeRequest(d, w.bot, w.command, time.Now())
	if err != nil {
		w.b.drop("request can't be read and is set aside", err, "bot", w.bot, "command", w.command)
		setAside(d)
		return
	}
	err = errGoexit
	defer func() { w.settle(s, d, r, expires, err) }()
	if r.Attempt > w.o.MaxAttempts {
		err = transport.Reject(errCrashes)
		return
	}
	ctx, cancel := context.WithDeadline(w.ctx, expires)
	defer cancel()
	err = w.serve(ctx, r)
}

func (w *worker) serve(ctx context.Context, r transport.Request) error {
	result, err := w.call(ctx, r)
	if err != nil {
		return err
	}
	return w.answer(ctx, r, result.Body)
}

func (w *worker) call(ctx context.Context, r transport.Request) (_ transport.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("rabbitmq: handler panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return w.fn(ctx, r)
}

// answer sends the result to the store that asked. While the broker can't be
// reached it waits, and repeats what it does not know to have arrived, as long
// as the answer is of use.
func (w *worker) answer(ctx context.Context, r transport.Request, body []byte) error {
	if err := checkBody(body); err != nil {
		return transport.Reject(err) // it would be no smaller next time
	}
	body = bytes.Clone(body)
	for {
		s := w.b.await(ctx)
		if s == nil {
			return errNoAnswer
		}
		switch err := s.work.submit(ctx, resultMessage(&w.b.top, r, body)); {
		case err == nil:
			return nil
		case err == errReturned:
			return transport.Reject(errNobodyAsk)
		case err == errNacked:
			return errFull
		case ctx.Err() != nil:
			return errNoAnswer
		}
		if err := s.settled(ctx); err != nil {
			return errNoAnswer
		}
	}
}

// settled waits until s can publish again, or is not the session any longer.
func (s *session) settled(ctx context.Context) error {
	for {
		s.b.mu.Lock()
		same, state, changed := s.b.session == s, s.b.status.State, s.b.changed
		s.b.mu.Unlock()
		if !same || state == transport.Up && !s.over() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settle ends d: done, to be repeated after a pause, or a dead letter. When the
// session is over all of it is in vain, and the request is delivered again.
func (w *worker) settle(s *session, d *amqp.Delivery, r transport.Request, expires time.Time, err error) {
	switch {
	case err == nil:
		ack(d)
	case transport.Rejected(err) || r.Attempt >= w.o.MaxAttempts:
		w.b.stats.deadLetters.Add(1)
		w.b.o.Logger.Warn("rabbitmq: request is set aside as a dead letter",
			"bot", w.bot, "command", w.command, "call", r.ID, "attempt", r.Attempt, "err", err)
		setAside(d)
	default:
		pause := time.NewTimer(rand.N(min(workBackOff<<(min(r.Attempt, 20)-1), workBackOffMax)))
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-s.done:
		case <-w.stopping:
		}
		if !time.Now().Before(expires) {
			w.b.stats.requestsExpired.Add(1)
			ack(d)
			return
		}
		repeat(d)
	}
}
