package rabbitmq

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/carlware/gochat/transport"
)

const (
	leastPause = 100 * time.Millisecond
	mostPause  = 5 * time.Second

	steady = 5 * time.Second // a connection that lived as long did not fail at once
)

// backoff makes the pauses between attempts: random up to a bound that doubles,
// so that the programs of a server that broke do not come back as one.
type backoff struct{ least, most, bound time.Duration }

func (b *backoff) next() time.Duration {
	b.bound = min(max(2*b.bound, b.least), b.most)
	return rand.N(b.bound)
}

func (b *backoff) reset() { b.bound = 0 }

// slowPause is the longest pause after a refusal. It is a variable for tests.
var slowPause = 10 * time.Second

// slowly is the pause after a refusal.
func slowly() time.Duration { return slowPause/2 + rand.N(slowPause/2) }

// supervise keeps a session until ctx ends. It then ends the last one in
// order.
func (b *Broker) supervise(ctx context.Context) {
	pauses := backoff{least: leastPause, most: mostPause}
	for {
		began := time.Now()
		s, err := b.connect(ctx)
		if err == nil {
			b.up(s)
			select {
			case <-s.done:
			case <-ctx.Done():
				s.shutdown()
			}
			err = s.err()
			b.down(err)
			s.end()
			if time.Since(began) > steady {
				pauses.reset()
			}
		} else if ctx.Err() == nil {
			b.down(err)
		}
		if ctx.Err() != nil {
			return
		}
		pause := pauses.next()
		if refused(err) {
			pause = slowly()
		}
		b.o.Logger.Warn("rabbitmq: connection failed", "addr", address(b.uri), "err", err, "retry_in", pause)
		if !sleep(ctx, pause) {
			return
		}
	}
}

// up makes s the session that is used.
func (b *Broker) up(s *session) {
	b.o.Logger.Info("rabbitmq: connected", "addr", address(b.uri), "epoch", s.epoch)
	b.out.reset()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.session = s
	b.status = transport.Status{State: transport.Up, Epoch: s.epoch}
	if reason, blocked := s.gate.reason(); blocked {
		b.status.State, b.status.Err = transport.Blocked, named(errBlocked(reason))
	}
	b.raise()
}

// down notes that there is no session, and why.
func (b *Broker) down(err error) {
	b.presence.forget()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.session != nil {
		b.session, b.downSince = nil, time.Now()
	}
	b.status.State, b.status.Err = transport.Down, named(err)
	b.raise()
}

// block notes that s can or can't publish for now.
func (b *Broker) block(s *session, blocked bool, reason string) {
	s.gate.set(blocked, reason)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.session != s {
		return // up asks
	}
	if blocked {
		b.status.State, b.status.Err = transport.Blocked, named(errBlocked(reason))
	} else {
		b.status.State, b.status.Err = transport.Up, nil
	}
	b.raise()
}

func errBlocked(reason string) error {
	return fmt.Errorf("the broker takes no messages: %.100q", reason)
}

// named is err at the border of the package.
func named(err error) error { return fmt.Errorf("rabbitmq: %w", err) }

// sleep waits, and says whether ctx lives on.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
