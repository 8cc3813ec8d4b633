package rabbitmq

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	// window is how many messages of a pipeline wait for their confirmation. A
	// larger one costs latency and brings little.
	window = 128

	// confirmTimeout is how long a confirmation may take. It is also how long
	// the window may be full of messages without one before the connection is
	// given up.
	confirmTimeout = 10 * time.Second

	// confirmAside is how long others wait behind a message.
	confirmAside = 50 * time.Millisecond
)

// publishing is a message on its way out.
type publishing struct {
	exchange, key string
	mandatory     bool
	msg           amqp.Publishing // its MessageId is set by the pipeline

	state atomic.Int32 // one of the below
	done  chan error   // gets what became of it; holds one
}

const (
	waiting   = iota // nobody has written it
	written          // it may reach the broker
	abandoned        // it will not be written
)

// pipeline publishes on a channel of its own. One goroutine writes, another one
// waits for the confirmations in order.
type pipeline struct {
	s       *session
	name    string
	ch      *amqp.Channel
	in      chan *publishing
	slots   chan struct{} // holds a token for each message between in and resolved
	sent    chan confirming
	returns chan amqp.Return
	pending atomic.Int64 // accepted and not resolved

	mu       sync.Mutex
	returned map[string]bool // ids of messages that came back and are not resolved
}

type confirming struct {
	*publishing
	dc *amqp.DeferredConfirmation
}

// newPipeline opens a channel on the publishing connection and starts its
// goroutines, which belong to s.
func newPipeline(s *session, name string) (*pipeline, error) {
	ch, err := s.open(s.pub)
	if err != nil {
		return nil, err
	}
	p := &pipeline{
		s: s, name: name, ch: ch,
		in:       make(chan *publishing),
		slots:    make(chan struct{}, window),
		sent:     make(chan confirming, window),
		returns:  ch.NotifyReturn(make(chan amqp.Return, 2*window)),
		returned: make(map[string]bool),
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	if err := s.rpc("select confirms", func() error { return ch.Confirm(false) }); err != nil {
		return nil, err
	}
	s.run(func() {
		select {
		case err := <-closed:
			s.fail(closedBy(err))
		case <-s.done:
		}
	})
	s.run(p.write)
	s.run(p.confirm)
	return p, nil
}

// submit publishes m and waits for what becomes of it: nil is "the broker has
// it"; errReturned, errNacked, an error of unavailable or of ctx is "it was not
// sent"; an error of unknown is the rest.
func (p *pipeline) submit(ctx context.Context, m *publishing) error {
	if err := p.start(ctx, m); err != nil {
		return err
	}
	select {
	case err := <-m.done:
		return err
	case <-ctx.Done():
	}
	if m.state.CompareAndSwap(waiting, abandoned) {
		return ctx.Err()
	}
	select {
	case err := <-m.done:
		return err
	default:
		return unknown(nil)
	}
}

// start hands m to the pipeline as soon as there is room. What becomes of it
// is sent to m.done. An error is "it was not sent".
func (p *pipeline) start(ctx context.Context, m *publishing) error {
	m.done = make(chan error, 1)
	if reason, blocked := p.s.gate.reason(); blocked {
		return unavailable(errBlocked(reason))
	}
	select {
	case p.in <- m:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.s.gate.closing():
		return unavailable(errBlocked(""))
	case <-p.s.done:
		return unavailable(p.s.err())
	}
}

func (p *pipeline) write() {
	defer close(p.sent)
	full := time.NewTimer(confirmTimeout)
	defer full.Stop()
	for n := uint64(1); ; n++ {
		full.Reset(confirmTimeout)
		for got := false; !got; {
			select {
			case p.slots <- struct{}{}:
				got = true
			case <-full.C:
				// Not a queue or two that don't work: all messages wait.
				if _, blocked := p.s.gate.reason(); !blocked {
					p.s.fail(errNoConfirm)
				}
				full.Reset(confirmTimeout)
			case <-p.s.done:
				return
			}
		}
		select {
		case m := <-p.in:
			p.pending.Add(1)
			if !p.writeOne(m, n) {
				return
			}
		case <-p.s.done:
			return
		}
	}
}

// writeOne writes m, and says whether the channel lives on.
func (p *pipeline) writeOne(m *publishing, n uint64) bool {
	if reason, blocked := p.s.gate.reason(); blocked {
		p.resolve(m, unavailable(errBlocked(reason)))
		return true
	}
	if p.s.over() { // the place that it got was made free by the end
		p.resolve(m, unavailable(p.s.err()))
		return false
	}
	if !m.state.CompareAndSwap(waiting, written) {
		p.resolve(m, nil)
		return true
	}
	m.msg.MessageId = p.s.tag + p.name + strconv.FormatUint(n, 10)
	m.msg.UserId = p.s.user
	dc, err := p.ch.PublishWithDeferredConfirm(m.exchange, m.key, m.mandatory, false, m.msg)
	if err != nil {
		p.resolve(m, unknown(err))
		p.s.fail(err)
		return false
	}
	p.sent <- confirming{m, dc}
	return true
}

// confirm resolves what was written, until write has ended. Confirmations are
// waited for in order as long as they come; a message whose queue is slower than
// that of the next is waited for aside.
func (p *pipeline) confirm() {
	var aside sync.WaitGroup
	defer aside.Wait()
	slow := time.NewTimer(confirmAside)
	defer slow.Stop()
	for c := range p.sent {
		select {
		case <-c.dc.Done(): // as often as not there is nothing to wait for
			p.finish(c)
			continue
		default:
		}
		slow.Reset(confirmAside)
		select {
		case <-c.dc.Done():
			p.finish(c)
		case <-p.s.done:
			p.finish(c)
		case <-slow.C:
			aside.Go(func() { p.wait(c) })
		}
	}
}

// wait waits for one confirmation. After a while nobody else does, but the
// message keeps its place in the window.
func (p *pipeline) wait(c confirming) {
	patience := time.NewTimer(confirmTimeout)
	defer patience.Stop()
	for {
		select {
		case <-c.dc.Done():
			p.finish(c)
			return
		case <-p.s.done:
			p.finish(c)
			return
		case <-patience.C:
			c.tell(unknown(errNoConfirm))
		}
	}
}

// finish resolves c, which was confirmed or never will be.
func (p *pipeline) finish(c confirming) {
	p.mu.Lock()
	// The broker returns a message before it confirms it, and the library's one
	// reader hands both on in that order.
	for drained := false; !drained; {
		select {
		case r, ok := <-p.returns:
			if ok {
				p.returned[r.MessageId] = true
			}
			drained = !ok
		default:
			drained = true
		}
	}
	returned := p.returned[c.msg.MessageId]
	delete(p.returned, c.msg.MessageId)
	p.mu.Unlock()
	p.resolve(c.publishing, p.outcome(c, returned))
}

func (p *pipeline) outcome(c confirming, returned bool) error {
	switch {
	case returned:
		return errReturned
	case c.dc.Acked():
		return nil
	case p.ch.IsClosed() || p.s.over():
		return unknown(p.s.err())
	}
	return errNacked
}

func (p *pipeline) resolve(m *publishing, err error) {
	m.tell(err)
	p.pending.Add(-1)
	<-p.slots
}

// tell tells who published what became of it, once.
func (m *publishing) tell(err error) {
	select {
	case m.done <- err:
	default:
	}
}
