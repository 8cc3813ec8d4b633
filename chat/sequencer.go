package chat

import (
	"slices"
	"sync"
	"time"
)

const (
	holdTime = 50 * time.Millisecond // how long an event waits for the ones before it
	holdMax  = 256                   // how many wait; later ones are read from the log
)

// sequencer is a hosted room: it puts what this node learns of the room, from
// its own commits, from other nodes and from the log, into the order of the
// log, once each, and hands it to the local sessions.
//
// Lock order: Node.mu, sequencer.mu, directory.mu, Session.mu.
type sequencer struct {
	node *Node
	id   RoomID

	mu       sync.Mutex
	applied  Seq // everything up to here was handed out
	access   Seq // the last event up to applied that changed who may do what
	known    bool
	kind     RoomKind // kind and archived hold when known
	archived bool
	held     []*Delivery // later than applied+1, sorted
	want     Seq         // the log is known to reach this
	fetching bool        // the log is being read for it
	subs     []*sub
	idle     time.Time // since when there are no subs
	gone     bool      // hosted no more; whoever holds it asks again
}

// sub is one session's place in one room. Fields other than the first two are
// guarded by the sequencer's mu.
type sub struct {
	session *Session
	room    *sequencer
	cursor  Seq   // the last event that the session was handed; not kept current while live
	since   Seq   // the access seq that the place and its role come from: older changes of them are no news
	index   int32 // in room.subs; -1 when detached
	role    roleCode
	live    bool
}

type roleCode uint8

func codeOf(r Role) roleCode {
	switch r {
	case Owner:
		return 1
	case Admin:
		return 2
	}
	return 3
}

func (c roleCode) role() Role { return [...]Role{"", Owner, Admin, Participant}[c] }

// offer takes events of the room in any order, with repeats and holes. It
// returns false when the room is hosted no more.
func (r *sequencer) offer(ds []*Delivery) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return false
	}
	for _, d := range ds {
		switch seq := d.Event.Seq; {
		case seq <= r.applied:
		case seq == r.applied+1:
			r.apply(d)
			r.applyHeld()
		default:
			r.hold(d)
		}
	}
	if len(r.held) > 0 {
		r.fetch(holdTime)
	}
	return true
}

func (r *sequencer) applyHeld() {
	n := 0
	for n < len(r.held) && r.held[n].Event.Seq <= r.applied+1 {
		if r.held[n].Event.Seq == r.applied+1 {
			r.apply(r.held[n])
		}
		n++
	}
	if n > 0 {
		r.held = slices.Delete(r.held, 0, n)
	}
}

func (r *sequencer) hold(d *Delivery) {
	i, found := slices.BinarySearchFunc(r.held, d.Event.Seq, func(h *Delivery, seq Seq) int {
		return int(h.Event.Seq) - int(seq)
	})
	if !found && len(r.held) < holdMax {
		r.held = slices.Insert(r.held, i, d)
	}
	r.want = max(r.want, d.Event.Seq)
}

// notice is told that the log reaches head.
func (r *sequencer) notice(head Seq) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if head > r.applied && !r.gone {
		r.want = max(r.want, head)
		r.fetch(0)
	}
}

// fetch has the missing part read from the log after a delay, unless that is
// under way. r.mu is held.
func (r *sequencer) fetch(delay time.Duration) {
	if !r.fetching {
		r.fetching = r.node.spawn(func() { r.node.fill(r, delay) })
	}
}

// apply hands out the next event. r.mu is held.
func (r *sequencer) apply(d *Delivery) {
	e := d.Event
	r.applied = e.Seq
	if changesAccess(e.Kind) {
		r.access = e.Seq
	}
	switch e.Kind {
	case Archived:
		r.archived = !e.Off
	case Joined, RoleChanged:
		// A member of whom this node has sessions: they are part of the room
		// from this event on, whoever tells them so.
		for _, s := range r.node.directory.sessions(e.Target.ID) {
			if p := s.subOf(r.id); p != nil {
				if p.since < e.Seq {
					p.role, p.since = codeOf(e.Role), e.Seq
				}
			} else if e.Kind == Joined && !s.joinLater() {
				r.attach(s, e.Role, e.Seq, e.Seq-1, true)
			}
		}
	}
	for _, p := range r.subs {
		if p.live && p.cursor < e.Seq && !p.session.push(d, false) {
			p.live, p.cursor = false, e.Seq-1
			p.session.fallBehind(p)
		}
	}
	if e.Kind == Left || e.Kind == Banned && !e.Off {
		r.expel(e.Target.ID, d)
	}
}

// expel ends the place of a user who is no longer a member. The removal is the
// last event that the user's sessions get, also those that were still being
// brought up to date. r.mu is held.
func (r *sequencer) expel(user UserID, d *Delivery) {
	for _, s := range r.node.directory.sessions(user) {
		p := s.subOf(r.id)
		if p == nil || p.cursor >= d.Event.Seq || p.since > d.Event.Seq {
			continue // a member again at a later position
		}
		if !p.live {
			if e := d.Event; e.Seq > p.cursor+1 {
				s.push(&Delivery{Gap: &Gap{Room: r.id, After: p.cursor, Head: e.Seq - 1, Floor: p.cursor + 1}}, true)
			}
			s.push(d, true)
		}
		r.detach(p)
	}
}

// attach gives s a place in the room. Live sessions must be at the position
// applied, or beyond it. r.mu is held.
func (r *sequencer) attach(s *Session, role Role, since, cursor Seq, live bool) {
	p := &sub{session: s, room: r, cursor: cursor, since: since, index: int32(len(r.subs)), role: codeOf(role), live: live}
	if !s.adopt(p) {
		return // it has ended
	}
	r.subs = append(r.subs, p)
	if !live {
		s.fallBehind(p)
	}
}

// detach ends a place in the room. r.mu is held.
func (r *sequencer) detach(p *sub) {
	if p.index < 0 {
		return
	}
	last := len(r.subs) - 1
	r.subs[p.index] = r.subs[last]
	r.subs[p.index].index = p.index
	r.subs[last] = nil
	r.subs = r.subs[:last]
	p.index, p.live = -1, false
	p.session.disown(p)
	if last == 0 {
		r.subs, r.idle = nil, time.Now()
	}
}

// learn takes in a snapshot of the room that may be older or newer than what
// was applied. r.mu is held.
func (r *sequencer) learn(sn Snapshot) {
	if sn.Access == r.access && !r.known {
		r.known, r.kind, r.archived = true, sn.Info.Kind, sn.Info.Archived
	}
}

// changesAccess reports whether events of kind k change who may do what.
func changesAccess(k EventKind) bool {
	switch k {
	case Message, Edited, Deleted, Reacted, Renamed, Updated:
		return false
	}
	return true
}
