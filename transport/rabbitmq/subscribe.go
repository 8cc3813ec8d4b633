package rabbitmq

import (
	"context"
	"strconv"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/carlware/gochat/transport"
)

const (
	eventPrefetch = 512
	eventAck      = 128 // messages are acknowledged in lots

	// subscriberBytes bounds the bodies that wait for one subscriber.
	subscriberBytes = 16 << 20

	// maxPublishers is how many publishers' numbers a subscriber remembers.
	maxPublishers = 4096
)

// subscriber is one Subscribe call and the events that wait for it.
type subscriber struct {
	b     *Broker
	store string
	wake  chan struct{} // holds one token while there is something to take

	// Used by the goroutine that reads only.
	last  map[string]uint64 // numbers of the publishers' messages
	unack int

	mu    sync.Mutex
	epoch uint64
	gap   bool // the next batch is a Gap
	after bool // so is the one that begins with the next event
	queue []received
	bytes int
}

// received is an event that waits for its subscriber.
type received struct {
	transport.Event
	gap bool // others are missing before it
}

// Subscribe calls fn on the caller's goroutine with what is published for
// store, until ctx ends (nil) or the broker is closed ([transport.ErrClosed]).
// A batch holds up to 64 events or 64 KiB.
//
// A Gap also tells of messages that other publishers lost on the way, as far as
// a later one of theirs shows it.
func (b *Broker) Subscribe(ctx context.Context, store string, fn func(transport.Batch)) error {
	if err := checkNames(store); err != nil {
		return err
	}
	ctx, leave, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	sub := &subscriber{b: b, store: store, wake: make(chan struct{}, 1), last: make(map[string]uint64)}
	c := &consumer{
		b: b, what: "events of a store", prefetch: eventPrefetch,
		// A name of its own each time: who had it before may still be there, as
		// far as the server knows.
		queue: func() queue {
			n := strconv.FormatUint(b.queues.Add(1), 10)
			return b.top.nodeQueue(b.id+"."+n, b.top.events, store)
		},
		live: sub.live, deliver: sub.deliver,
	}
	var reading sync.WaitGroup
	defer reading.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	reading.Go(func() { c.run(ctx) })
	for {
		select {
		case <-ctx.Done():
			return ended(ctx)
		case <-sub.wake:
		}
		if ctx.Err() != nil {
			return ended(ctx)
		}
		if batch, ok := sub.take(); ok {
			fn(batch)
		}
	}
}

// live begins anew, with a Gap.
func (s *subscriber) live(of *session) {
	s.unack = 0
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch = of.epoch
	s.reset()
}

func (s *subscriber) deliver(_ *session, d *amqp.Delivery) {
	if s.unack++; s.unack >= eventAck {
		s.unack = 0
		_ = d.Ack(true)
	}
	events, gap, err := s.read(d)
	if err != nil {
		s.b.drop("events are dropped", err, "store", s.store)
		return
	}
	s.push(events, gap)
}

// read returns the events of a message, and whether any before it are missing.
func (s *subscriber) read(d *amqp.Delivery) (events []transport.Event, gap bool, err error) {
	if d.Type != typeEvents {
		return nil, false, errType
	}
	if d.RoutingKey != s.store {
		return nil, false, errKey
	}
	if events, err = readEvents(d.Body); err != nil {
		return nil, false, err
	}
	number, err := strconv.ParseUint(d.CorrelationId, 10, 64)
	if err != nil || d.AppId == "" || number == 0 {
		return events, false, nil // a publisher that does not number
	}
	// Of a publisher that is new here, what it sent before is missing too.
	last, known := s.last[d.AppId]
	if !known && len(s.last) >= maxPublishers {
		clear(s.last)
	}
	s.last[d.AppId] = number
	return events, number != last+1, nil
}

// push queues events. When the queue is full everything in it is given up:
// after a Gap the subscriber reads the log, which has all of it.
func (s *subscriber) push(events []transport.Event, gap bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := 0
	for _, e := range events {
		size += len(e.Body)
	}
	if len(s.queue) > 0 && (len(s.queue)+len(events) > s.b.o.Events || s.bytes+size > subscriberBytes) {
		s.b.stats.eventsLost.Add(uint64(len(s.queue)))
		s.reset()
	}
	s.after = s.after || gap
	for _, e := range events {
		s.queue = append(s.queue, received{e, s.after})
		s.after = false
	}
	s.bytes += size
	s.notify()
}

// reset forgets what waits and asks for a Gap. The caller holds mu.
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
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.gap && len(s.queue) == 0 {
		return transport.Batch{}, false
	}
	n, size := 0, 0
	for n < min(len(s.queue), batchEvents) {
		next := len(s.queue[n].Body)
		if n > 0 && (size+next > batchBytes || s.queue[n].gap) {
			break
		}
		n, size = n+1, size+next
	}
	batch := transport.Batch{Epoch: s.epoch, Gap: s.gap || n > 0 && s.queue[0].gap}
	s.gap = false
	if n > 0 {
		batch.Events = make([]transport.Event, n)
		for i := range batch.Events {
			batch.Events[i] = s.queue[i].Event
		}
		clear(s.queue[:n])
		s.queue = s.queue[n:]
		s.bytes -= size
	}
	if len(s.queue) > 0 {
		s.notify()
	}
	return batch, true
}
