package rabbitmq

import (
	"context"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/carlware/gochat/transport"
)

const (
	// presenceTTL is how long a command that was served is believed to be so. A
	// request that is sent within it to a bot that has just died is answered by
	// nobody.
	presenceTTL = 500 * time.Millisecond
	maxPresent  = 4096
)

// presence knows which command queues have consumers. The zero value knows
// nothing.
type presence struct {
	mu      sync.Mutex
	until   map[string]time.Time // of queues that had consumers
	looking map[string]*look
}

// look is a question under way, shared by all who ask meanwhile.
type look struct {
	done chan struct{}
	err  error
}

// check returns [transport.ErrNoHandler] when nobody consumes from the queue.
// Only a yes is remembered: a bot that comes is seen at once.
func (p *presence) check(ctx context.Context, s *session, queue string) error {
	p.mu.Lock()
	if time.Now().Before(p.until[queue]) {
		p.mu.Unlock()
		return nil
	}
	l := p.looking[queue]
	if l == nil {
		l = &look{done: make(chan struct{})}
		if p.looking == nil {
			p.looking = make(map[string]*look)
		}
		p.looking[queue] = l
		// Not with this caller's ctx, since others may wait for it too. The
		// session ends it.
		s.b.sends.Go(func() { p.ask(s, queue, l) })
	}
	p.mu.Unlock()
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *presence) ask(s *session, queue string, l *look) {
	consumers := 0
	err := s.admin(context.Background(), func(a *admin) (err error) {
		consumers, err = a.inspect(queue)
		return err
	})
	switch {
	case hasCode(err, amqp.NotFound), err == nil && consumers == 0:
		l.err = fmt.Errorf("rabbitmq: %w", transport.ErrNoHandler)
	case err != nil:
		l.err = unavailable(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.looking, queue)
	if l.err == nil {
		if len(p.until) >= maxPresent {
			clear(p.until)
		}
		if p.until == nil {
			p.until = make(map[string]time.Time)
		}
		p.until[queue] = time.Now().Add(presenceTTL)
	}
	close(l.done)
}

// doubt forgets what is known of a queue.
func (p *presence) doubt(queue string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.until, queue)
}

// forget forgets everything.
func (p *presence) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.until)
}
