package chat

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Session is one live connection of a user. It receives the events of all
// rooms that the user is a member of, in order and without gaps for each room,
// and what else concerns the user.
//
// Its queue is bounded by [Limits].SessionBytes. When it is full, events are not
// lost: the rooms fall back to being read from the log as the queue empties.
// Notices are dropped then. All methods may be called concurrently, but only
// one goroutine may receive.
type Session struct {
	node  *Node
	user  UserID
	wake  func()
	done  chan struct{}
	ready chan struct{} // signalled when the queue is no longer empty; without wake
	space chan struct{} // signalled when the queue has space again

	mu        sync.Mutex
	welcome   Welcome
	principal Principal
	entered   bool  // Connect has given it its places
	joined    bool  // a room since Connect began
	rev       int64 // the user's rooms revision that the subs stand for
	subs      []*sub
	queue     []*Delivery
	head      int // of queue
	bytes     int // queued
	behind    []*sub
	typed     map[RoomID]time.Time // when the user was last said to type
	pumping   bool
	err       error
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
	w := s.welcome
	s.welcome.Rooms = nil
	return w
}

// Principal returns who the session belongs to.
func (s *Session) Principal() Principal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.principal
}

// Take appends queued deliveries to buf, as many as fit into about maxBytes
// but at least one if there is any, and returns it. It does not block. After
// the session has ended it still returns what was queued before.
func (s *Session) Take(buf []*Delivery, maxBytes int) []*Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	for taken := 0; s.head < len(s.queue); s.head++ {
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
	if s.head == len(s.queue) {
		s.head, s.queue = 0, s.queue[:0]
		if cap(s.queue) > 64 {
			s.queue = nil // a quiet session keeps no memory of a loud moment
		}
	} else if s.head > 64 {
		s.queue = slices.Delete(s.queue, 0, s.head)
		s.head = 0
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
// while outcomes piled up.
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
	s.err = err
	entered := s.entered
	close(s.done)
	subs := slices.Clone(s.subs)
	s.mu.Unlock()
	s.node.directory.remove(s)
	if entered {
		s.node.trace.Disconnected(err)
	}
	for _, p := range subs {
		p.room.mu.Lock()
		p.room.detach(p)
		p.room.mu.Unlock()
	}
	if entered {
		s.node.went(s, roomsOf(subs))
	}
	if s.wake != nil {
		s.wake()
	}
}

// waiting returns how many bytes are queued.
func (s *Session) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

// push queues d. It returns false when the queue is full and force is not set,
// and then d must be found elsewhere by the session.
func (s *Session) push(d *Delivery, force bool) bool {
	n := d.size()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return true // nobody waits for it any more
	}
	if !force && s.bytes > 0 && s.bytes+n > s.node.limits.SessionBytes {
		return false
	}
	s.queue = append(s.queue, d)
	s.bytes += n
	if s.head == len(s.queue)-1 {
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

// adopt adds a place in a room; false when the session has ended.
func (s *Session) adopt(p *sub) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false
	}
	i, found := s.find(p.room.id)
	if !found {
		s.subs = slices.Insert(s.subs, i, p)
	}
	return !found
}

// disown removes a place in a room.
func (s *Session) disown(p *sub) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, found := s.find(p.room.id); found && s.subs[i] == p {
		s.subs = slices.Delete(s.subs, i, i+1)
	}
}

// subOf returns the session's place in a room, or nil.
func (s *Session) subOf(room RoomID) *sub {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, found := s.find(room); found {
		return s.subs[i]
	}
	return nil
}

// roomIDs returns some of the rooms that the session has places in.
func (s *Session) roomIDs() []RoomID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return roomsOf(s.subs)
}

func roomsOf(subs []*sub) []RoomID {
	ids := make([]RoomID, 0, min(len(subs), presenceRooms))
	for _, p := range subs[:cap(ids)] {
		ids = append(ids, p.room.id)
	}
	return ids
}

func (s *Session) find(room RoomID) (int, bool) {
	return slices.BinarySearchFunc(s.subs, room, func(p *sub, id RoomID) int {
		return strings.Compare(string(p.room.id), string(id))
	})
}
