package rabbitmq

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/carlware/gochat/transport"
)

const (
	// The most that one message holds; one larger event is a message by itself.
	batchEvents = 64
	batchBytes  = 64 << 10

	// The most that waits to be published.
	outboxEvents = 8192
	outboxBytes  = 16 << 20

	maxStores = 1024 // that one publisher numbers its messages for
)

// outbox is the events that wait to be published. They gather in messages while
// earlier ones are on their way, without a timer.
//
// The messages for each store are numbered, so that a subscriber notices what
// is missing, here or there.
type outbox struct {
	b    *Broker
	wake chan struct{} // holds one token while there is something to take

	mu      sync.Mutex
	id      string            // names the numbering
	last    map[string]uint64 // by store
	waiting []*outgoing
	events  int
	bytes   int
}

// outgoing is a message for one store.
type outgoing struct {
	store  string
	id     string
	number uint64
	events int
	body   []byte
	ended  bool // takes no more events: one was lost after it
}

func newOutbox(b *Broker) *outbox {
	return &outbox{b: b, wake: make(chan struct{}, 1), id: rand.Text()[:16], last: make(map[string]uint64)}
}

// Publish sends body to all subscribers of store. It returns once the event is
// queued here.
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
	b.mu.Lock()
	state, cause, closed := b.status.State, errors.Unwrap(b.status.Err), b.closed
	b.mu.Unlock()
	switch {
	case closed:
		return transport.ErrClosed
	case state != transport.Up:
		b.out.lose(store)
		return unavailable(cause)
	case !b.out.add(store, key, body):
		return fmt.Errorf("rabbitmq: %w: %d events wait to be published", transport.ErrOverloaded, outboxEvents)
	}
	return nil
}

// add queues an event, or loses it when the outbox is full.
func (o *outbox) add(store, key string, body []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := eventSize(key, body)
	if o.events >= outboxEvents || o.bytes+size > outboxBytes {
		o.loseLocked(store)
		return false
	}
	m := o.open(store, size)
	m.body = appendEvent(m.body, key, body)
	m.events++
	o.events++
	o.bytes += size
	o.notify()
	return true
}

// open returns the message that an event of that size goes into.
func (o *outbox) open(store string, size int) *outgoing {
	if n := len(o.waiting); n > 0 {
		m := o.waiting[n-1]
		if m.store == store && !m.ended && m.events < batchEvents && len(m.body)+size <= batchBytes {
			return m
		}
	}
	m := &outgoing{store: store, id: o.id, number: o.next(store), body: make([]byte, 0, max(size, 512))}
	o.waiting = append(o.waiting, m)
	return m
}

// next numbers a message, or the lack of one.
func (o *outbox) next(store string) uint64 {
	if _, ok := o.last[store]; !ok && len(o.last) >= maxStores {
		clear(o.last)
		o.id = rand.Text()[:16]
	}
	o.last[store]++
	return o.last[store]
}

// lose leaves out a number.
func (o *outbox) lose(store string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.loseLocked(store)
}

func (o *outbox) loseLocked(store string) {
	o.b.stats.eventsLost.Add(1)
	o.next(store)
	if n := len(o.waiting); n > 0 {
		o.waiting[n-1].ended = true
	}
}

// take removes the first message.
func (o *outbox) take() *outgoing {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		return nil
	}
	m := o.waiting[0]
	o.waiting[0] = nil
	o.waiting = o.waiting[1:]
	o.events -= m.events
	o.bytes -= len(m.body)
	if len(o.waiting) > 0 {
		o.notify()
	}
	return m
}

func (o *outbox) notify() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) empty() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting) == 0
}

// reset drops what waits for a connection that is over.
func (o *outbox) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b.stats.eventsLost.Add(uint64(o.events))
	o.waiting, o.events, o.bytes = nil, 0, 0
}

// feed publishes until s ends. What becomes of a message is not waited for: the
// numbers tell.
func (o *outbox) feed(s *session) {
	for {
		select {
		case <-o.wake:
		case <-s.done:
			return
		}
		// The message that takes in what comes is the last one to leave: as long
		// as the pipeline is busy, it grows.
		for m := o.take(); m != nil; m = o.take() {
			if s.feed.start(context.Background(), m.publishing(o.b.top.events)) != nil {
				o.b.stats.eventsLost.Add(uint64(m.events))
			}
		}
	}
}

func (m *outgoing) publishing(exchange string) *publishing {
	return &publishing{exchange: exchange, key: m.store, msg: amqp.Publishing{
		Type: typeEvents, ContentType: "application/octet-stream", DeliveryMode: amqp.Transient,
		AppId:         m.id,
		CorrelationId: strconv.FormatUint(m.number, 10),
		Body:          m.body,
	}}
}
