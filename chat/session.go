package chat

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Session is one live connection of a user. It receives the events of all
// rooms that the user is a member of, in order and without gaps for each room,
// and what else concerns the user.
//
// Its queue is bounded by [Limits].SessionBytes, and so in number, because each
// delivery counts 256 bytes and its text. When it is full, events are not lost:
// the rooms fall back to being read from the log as the queue empties. Notices
// are dropped then. How long it may stay full is for the transport to say.
//
// All methods may be called concurrently, but only one goroutine may receive.
type Session struct {
	// What each delivery needs comes first and fills 64 bytes, one line of the
	// processor's cache: with very many sessions the wait for memory is most of
	// what a delivery costs.
	mu      sync.Mutex
	wake    func() // fixed
	queue   []*Delivery
	bytes   int           // queued
	space   chan struct{} // signalled when the queue has space again; while pumping
	head    int32         // of queue
	ended   bool          // err says why
	pumping bool

	node  *Node // fixed, as the next three
	user  UserID
	done  chan struct{}
	ready chan struct{} // signalled when the queue is no longer empty; without wake

	err       error
	epoch     string // at the beginning
	began     time.Time
	inbox     []InboxEntry // until the first Welcome
	principal Principal
	entered   bool                 // Connect has given it its places
	joined    bool                 // a room since Connect began
	rev       int64                // the user's rooms revision that the seats stand for
	seats     []seat               // in the order of the ids of their rooms
	behind    []*sequencer         // rooms to be read from the log
	typed     map[RoomID]time.Time // when the user was last said to type
}

type frame struct {
	once  sync.Once
	bytes []byte
}

// size is about how much memory and wire a delivery takes.
func (d *Delivery) size() int {
	const base = 256
	switch {
	case d.Event != nil:
		return base + len(d.Event.Text) + len(d.Event.Data)
	case d.Outcome != nil:
		return base + len(d.Outcome.Text)
	case d.Notice != nil:
		return base + len(d.Notice.Text)
	}
	return base
}

// Welcome returns what the session began with. The list of rooms is the
// caller's: a session keeps it for the first call only.
func (s *Session) Welcome() Welcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := Welcome{
		User: s.principal.User, Session: s.principal.Session, Epoch: s.epoch, Time: s.began, Limits: s.node.limits, Rooms: s.inbox,
	}
	s.inbox = nil
	return w
}

// Principal returns who the session belongs to.
func (s *Session) Principal() Principal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.principal
}

// Take appends queued deliveries to buf, as many as fit into about maxBytes
// but at least one if there is any, and returns it. It does not block. When
// something is left, SessionOptions.Wake is called again, from within Take.
// After the session has ended Take still returns what was queued before, and
// wakes until it has returned nothing.
func (s *Session) Take(buf []*Delivery, maxBytes int) []*Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(buf)
	for taken := 0; int(s.head) < len(s.queue); s.head++ {
		d := s.queue[s.head]
		n := d.size()
		if taken > 0 && taken+n > maxBytes {
			break
		}
		taken += n
		s.bytes -= n
		s.queue[s.head] = nil
		buf = append(buf, d)
	}
	if int(s.head) == len(s.queue) {
		s.head, s.queue = 0, s.queue[:0]
		if cap(s.queue) > 64 {
			s.queue = nil // a quiet session keeps no memory of a loud moment
		}
	} else if s.head > 64 {
		s.queue = slices.Delete(s.queue, 0, int(s.head))
		s.head = 0
	}
	if s.wake != nil && (len(s.queue) > 0 || s.ended && len(buf) > before) {
		s.wake()
	}
	if s.pumping && s.bytes <= s.node.limits.SessionBytes/2 {
		select {
		case s.space <- struct{}{}:
		default:
		}
	}
	return buf
}

// Next waits for one delivery. When the session has ended and its queue is
// empty it returns the error of [Session.Err]; when ctx ends, ctx's. It is for
// sessions without SessionOptions.Wake.
func (s *Session) Next(ctx context.Context) (*Delivery, error) {
	if s.wake != nil {
		panic("chat: Next on a session with SessionOptions.Wake")
	}
	var one [1]*Delivery
	for {
		if ds := s.Take(one[:0], 1); len(ds) > 0 {
			return ds[0], nil
		}
		select {
		case <-s.ready:
		case <-s.done:
			if ds := s.Take(one[:0], 1); len(ds) > 0 {
				return ds[0], nil
			}
			return nil, s.Err()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Extend replaces the time at which the authentication ends. p must be the
// same user and login, else it is [ErrForbidden].
func (s *Session) Extend(p Principal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.User.ID != s.principal.User.ID || p.Session != s.principal.Session {
		return fmt.Errorf("chat: extend session of %s: %w", s.principal.User.ID, ErrForbidden)
	}
	s.principal.Expires = p.Expires
	return nil
}

// Done is closed when the session has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err says why the session ended: nil while it lives, [ErrClosed] after Close
// or Shutdown, [ErrRevoked], [ErrEpoch], or [ErrBusy] when nobody received
// while outcomes piled up, or when the node was away from its store until the
// log had forgotten what it missed.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the session. Calling it again is a no-op.
func (s *Session) Close() error {
	s.end(ErrClosed)
	return nil
}

// end ends the session with err, the first time it is called.
func (s *Session) end(err error) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err, s.ended = err, true
	entered := s.entered
	close(s.done)
	seats := slices.Clone(s.seats)
	s.mu.Unlock()
	s.node.directory.remove(s)
	if entered {
		s.node.trace.Disconnected(err)
	}
	for _, p := range seats {
		p.room.mu.Lock()
		p.room.detach(s)
		p.room.mu.Unlock()
	}
	if entered {
		s.node.went(s, roomsOf(seats))
	}
	if s.wake != nil {
		s.wake()
	}
}

// waiting returns how many bytes are queued.
func (s *Session) waiting() int {
	_, bytes := s.Queued()
	return bytes
}

// Queued returns how many deliveries wait to be taken, and about how much
// memory they take; shared ones count for each session.
func (s *Session) Queued() (deliveries, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) - int(s.head), s.bytes
}

// push queues d. It returns false when the queue is full and force is not set,
// and then d must be found elsewhere by the session.
func (s *Session) push(d *Delivery, force bool) bool {
	n := d.size()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return true // nobody waits for it any more
	}
	if !force && s.bytes > 0 && s.bytes+n > s.node.limits.SessionBytes {
		return false
	}
	s.queue = append(s.queue, d)
	s.bytes += n
	if int(s.head) == len(s.queue)-1 {
		s.signal()
	}
	return true
}

// signal tells the receiver that the queue is not empty. s.mu is held.
func (s *Session) signal() {
	if s.wake != nil {
		s.wake()
		return
	}
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// joinLater reports whether the session is still being connected. Then Connect
// gives it its place in a room that its user just joined: it knows after which
// event the client wants to go on.
func (s *Session) joinLater() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joined = s.joined || !s.entered
	return !s.entered
}
