package rabbitmq

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/carlware/gochat/transport"
)

// Broker is a program's access to RabbitMQ. It implements [transport.Broker];
// all methods may be called concurrently.
type Broker struct {
	o        Options
	url      string
	uri      amqp.URI
	top      topology
	id       string // of this Broker; new at each Open
	noUser   bool   // RabbitMQ knows the login by another name; only used by supervise
	queues   atomic.Uint64
	out      *outbox
	known    *registry
	presence presence
	stats    counters

	life context.Context // ends with Close: of the calls that block
	end  context.CancelFunc

	stop       context.CancelFunc // of the supervisor
	supervised sync.WaitGroup
	calls      sync.WaitGroup // that block, with the handlers in them
	sends      sync.WaitGroup

	mu        sync.Mutex
	session   *session // nil while not connected
	downSince time.Time
	status    transport.Status // as if it were not closed, without refusals
	refusals  map[*consumer]error
	changed   chan struct{} // closed and replaced at each change of the above
	closed    bool
}

var _ transport.Broker = (*Broker)(nil)

// Open returns a broker for the server at url, which is connected in the
// background, and again whenever the connection breaks, for ever: only a bad
// url and bad options are errors. [Broker.Status] tells how it goes.
//
// url is as in [amqp.ParseURI]: amqp or amqps, reserved characters in it
// percent-encoded, parameters such as heartbeat=5 (seconds; 10 by default).
// It appears in no log and no error with its password. o may be nil.
func Open(url string, o *Options) (*Broker, error) {
	opts, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	uri, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	supervisor, stop := context.WithCancel(context.Background())
	b := &Broker{
		o: opts, url: url, uri: uri, top: newTopology(opts), id: rand.Text()[:16],
		known: newRegistry(),
		life:  life, end: end, stop: stop,
		downSince: time.Now(),
		status:    transport.Status{Err: named(errConnecting)},
		refusals:  make(map[*consumer]error),
		changed:   make(chan struct{}),
	}
	b.out = newOutbox(b)
	b.supervised.Go(func() { b.supervise(supervisor) })
	return b, nil
}

// Status says how the connection is now. Where the server refuses a queue or
// an exchange that one of the calls needs, Err says so although the state is
// Up: the other calls go on.
func (b *Broker) Status() transport.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.statusLocked()
}

func (b *Broker) statusLocked() transport.Status {
	s := b.status
	if b.closed {
		return transport.Status{State: transport.Down, Epoch: s.Epoch, Err: transport.ErrClosed}
	}
	if s.Err == nil {
		for _, err := range b.refusals {
			s.Err = err
			break
		}
	}
	return s
}

// Watch calls fn with the current status and then with every change, one call
// at a time, until ctx ends (nil) or the broker is closed
// ([transport.ErrClosed]). Changes that come while fn runs are coalesced.
func (b *Broker) Watch(ctx context.Context, fn func(transport.Status)) error {
	ctx, leave, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	var seen transport.Status
	for first := true; ; first = false {
		b.mu.Lock()
		status, changed := b.statusLocked(), b.changed
		b.mu.Unlock()
		if ctx.Err() != nil {
			return ended(ctx)
		}
		if first || status != seen {
			seen = status
			fn(status)
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

// Close ends all calls that block with [transport.ErrClosed] and waits for the
// handlers that they are in; handlers of Work have their Grace. What was sent
// has two seconds more to be confirmed. Close must not be called from a
// handler, which would wait for itself.
func (b *Broker) Close() error {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		b.raise()
		b.end()
	}
	b.mu.Unlock()
	b.calls.Wait()
	b.stop()
	b.supervised.Wait()
	b.sends.Wait()
	return nil
}

// enter begins a call that blocks. The context that it returns ends with ctx
// or with Close; the caller ends the call with leave.
func (b *Broker) enter(ctx context.Context) (_ context.Context, leave func(), _ error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, nil, transport.ErrClosed
	}
	b.calls.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(b.life, func() { cancel(transport.ErrClosed) })
	return ctx, func() { stop(); cancel(nil); b.calls.Done() }, nil
}

// ended is what a call that blocks returns when the context of enter is over.
func ended(ctx context.Context) error {
	if context.Cause(ctx) == transport.ErrClosed {
		return transport.ErrClosed
	}
	return nil
}

// beginSend begins a call that sends. The caller ends it with b.sends.Done.
func (b *Broker) beginSend() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return transport.ErrClosed
	}
	b.sends.Add(1)
	return nil
}

// raise wakes who waits for a change. The caller holds mu.
func (b *Broker) raise() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// await returns the session, as soon as there is one, or nil when ctx ends.
func (b *Broker) await(ctx context.Context) *session {
	for {
		b.mu.Lock()
		s, changed := b.session, b.changed
		b.mu.Unlock()
		if ctx.Err() != nil {
			return nil
		}
		if s != nil {
			return s
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

// patience is how long a send waits for a connection that broke: most are back
// by then.
const patience = time.Second

// usable returns the session for a send, or why nothing can be sent.
func (b *Broker) usable(ctx context.Context) (*session, error) {
	b.mu.Lock()
	s, cause, left := b.session, errors.Unwrap(b.status.Err), patience-time.Since(b.downSince)
	b.mu.Unlock()
	if s == nil && left > 0 {
		wait, cancel := context.WithTimeout(ctx, left)
		defer cancel()
		stop := context.AfterFunc(b.life, cancel)
		defer stop()
		s = b.await(wait)
	}
	switch {
	case s != nil:
		return s, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, unavailable(cause)
}

// refuse notes that the server refuses what c needs, or with nil that it does
// no longer.
func (b *Broker) refuse(c *consumer, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refusals[c] == nil && err == nil {
		return
	}
	if err == nil {
		delete(b.refusals, c)
	} else {
		b.refusals[c] = named(err)
	}
	b.raise()
}
