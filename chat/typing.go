package chat

import (
	"fmt"
	"time"
)

// typingEvery is how often a user who goes on typing is told of.
const typingEvery = 3 * time.Second

// Typing tells the others in a room that the user is writing. It does nothing
// when it did so less than three seconds ago. What is told is lost easily;
// receivers forget it after some seconds. A room that the session has no place
// in is [ErrNotFound].
func (s *Session) Typing(room RoomID) error {
	if !s.in(room) {
		return fmt.Errorf("chat: typing in room %q: %w", room, ErrNotFound)
	}
	now := time.Now()
	s.mu.Lock()
	recent := now.Sub(s.typed[room]) < typingEvery
	if !recent {
		for id, at := range s.typed { // it holds a handful
			if now.Sub(at) >= typingEvery {
				delete(s.typed, id)
			}
		}
		if s.typed == nil {
			s.typed = map[RoomID]time.Time{}
		}
		s.typed[room] = now
	}
	user := s.principal.User
	s.mu.Unlock()
	if recent {
		return nil
	}
	notice := &Notice{Kind: Typing, In: room, User: &user}
	s.node.showTyping(notice)
	if s.node.broker != nil {
		s.node.enqueue(published{notice: &noticeTo{Notice: *notice}})
	}
	return nil
}

// showTyping tells the sessions here in the room In that a user is writing.
func (n *Node) showTyping(notice *Notice) {
	r := n.hosted(notice.In)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := n.crowded(r); k != nil {
		n.crowds.writes(k, notice.User.ID)
		return
	}
	r.tell(notice, notice.User.ID)
}

// tell gives a notice to the live sessions in the room, but those of a user.
// r.mu is held.
func (r *sequencer) tell(notice *Notice, but UserID) {
	d := &Delivery{Notice: notice}
	for i := range r.subs {
		if p := &r.subs[i]; p.live && p.session.user != but {
			p.session.push(d, false)
		}
	}
}
