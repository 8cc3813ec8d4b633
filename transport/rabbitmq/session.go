package rabbitmq

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// rpcTimeout is how long the broker may take to answer a method. Declaring a
// replicated queue is the slowest of them.
const rpcTimeout = 10 * time.Second

// session is what lives as long as the connections of one epoch: two, since a
// broker that takes no messages stops reading whatever else comes the same
// way. It is never mended: with the first error all of it is thrown away.
type session struct {
	b     *Broker
	epoch uint64
	tag   string // begins the message ids
	user  string // for the property user_id
	pub   *link  // messages only
	sub   *link  // everything else
	gate  *gate
	work  *pipeline // requests and results
	feed  *pipeline // events and announcements
	jobs  chan *job
	done  chan struct{} // closed by fail

	mu    sync.Mutex
	cause error
	ready map[string]bool // what was declared
	ended bool            // no goroutine may be started
	wg    sync.WaitGroup
}

// fail ends s for the first reason given. It does not wait.
func (s *session) fail(err error) {
	if s.finish(err) {
		s.cut()
	}
}

// finish closes done, unless it is.
func (s *session) finish(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return false
	}
	s.cause = err
	close(s.done)
	return true
}

// cut closes the sockets. Connection.Close would wait for locks that a stuck
// write holds.
func (s *session) cut() {
	for _, l := range []*link{s.pub, s.sub} {
		if l != nil {
			l.raw.Close()
		}
	}
}

// err is why s ended.
func (s *session) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

func (s *session) over() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// run starts a goroutine that must end when s does, and says whether it could:
// not after the end of s.
func (s *session) run(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.wg.Go(f)
	return true
}

// end waits until nothing of s is left.
func (s *session) end() {
	s.fail(errStopped)
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.wg.Wait()
}

// rpc calls a method of the library that waits for the broker, which the
// library does without a limit.
func (s *session) rpc(what string, call func() error) error {
	watchdog := time.AfterFunc(rpcTimeout, func() { s.fail(fmt.Errorf("%s: %w", what, errNoReply)) })
	defer watchdog.Stop()
	return call()
}

// open opens a channel.
func (s *session) open(l *link) (ch *amqp.Channel, err error) {
	err = s.rpc("open channel", func() error {
		ch, err = l.Channel()
		return err
	})
	return ch, err
}

// connect makes a session: connections, exchanges, pipelines, and a first
// message, confirmed.
func (b *Broker) connect(ctx context.Context) (_ *session, err error) {
	s := &session{
		b: b, gate: newGate(),
		jobs: make(chan *job), done: make(chan struct{}),
		ready: make(map[string]bool),
	}
	defer func() {
		if err != nil {
			s.fail(err)
			s.end()
		}
	}()
	if s.sub, err = b.dial(ctx, "consume"); err != nil {
		return nil, err
	}
	if s.pub, err = b.dial(ctx, "publish"); err != nil {
		s.sub.raw.Close()
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { s.fail(context.Cause(ctx)) })
	defer stop()
	b.mu.Lock()
	b.status.Epoch++
	s.epoch = b.status.Epoch
	b.mu.Unlock()
	s.tag = b.id[:8] + "-" + strconv.FormatUint(s.epoch, 10) + "-"
	s.watch()
	s.run(s.administer)
	if err = s.topology(ctx); err != nil {
		return nil, err
	}
	if s.feed, err = newPipeline(s, "e"); err != nil {
		return nil, err
	}
	if s.work, err = newPipeline(s, "w"); err != nil {
		return nil, err
	}
	if err = s.probe(ctx); err != nil {
		return nil, err
	}
	if err = b.known.listen(ctx, s); err != nil {
		return nil, err
	}
	s.run(func() { b.out.feed(s) })
	return s, nil
}

// watch ends s with either connection, and notes when it is blocked.
func (s *session) watch() {
	blocked := s.pub.NotifyBlocked(make(chan amqp.Blocking, 4))
	s.run(func() {
		for {
			select {
			case err := <-s.pub.closed:
				s.fail(closedBy(err))
			case err := <-s.sub.closed:
				s.fail(closedBy(err))
			case e, ok := <-blocked:
				if !ok {
					blocked = nil
					continue
				}
				s.b.block(s, e.Active, e.Reason)
			case <-s.done:
				return
			}
		}
	})
}

// probe publishes a message to nobody. It shows that the broker takes messages,
// from this user: that it takes none is only said to who has sent one.
func (s *session) probe(ctx context.Context) error {
	if !s.b.noUser {
		s.user = s.pub.user
	}
	m := &publishing{exchange: s.b.top.events, msg: amqp.Publishing{Type: typeProbe}}
	if err := s.feed.start(ctx, m); err != nil {
		return err
	}
	select {
	case <-s.gate.closing():
		return nil // the session is of use for consuming
	case err := <-m.done:
		if s.user != "" && hasCode(s.err(), amqp.PreconditionFailed) {
			s.b.noUser = true
			return errUserID
		}
		if s.over() {
			return s.err()
		}
		return err
	}
}

// shutdown gives what was sent a while to be confirmed, and closes the
// connections in order.
func (s *session) shutdown() {
	limit := time.NewTimer(closeTimeout)
	defer limit.Stop()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for quiet := false; !quiet; {
		select {
		case <-look.C:
			quiet = s.b.out.empty() && s.work.pending.Load() == 0 && s.feed.pending.Load() == 0
		case <-limit.C:
			quiet = true
		case <-s.done:
			return
		}
	}
	if s.finish(errStopped) {
		watchdog := time.AfterFunc(closeTimeout, s.cut)
		defer watchdog.Stop()
		s.pub.Close() // whatever it returns, it is closed then
		s.sub.Close()
		s.cut()
	}
}
