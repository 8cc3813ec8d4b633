package rabbitmq

import (
	"context"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// consumer reads one queue, through all sessions.
type consumer struct {
	b        *Broker
	what     string
	queue    func() queue // of the next attempt
	prefetch int

	live    func(s *session)                   // deliveries come from now on; may be nil
	deliver func(s *session, d *amqp.Delivery) // settles d, now or later; may block until s or the call is over
	drain   func()                             // waits until everything is settled; may be nil
}

// run consumes until ctx ends.
func (c *consumer) run(ctx context.Context) {
	defer c.b.refuse(c, nil)
	pauses := backoff{least: leastPause, most: mostPause}
	for {
		s := c.b.await(ctx)
		if s == nil {
			return
		}
		began := time.Now()
		err := c.serve(ctx, s)
		if ctx.Err() != nil {
			return
		}
		if s.over() {
			c.rest(ctx, s)
			continue
		}
		// The session lives, so this is about our queue only.
		if time.Since(began) > steady {
			pauses.reset()
		}
		pause := pauses.next()
		if refused(err) {
			pause = slowly()
			c.b.refuse(c, err)
		}
		c.b.o.Logger.Warn("rabbitmq: consumer ended", "consumer", c.what, "err", err, "retry_in", pause)
		wait, cancel := context.WithTimeout(ctx, pause)
		select {
		case <-wait.Done():
		case <-s.done:
		}
		cancel()
	}
}

// rest waits until the broker has noticed that s is over.
func (c *consumer) rest(ctx context.Context, s *session) {
	for {
		c.b.mu.Lock()
		same, changed := c.b.session == s, c.b.changed
		c.b.mu.Unlock()
		if !same {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// serve consumes until ctx or s ends, or the broker takes the queue away.
func (c *consumer) serve(ctx context.Context, s *session) error {
	q := c.queue()
	if err := s.admin(ctx, func(a *admin) error { return a.queue(q) }); err != nil {
		return err
	}
	ch, err := s.open(s.sub)
	if err != nil {
		return err
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	if err := s.rpc("set prefetch", func() error { return ch.Qos(c.prefetch, 0, false) }); err != nil {
		return err
	}
	deliveries, err := c.consume(ctx, s, ch, q)
	if err != nil {
		return err
	}
	defer func() { _ = s.rpc("close channel", ch.Close) }()
	c.b.refuse(c, nil)
	if c.live != nil {
		c.live(s)
	}
	for {
		select {
		case d, ok := <-deliveries:
			if !ok {
				if !ch.IsClosed() {
					return errCancelled
				}
				// Not a refusal, whatever the code: that was to be had before.
				select {
				case err := <-closed:
					return fmt.Errorf("%w: %s", errClosed, closedBy(err).Error())
				default:
					return errClosed
				}
			}
			c.deliver(s, &d)
		case <-s.done:
			return s.err()
		case <-ctx.Done():
			if s.rpc("cancel "+q.name, func() error { return ch.Cancel("gochat", false) }) == nil {
				for d := range deliveries {
					giveBack(&d)
				}
			}
			if c.drain != nil {
				c.drain()
			}
			return ctx.Err()
		}
	}
}

// consume begins to consume. A replicated queue that has lost the majority of
// its members answers when it has one again, and not before: that is waited
// for, so that it does not cost the session.
func (c *consumer) consume(ctx context.Context, s *session, ch *amqp.Channel, q queue) (<-chan amqp.Delivery, error) {
	type answer struct {
		deliveries <-chan amqp.Delivery
		err        error
	}
	answers := make(chan answer, 1)
	asking := s.run(func() {
		deliveries, err := ch.Consume(q.name, "gochat", false, q.exclusive, false, false, nil)
		answers <- answer{deliveries, err}
	})
	if !asking {
		return nil, s.err()
	}
	late := time.NewTimer(rpcTimeout)
	defer late.Stop()
	for {
		select {
		case a := <-answers:
			return a.deliveries, a.err
		case <-late.C:
			err := fmt.Errorf("consume %s: %w", q.name, errNoReply)
			c.b.refuse(c, err)
			c.b.o.Logger.Warn("rabbitmq: queue does not answer", "err", err)
		case <-s.done:
			return nil, s.err()
		case <-ctx.Done():
			s.run(func() {
				if a := <-answers; a.err == nil {
					_ = s.rpc("close channel", ch.Close)
				}
			})
			return nil, ctx.Err()
		}
	}
}
