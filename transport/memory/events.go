package memory

import (
	"bytes"
	"context"

	"github.com/carlware/gochat/transport"
)

// The most that one batch holds; one larger event is a batch by itself.
const (
	batchEvents = 64
	batchBytes  = 64 << 10
)

// subscriber is one Subscribe call and the events that wait for it.
type subscriber struct {
	b    *Broker
	wake chan struct{} // holds one token while there is something to take

	// Guarded by srv.mu. The bodies are shared with other subscribers.
	gap   bool // the next batch is a Gap
	queue []transport.Event
	bytes int
}

// Publish sends body to all subscribers of store. It never waits for any of
// them, and never returns [transport.ErrOverloaded].
func (b *Broker) Publish(ctx context.Context, store, key string, body []byte) error {
	if err := checkNames(store, key); err != nil {
		return err
	}
	if err := checkBody(body); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	event := transport.Event{Key: key, Body: bytes.Clone(body)}
	if err := b.pass(ctx); err != nil {
		return err
	}

	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	if err := b.sendable(); err != nil {
		return err
	}
	if b.faults.dropEvents > 0 {
		b.faults.dropEvents--
		return nil
	}
	for s := range b.srv.subs[store] {
		s.push(event)
	}
	return nil
}

// Subscribe calls fn on the caller's goroutine with what is published for
// store, until ctx ends (nil) or the connection is closed
// ([transport.ErrClosed]). A batch holds up to 64 events or 64 KiB.
func (b *Broker) Subscribe(ctx context.Context, store string, fn func(transport.Batch)) error {
	if err := checkNames(store); err != nil {
		return err
	}
	if err := b.enter(); err != nil {
		return err
	}
	defer b.calls.Done()

	s := &subscriber{b: b, wake: make(chan struct{}, 1)}
	b.srv.addSubscriber(store, s)
	defer b.srv.removeSubscriber(store, s)
	for {
		select {
		case <-ctx.Done():
		case <-b.done:
		case <-s.wake:
		}
		if err, ended := b.ended(ctx); ended {
			return err
		}
		if batch, ok := s.take(); ok && b.pass(ctx) == nil {
			fn(own(batch))
		}
	}
}

func (s *server) addSubscriber(store string, sub *subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subs[store] == nil {
		s.subs[store] = make(map[*subscriber]struct{})
	}
	s.subs[store][sub] = struct{}{}
	sub.b.subs[sub] = struct{}{}
	sub.reset()
}

func (s *server) removeSubscriber(store string, sub *subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(sub.b.subs, sub)
	delete(s.subs[store], sub)
	if len(s.subs[store]) == 0 {
		delete(s.subs, store)
	}
}

// push queues an event. When the queue is full everything in it is given up:
// after a Gap the subscriber reads the log, which has all of it, so a fresh
// start costs it less than the old events would. The caller holds srv.mu.
func (s *subscriber) push(event transport.Event) {
	if !s.b.connected() {
		return
	}
	o := &s.b.srv.o
	if len(s.queue) >= o.Events || s.bytes+len(event.Body) > o.QueueBytes {
		s.b.srv.stats.EventsLost += uint64(len(s.queue))
		s.reset()
	}
	s.queue = append(s.queue, event)
	s.bytes += len(event.Body)
	s.notify()
}

// reset forgets what waits and asks for a Gap. The caller holds srv.mu.
func (s *subscriber) reset() {
	s.queue, s.bytes, s.gap = nil, 0, true
	s.notify()
}

func (s *subscriber) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take removes the next batch from the queue.
func (s *subscriber) take() (transport.Batch, bool) {
	s.b.srv.mu.Lock()
	defer s.b.srv.mu.Unlock()
	if !s.b.connected() || !s.gap && len(s.queue) == 0 {
		return transport.Batch{}, false
	}
	batch := transport.Batch{Epoch: s.b.status.Epoch, Gap: s.gap}
	s.gap = false
	n, size := 0, 0
	for n < min(len(s.queue), batchEvents) {
		next := len(s.queue[n].Body)
		if n > 0 && size+next > batchBytes {
			break
		}
		n, size = n+1, size+next
	}
	batch.Events = append(batch.Events, s.queue[:n]...)
	clear(s.queue[:n])
	s.queue = s.queue[n:]
	s.bytes -= size
	if len(s.queue) > 0 {
		s.notify()
	}
	return batch, true
}

// own gives batch bodies of its own, all in one allocation.
func own(batch transport.Batch) transport.Batch {
	size := 0
	for _, event := range batch.Events {
		size += len(event.Body)
	}
	buf := make([]byte, 0, size)
	for i, event := range batch.Events {
		start := len(buf)
		buf = append(buf, event.Body...)
		batch.Events[i].Body = buf[start:len(buf):len(buf)]
	}
	return batch
}
