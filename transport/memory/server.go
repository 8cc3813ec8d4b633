package memory

import (
	"sync"

	"github.com/carlware/gochat/transport"
)

// server is what the connections share. One mutex guards all of it, and the
// state of the connections too: no operation under it takes longer than
// walking one bounded queue, and none calls out.
type server struct {
	o Options

	mu        sync.Mutex
	conns     int
	subs      map[string]map[*subscriber]struct{} // by store
	queues    map[address]*queue
	announced announcements
	dead      []DeadLetter
	stats     Stats // the counters only
}

// address names a queue: of requests by bot and command, of results by store.
type address struct{ store, bot, command string }

func newServer(o Options) *server {
	return &server{
		o:         o,
		subs:      make(map[string]map[*subscriber]struct{}),
		queues:    make(map[address]*queue),
		announced: newAnnouncements(),
	}
}

func (s *server) connect() *Broker {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns++
	return &Broker{
		srv:        s,
		done:       make(chan struct{}),
		status:     transport.Status{State: transport.Up, Epoch: 1},
		changed:    newSignal(),
		subs:       make(map[*subscriber]struct{}),
		consumers:  make(map[*consumer]struct{}),
		announcing: make(map[*announcement]struct{}),
	}
}

// disconnect is called once by each connection, after its last call returned.
// The last one stops all timers: nothing is left to be delivered to.
func (s *server) disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns--
	if s.conns > 0 {
		return
	}
	for _, q := range s.queues {
		q.drop()
	}
	clear(s.queues)
	s.announced.drop()
}

// queue returns the queue at a, made if need be. The caller holds mu.
func (s *server) queue(a address) *queue {
	if q := s.queues[a]; q != nil {
		return q
	}
	q := &queue{mu: &s.mu, limit: s.o.Requests, maxBytes: s.o.QueueBytes, expired: &s.stats.RequestsExpired}
	if a.store != "" {
		q.limit, q.expired = s.o.Results, &s.stats.ResultsExpired
	}
	q.forget = func() {
		if s.queues[a] == q {
			delete(s.queues, a)
		}
	}
	s.queues[a] = q
	return q
}

// consume lets c take part in the queue at a.
func (s *server) consume(a address, c *consumer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.q = s.queue(a)
	c.running = make(map[*delivery]struct{})
	c.q.add(c)
}

// leave gives c no more messages.
func (s *server) leave(c *consumer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.q.remove(c)
	c.q.tidy()
}

// finish waits for the handlers of c, which has left.
func (s *server) finish(c *consumer) {
	c.wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(c.b.consumers, c)
}

// signal wakes everybody who waits for a change.
type signal struct {
	ch      chan struct{} // closed and replaced by raise
	version uint64        // how often it was raised
}

func newSignal() signal { return signal{ch: make(chan struct{})} }

func (s *signal) raise() {
	close(s.ch)
	s.ch = make(chan struct{})
	s.version++
}
