package transporttest

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// broken is a good broker of which some methods were replaced.
type broken struct {
	inner  *memory.Broker
	breaks atomic.Int64 // how often Break was called
	late   list[context.CancelFunc]

	publish       func(ctx context.Context, store, key string, body []byte) error
	subscribe     func(ctx context.Context, store string, fn func(transport.Batch)) error
	send          func(ctx context.Context, r transport.Request) error
	work          func(ctx context.Context, bot, command string, o *transport.WorkOptions, fn handler) error
	results       func(ctx context.Context, store string, fn func(context.Context, transport.Result) error) error
	announce      func(ctx context.Context, a transport.Announcement) error
	announcements func(ctx context.Context, fn func([]transport.Announcement)) error
	watch         func(ctx context.Context, fn func(transport.Status)) error
	close         func() error
}

func newBroken(inner *memory.Broker, wrap func(*broken)) *broken {
	b := &broken{
		inner:         inner,
		publish:       inner.Publish,
		subscribe:     inner.Subscribe,
		send:          inner.Send,
		work:          inner.Work,
		results:       inner.Results,
		announce:      inner.Announce,
		announcements: inner.Announcements,
		watch:         inner.Watch,
		close:         inner.Close,
	}
	wrap(b)
	return b
}

func (b *broken) Publish(ctx context.Context, store, key string, body []byte) error {
	return b.publish(ctx, store, key, body)
}

func (b *broken) Subscribe(ctx context.Context, store string, fn func(transport.Batch)) error {
	return b.subscribe(ctx, store, fn)
}

func (b *broken) Send(ctx context.Context, r transport.Request) error { return b.send(ctx, r) }

func (b *broken) Work(ctx context.Context, bot, command string, o *transport.WorkOptions, fn func(context.Context, transport.Request) (transport.Result, error)) error {
	return b.work(ctx, bot, command, o, fn)
}

func (b *broken) Results(ctx context.Context, store string, fn func(context.Context, transport.Result) error) error {
	return b.results(ctx, store, fn)
}

func (b *broken) Announce(ctx context.Context, a transport.Announcement) error {
	return b.announce(ctx, a)
}

func (b *broken) Announcements(ctx context.Context, fn func([]transport.Announcement)) error {
	return b.announcements(ctx, fn)
}

func (b *broken) Status() transport.Status { return b.inner.Status() }

func (b *broken) Watch(ctx context.Context, fn func(transport.Status)) error { return b.watch(ctx, fn) }

func (b *broken) Close() error { return b.close() }

// onBatch replaces what subscribers are given.
func (b *broken) onBatch(change func(transport.Batch) transport.Batch) {
	b.subscribe = func(ctx context.Context, store string, fn func(transport.Batch)) error {
		return b.inner.Subscribe(ctx, store, func(batch transport.Batch) { fn(change(batch)) })
	}
}

// onWork wraps the handlers of workers.
func (b *broken) onWork(wrap func(fn handler) handler) {
	b.work = func(ctx context.Context, bot, command string, o *transport.WorkOptions, fn handler) error {
		return b.inner.Work(ctx, bot, command, o, wrap(fn))
	}
}

// onOptions changes the options of workers.
func (b *broken) onOptions(change func(*transport.WorkOptions)) {
	b.work = func(ctx context.Context, bot, command string, o *transport.WorkOptions, fn handler) error {
		c := o.WithDefaults()
		change(&c)
		return b.inner.Work(ctx, bot, command, &c, fn)
	}
}

// onResult wraps the callbacks of receivers.
func (b *broken) onResult(wrap func(fn receive) receive) {
	b.results = func(ctx context.Context, store string, fn func(context.Context, transport.Result) error) error {
		return b.inner.Results(ctx, store, wrap(fn))
	}
}

type receive = func(context.Context, transport.Result) error

// shared is one body for all deliveries of it: what one callback does to it
// the next one sees. It is copied back and forth so that the race detector has
// nothing to say.
type shared struct {
	mu     sync.Mutex
	bodies map[string][]byte
}

func newShared() *shared { return &shared{bodies: make(map[string][]byte)} }

// deliver calls fn with the body of that name, which is first the one given.
func (s *shared) deliver(name string, first []byte, fn func(body []byte)) {
	s.mu.Lock()
	body, ok := s.bodies[name]
	if !ok {
		body = first
	}
	mine := append([]byte(nil), body...)
	s.mu.Unlock()
	fn(mine)
	s.mu.Lock()
	s.bodies[name] = append([]byte(nil), mine...)
	s.mu.Unlock()
}
