package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/carlware/gochat/transport"
)

const (
	resultHandlers = 16 // of one Results call at once

	// resultPrefetch is how many results one Results call holds, most of them
	// in a pause before they are offered again.
	resultPrefetch = 256

	// The pauses before a result is offered again.
	resultBackOff    = 20 * time.Millisecond
	resultBackOffMax = time.Second
)

var errUntrusted = errors.New("its user may not speak for the bot")

// receiver is one Results call.
type receiver struct {
	b     *Broker
	store string
	ctx   context.Context // of its handlers
	fn    func(context.Context, transport.Result) error
	held  chan struct{} // a token for each result that is held
	slots chan struct{} // a token for each handler that runs
	wg    sync.WaitGroup
}

// Results calls fn with the results for store, up to 16 at once, until ctx
// ends (nil) or the broker is closed ([transport.ErrClosed]). The context of
// fn ends then, and Results waits for fn. A panic of fn is logged and counts as
// an error. Up to 256 results that fn refused are held; they are offered again,
// with pauses that grow to 1 s, while others go on.
func (b *Broker) Results(ctx context.Context, store string, fn func(context.Context, transport.Result) error) error {
	if err := checkNames(store); err != nil {
		return err
	}
	ctx, leave, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	r := &receiver{
		b: b, store: store, ctx: ctx, fn: fn,
		held:  make(chan struct{}, resultPrefetch),
		slots: make(chan struct{}, resultHandlers),
	}
	q := b.top.resultQueue(store)
	c := &consumer{
		b: b, what: q.name, queue: func() queue { return q },
		prefetch: resultPrefetch, deliver: r.deliver, drain: r.wg.Wait,
	}
	c.run(ctx)
	r.wg.Wait()
	return ended(ctx)
}

func (r *receiver) deliver(s *session, d *amqp.Delivery) {
	result, err := decodeResult(d, r.store)
	if err == nil && r.b.o.Trust != nil && !r.b.o.Trust(d.UserId, result.Bot) {
		err = errUntrusted
	}
	if err != nil {
		r.b.drop("result is dropped", err, "store", r.store)
		setAside(d)
		return
	}
	select {
	case r.held <- struct{}{}:
	case <-s.done:
		return
	case <-r.ctx.Done():
		giveBack(d)
		return
	}
	r.wg.Go(func() {
		defer func() { <-r.held }()
		r.offer(s, d, result)
	})
}

// offer gives the result to fn until it is accepted. It is never given up: the
// receiver can't reach its store, and that will pass.
func (r *receiver) offer(s *session, d *amqp.Delivery, result transport.Result) {
	pauses := backoff{least: resultBackOff, most: resultBackOffMax}
	for {
		select {
		case r.slots <- struct{}{}:
		case <-s.done:
			return // the broker has it again
		case <-r.ctx.Done():
			giveBack(d)
			return
		}
		again := result
		again.Body = append([]byte(nil), result.Body...)
		err := r.call(again)
		switch {
		case err == nil:
			ack(d)
			return
		case transport.Rejected(err):
			r.b.stats.resultsRejected.Add(1)
			ack(d)
			return
		}
		pause := time.NewTimer(pauses.next())
		select {
		case <-pause.C:
		case <-s.done:
		case <-r.ctx.Done():
		}
		pause.Stop()
		if r.ctx.Err() != nil {
			giveBack(d)
			return
		}
	}
}

// call runs fn in the slot that the caller took.
func (r *receiver) call(result transport.Result) (err error) {
	err = errGoexit
	defer func() {
		<-r.slots
		if p := recover(); p != nil {
			err = fmt.Errorf("rabbitmq: result handler panicked: %v", p)
			r.b.o.Logger.Error("rabbitmq: result handler panicked; the result will be offered again",
				"call", result.ID, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	return r.fn(r.ctx, result)
}
