package memory

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// message is a request on its way to a worker, or a result on its way to a
// receiver (then without a command).
type message struct {
	id, store, bot, command string
	body                    []byte    // never changed; deliveries get copies
	attempt                 int       // deliveries so far
	deadline                time.Time // not delivered from then on
	due                     time.Time // not delivered before
}

// queue holds the messages of one bot and command, or of one store's results,
// and hands them to its consumers. The caller of each method holds srv.mu.
type queue struct {
	limit    int     // of messages that wait
	maxBytes int     // of their bodies
	expired  *uint64 // counts the messages that nobody got in time
	forget   func()  // takes the queue out of its server's map

	ready     []*message // in order of arrival
	delayed   []*message // in a pause before another attempt
	bytes     int        // of ready and delayed
	running   int        // messages in a handler
	consumers []*consumer
	turn      int // the consumer to be asked first

	mu      *sync.Mutex // srv.mu, for the timer
	timer   *time.Timer
	timerAt time.Time // when the timer fires; zero while it is stopped
}

// consumer is one Work or Results call.
type consumer struct {
	b       *Broker
	q       *queue
	free    int                    // handlers that may be started
	running map[*delivery]struct{} // those that were
	wg      sync.WaitGroup

	handle func(*delivery)          // runs the handler and settles, on a goroutine of its own
	lost   func(*delivery) *message // the connection broke meanwhile: what to deliver again, or nil
}

// delivery is one message in one handler.
type delivery struct {
	*message
	c    *consumer
	lost bool // the connection broke; the message is somebody else's now
}

// waiting is how many messages nobody has.
func (q *queue) waiting() int { return len(q.ready) + len(q.delayed) }

// served says whether a consumer is there.
func (q *queue) served() bool {
	return slices.ContainsFunc(q.consumers, func(c *consumer) bool { return c.b.connected() })
}

// full says whether a body of this size has no place. What has expired takes
// none: the timer removed it.
func (q *queue) full(size int) bool {
	return q.waiting() >= q.limit || q.bytes+size > q.maxBytes
}

// push queues m, also when the queue is full: asking is the sender's part, and
// what was accepted once must not get lost on its way back.
func (q *queue) push(m *message) {
	q.bytes += len(m.body)
	if time.Until(m.due) > 0 {
		q.delayed = append(q.delayed, m)
		q.arm(earlier(m.due, m.deadline))
		return
	}
	q.ready = append(q.ready, m)
	q.dispatch()
	if len(q.ready) > 0 {
		q.arm(m.deadline)
	}
}

// dispatch starts handlers while there are messages for them.
func (q *queue) dispatch() {
	for len(q.ready) > 0 {
		m := q.ready[0]
		c := q.idle()
		if c == nil {
			return
		}
		q.ready[0] = nil
		q.ready = q.ready[1:]
		q.bytes -= len(m.body)
		if time.Until(m.deadline) <= 0 {
			*q.expired++
			continue
		}
		m.attempt++
		d := &delivery{message: m, c: c}
		c.free--
		c.running[d] = struct{}{}
		q.running++
		c.wg.Go(func() { c.handle(d) })
	}
}

// idle returns the next consumer with a free handler, each in its turn.
func (q *queue) idle() *consumer {
	for i := range q.consumers {
		at := (q.turn + i) % len(q.consumers)
		if c := q.consumers[at]; c.free > 0 && c.b.connected() {
			q.turn = at + 1
			return c
		}
	}
	return nil
}

// add lets c take part.
func (q *queue) add(c *consumer) {
	q.consumers = append(q.consumers, c)
	c.b.consumers[c] = struct{}{}
	q.dispatch()
}

// remove gives c no more messages. Its handlers go on.
func (q *queue) remove(c *consumer) {
	q.consumers = slices.DeleteFunc(q.consumers, func(o *consumer) bool { return o == c })
}

// finish takes d out of its handler. When it is still d's, again, if not nil,
// is queued.
func (q *queue) finish(d *delivery, again *message) {
	delete(d.c.running, d)
	d.c.free++
	if !d.lost {
		q.running--
		if again != nil {
			q.push(again)
		}
	}
	q.dispatch()
	q.tidy()
}

// lose takes all messages from the handlers of c, whose connection broke, and
// queues them first in line.
func (q *queue) lose(c *consumer) {
	for d := range c.running {
		if d.lost {
			continue
		}
		d.lost = true
		q.running--
		if again := c.lost(d); again != nil {
			q.bytes += len(again.body)
			q.ready = slices.Insert(q.ready, 0, again)
			q.arm(again.deadline)
		}
	}
	q.dispatch()
}

// sweep drops what has expired and makes ready what is due.
func (q *queue) sweep() {
	now := time.Now()
	var next time.Time
	keep := func(m *message) bool {
		if m.deadline.After(now) {
			return true
		}
		*q.expired++
		q.bytes -= len(m.body)
		return false
	}
	waiting := q.delayed
	q.delayed = nil
	for _, m := range waiting {
		switch {
		case !keep(m):
		case m.due.After(now):
			q.delayed = append(q.delayed, m)
			next = earlier(next, earlier(m.due, m.deadline))
		default:
			q.ready = append(q.ready, m)
		}
	}
	waiting = q.ready
	q.ready = nil
	for _, m := range waiting {
		if keep(m) {
			q.ready = append(q.ready, m)
			next = earlier(next, m.deadline)
		}
	}
	if !next.IsZero() {
		q.arm(next)
	}
	q.dispatch()
}

// arm sees to it that sweep runs at that time, or before.
func (q *queue) arm(at time.Time) {
	if !q.timerAt.IsZero() && !at.Before(q.timerAt) {
		return
	}
	q.timerAt = at
	if q.timer != nil {
		q.timer.Reset(time.Until(at))
		return
	}
	q.timer = time.AfterFunc(time.Until(at), func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.timerAt = time.Time{}
		q.sweep()
		q.tidy()
	})
}

// tidy forgets a queue that nobody uses.
func (q *queue) tidy() {
	if len(q.consumers) == 0 && q.waiting() == 0 && q.running == 0 {
		q.drop()
		q.forget()
	}
}

// drop throws away what waits and stops the timer.
func (q *queue) drop() {
	q.ready, q.delayed, q.bytes = nil, nil, 0
	if q.timer != nil {
		q.timer.Stop()
	}
}

// earlier returns the earlier of two times, of which the first may be unset.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// backOff returns the random pause after so many attempts: between half and
// all of base, doubled with each attempt, up to most.
func backOff(attempts int, base, most time.Duration) time.Duration {
	d := most
	if attempts < 20 {
		d = min(base<<(attempts-1), most)
	}
	return d/2 + rand.N(d/2)
}
