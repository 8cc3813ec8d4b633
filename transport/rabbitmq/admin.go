package rabbitmq

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
)

// admin declares and looks for exchanges and queues, on a channel of its own,
// which the broker closes with every no.
type admin struct {
	s  *session
	ch *amqp.Channel
}

type job struct {
	do   func(*admin) error
	done chan error // holds one
}

// administer does one job after the other until s ends.
func (s *session) administer() {
	a := &admin{s: s}
	for {
		select {
		case j := <-s.jobs:
			j.done <- j.do(a)
			if !s.over() {
				_ = a.open() // so that the next job need not wait for it
			}
		case <-s.done:
			return
		}
	}
}

// admin has do done by the goroutine that owns the channel, and returns its
// error.
func (s *session) admin(ctx context.Context, do func(*admin) error) error {
	j := &job{do: do, done: make(chan error, 1)}
	select {
	case s.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return unavailable(s.err())
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return unavailable(s.err())
	}
}

// once is admin for what has to be done once in a session.
func (s *session) once(ctx context.Context, what string, do func(*admin) error) error {
	s.mu.Lock()
	done := s.ready[what]
	s.mu.Unlock()
	if done {
		return nil
	}
	err := s.admin(ctx, do)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.ready) >= maxReady {
			clear(s.ready)
		}
		s.ready[what] = true
	}
	return err
}

const maxReady = 4096

// open sees to it that there is a channel.
func (a *admin) open() (err error) {
	if a.ch == nil || a.ch.IsClosed() {
		a.ch, err = a.s.open(a.s.sub)
	}
	return err
}

// call calls a method on the channel.
func (a *admin) call(what string, method func(*amqp.Channel) error) error {
	if err := a.open(); err != nil {
		return err
	}
	return a.s.rpc(what, func() error { return method(a.ch) })
}

// topology sees to what everybody needs.
func (s *session) topology(ctx context.Context) error {
	t := &s.b.top
	return s.admin(ctx, func(a *admin) error {
		for name, kind := range map[string]string{
			t.commands: "direct", t.results: "direct", t.events: "direct",
			t.announce: "fanout", t.dead: "fanout",
		} {
			if err := a.exchange(name, kind); err != nil {
				return err
			}
		}
		return a.queue(t.deadQueue())
	})
}

// exchange declares an exchange, or looks for it where the user may not
// declare it.
func (a *admin) exchange(name, kind string) error {
	declare := func(method func(*amqp.Channel, string, string, bool, bool, bool, bool, amqp.Table) error) error {
		return a.call("declare exchange "+name, func(ch *amqp.Channel) error { return method(ch, name, kind, true, false, false, false, nil) })
	}
	if !a.s.b.o.Declared {
		err := declare((*amqp.Channel).ExchangeDeclare)
		if !hasCode(err, amqp.AccessRefused) {
			return err
		}
	}
	return declare((*amqp.Channel).ExchangeDeclarePassive)
}

// queue declares and binds a queue, or looks for it where the user may not
// declare it.
func (a *admin) queue(q queue) error {
	if a.s.b.o.Declared && !q.exclusive {
		_, err := a.inspect(q.name)
		return err
	}
	err := a.call("declare queue "+q.name, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(q.name, !q.exclusive, q.exclusive, q.exclusive, false, q.args)
		return err
	})
	looked := false
	if hasCode(err, amqp.AccessRefused) && !q.exclusive {
		looked = true
		_, err = a.inspect(q.name)
	}
	if err != nil || q.exchange == "" {
		return err
	}
	err = a.call("bind queue "+q.name, func(ch *amqp.Channel) error { return ch.QueueBind(q.name, q.key, q.exchange, false, nil) })
	if looked && hasCode(err, amqp.AccessRefused) {
		return nil // who made the queue has bound it
	}
	return err
}

// inspect returns how many consumers a queue has, or an exception with the
// code NotFound.
func (a *admin) inspect(name string) (consumers int, err error) {
	err = a.call("look for queue "+name, func(ch *amqp.Channel) error {
		q, err := ch.QueueDeclarePassive(name, true, false, false, false, nil)
		consumers = q.Consumers
		return err
	})
	return consumers, err
}
