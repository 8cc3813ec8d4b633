package chat

import (
	"context"
	"sync"
)

// Session is one live connection of a user. It receives the events of all
// rooms that the user is a member of, in order and without gaps for each room,
// and what else concerns the user.
//
// Its queue is bounded. When it is full, events are not dropped: the rooms
// fall back to being read from the log as the queue empties. Notices are
// dropped then. All methods may be called concurrently, but only one goroutine
// may receive.
type Session struct {
	node *Node
}

type frame struct {
	once  sync.Once
	bytes []byte
}

// Welcome returns what the session began with. The caller must not change it.
func (s *Session) Welcome() Welcome { panic("") }

// Principal returns who the session belongs to.
func (s *Session) Principal() Principal { panic("") }

// Take appends queued deliveries to buf, as many as fit into about maxBytes
// but at least one if there is any, and returns it. It does not block. After
// the session has ended it still returns what was queued before.
func (s *Session) Take(buf []*Delivery, maxBytes int) []*Delivery { panic("") }

// Next waits for one delivery. When the session has ended and its queue is
// empty it returns the error of [Session.Err], or [ErrClosed].
func (s *Session) Next(ctx context.Context) (*Delivery, error) { panic("") }

// Extend replaces the time at which the session expires. p must be the same
// user and login, else it is [ErrForbidden].
func (s *Session) Extend(p Principal) error { panic("") }

// Done is closed when the session has ended.
func (s *Session) Done() <-chan struct{} { panic("") }

// Err says why the session ended: nil while it lives, [ErrClosed] after
// Close or Shutdown, [ErrExpired], [ErrRevoked], or [ErrEpoch].
func (s *Session) Err() error { panic("") }

// Close ends the session. Calling it again is a no-op.
func (s *Session) Close() error { panic("") }
