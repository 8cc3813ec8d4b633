package memory

import (
	"context"
	"time"

	"github.com/carlware/gochat/transport"
)

// faults are those asked for and not yet made. Guarded by srv.mu.
type faults struct {
	delay        time.Duration
	dropEvents   int
	failSends    int
	failWith     error
	loseConfirms int
}

// Disconnect is for tests: it cuts this connection, as a broken network or a
// killed process would, until [Broker.Reconnect]. cause is what
// [Broker.Status] reports and may be nil.
//
// Meanwhile the status is Down, and sends fail with
// [transport.ErrUnavailable]. Events that wait for this connection's
// subscribers are lost, and so are those published. Requests and results in
// its handlers are delivered again: elsewhere at once if somebody else serves
// them, else after Reconnect; this counts as an attempt. The handlers go on. A
// result that one of them returns is kept until Reconnect, as long as the
// handler's context lives, and then is a repeat. Announcements live on for
// their TTL. Other connections are not affected.
func (b *Broker) Disconnect(cause error) {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	if !b.connected() {
		return
	}
	b.setStatus(transport.Status{State: transport.Down, Epoch: b.status.Epoch, Err: cause})
	for s := range b.subs {
		b.srv.stats.EventsLost += uint64(len(s.queue))
		s.reset()
	}
	for c := range b.consumers {
		c.q.lose(c)
	}
	b.silence()
}

// Reconnect is for tests: it ends [Broker.Disconnect]. The epoch grows,
// subscribers get a Gap, workers and receivers are served again.
func (b *Broker) Reconnect() {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	if b.closed || b.connected() {
		return
	}
	b.setStatus(transport.Status{State: transport.Up, Epoch: b.status.Epoch + 1})
	for s := range b.subs {
		s.reset()
	}
	b.repeat()
	for c := range b.consumers {
		c.q.dispatch()
	}
}

// Block is for tests: until [Broker.Unblock] the broker takes nothing from
// this connection, as RabbitMQ does when it runs out of memory. Sends fail
// with [transport.ErrUnavailable], results of handlers wait, deliveries go on.
// cause is what [Broker.Status] reports and may be nil.
func (b *Broker) Block(cause error) {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	if b.connected() {
		b.setStatus(transport.Status{State: transport.Blocked, Epoch: b.status.Epoch, Err: cause})
	}
}

// Unblock is for tests: it ends [Broker.Block].
func (b *Broker) Unblock() {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	if b.connected() {
		b.setStatus(transport.Status{State: transport.Up, Epoch: b.status.Epoch})
	}
}

// Delay is for tests: until Delay(0) all that passes over this connection takes
// so much longer, as on a slow network. Send and Publish take it before
// anything is sent, and return earlier with the error of a ctx that ends, or
// with [transport.ErrClosed]; events, requests and results take it on their way
// to their callbacks. Nothing is lost by it, and the status stays.
func (b *Broker) Delay(d time.Duration) {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	b.faults.delay = d
}

// pass waits as long as something on its way takes. An error is of the end of
// ctx or of the connection.
func (b *Broker) pass(ctx context.Context) error {
	b.srv.mu.Lock()
	d := b.faults.delay
	b.srv.mu.Unlock()
	if d <= 0 {
		return nil
	}
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-late.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-b.done:
		return transport.ErrClosed
	}
}

// setStatus changes the status. The caller holds srv.mu.
func (b *Broker) setStatus(s transport.Status) {
	b.status = s
	b.changed.raise()
}

// Gap is for tests: the next batch of each subscriber on this connection has
// Gap set, and comes at once, as if it had fallen behind.
func (b *Broker) Gap() {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	for s := range b.subs {
		s.gap = true
		s.notify()
	}
}

// DropEvents is for tests: the next n events published on this connection
// reach nobody, and no Gap tells of them. That is what happens when a process
// dies between storing an event and publishing it.
func (b *Broker) DropEvents(n int) {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	b.faults.dropEvents = n
}

// FailSends is for tests: the next n calls of Send on this connection return
// err, which should be one of package transport, and send nothing.
func (b *Broker) FailSends(n int, err error) {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	b.faults.failSends, b.faults.failWith = n, err
}

// LoseConfirms is for tests: the next n calls of Send on this connection that
// would return nil return [transport.ErrUnknown] instead, although the request
// was sent. For the other half of unknown, "not sent", use [Broker.FailSends].
func (b *Broker) LoseConfirms(n int) {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	b.faults.loseConfirms = n
}

func (f *faults) failSend() error {
	if f.failSends <= 0 {
		return nil
	}
	f.failSends--
	return f.failWith
}

func (f *faults) loseConfirm() error {
	if f.loseConfirms <= 0 {
		return nil
	}
	f.loseConfirms--
	return transport.ErrUnknown
}
