package rabbitmq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carlware/gochat/transport"
)

var errNoTime = errors.New("rabbitmq: request has no time left")

// Send hands r to one of the workers of r.Bot and r.Command. See
// [transport.CommandBus] for the errors. An empty ID or name, or a Timeout
// that is not positive, is refused with an error too. While the connection is
// broken it waits for a new one, for a second at most.
func (b *Broker) Send(ctx context.Context, r transport.Request) error {
	if err := checkNames(r.ID, r.Store, r.Bot, r.Command); err != nil {
		return err
	}
	if err := checkBody(r.Body); err != nil {
		return err
	}
	if r.Timeout <= 0 {
		return errNoTime
	}
	if err := b.beginSend(); err != nil {
		return err
	}
	defer b.sends.Done()
	if err := ctx.Err(); err != nil {
		return err
	}
	deadline := time.Now().Add(r.Timeout)
	limited, cancel := context.WithDeadline(ctx, deadline) // nobody waits for longer
	defer cancel()
	err := b.send(limited, r, deadline)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return unavailable(errNoTime)
	}
	return err
}

func (b *Broker) send(ctx context.Context, r transport.Request, deadline time.Time) error {
	s, err := b.usable(ctx)
	if err != nil {
		return err
	}
	q := b.top.commandQueue(r.Bot, r.Command)
	if err := s.resultsOf(ctx, r.Store); err != nil {
		return err
	}
	if err := b.presence.check(ctx, s, q.name); err != nil {
		return err
	}
	left := time.Until(deadline)
	if left <= 0 {
		return errNoTime
	}
	r.Body = bytes.Clone(r.Body) // ctx may end while it is written
	err = s.work.submit(ctx, requestMessage(&q, r, left, time.Now()))
	switch err {
	case errReturned:
		b.presence.doubt(q.name)
		return fmt.Errorf("rabbitmq: %w: there is no queue %s", transport.ErrNoHandler, q.name)
	case errNacked:
		return fmt.Errorf("rabbitmq: %w: %s", transport.ErrOverloaded, q.name)
	}
	return err
}

// resultsOf sees to it that results for store have a place to wait in.
func (s *session) resultsOf(ctx context.Context, store string) error {
	q := s.b.top.resultQueue(store)
	err := s.once(ctx, q.name, func(a *admin) error { return a.queue(q) })
	if err == nil || errors.Is(err, transport.ErrUnavailable) || err == ctx.Err() {
		return err
	}
	return unavailable(err)
}
