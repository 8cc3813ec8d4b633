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
	subs     []sub       // in no order
	idle     time.Time   // since when there are no subs
	gone     bool        // hosted no more; whoever holds it asks again
}

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
			if p := r.subOf(s); p != nil {
				if p.since.seq() < e.Seq {
					p.role, p.since = codeOf(e.Role), short(e.Seq)
				}
			} else if e.Kind == Joined && !s.joinLater() {
				r.attach(s, e.Role, e.Seq, e.Seq-1, true)
			}
		}
	}
	live := 0
	for i := range r.subs {
		p := &r.subs[i]
		if !p.live || p.cursor.seq() >= e.Seq {
			continue
		}
		if p.session.push(d, false) {
			live++
		} else {
			p.live, p.cursor = false, short(e.Seq-1)
			p.session.fallBehind(r)
		}
	}
	r.node.trace.Delivered(live)
	if e.Kind == Left || e.Kind == Banned && !e.Off {
		r.expel(e.Target.ID, d)
	}
}

// expel ends the place of a user who is no longer a member. The removal is the
// last event that the user's sessions get, also those that were still being
// brought up to date. r.mu is held.
func (r *sequencer) expel(user UserID, d *Delivery) {
	for _, s := range r.node.directory.sessions(user) {
		p := r.subOf(s)
		if p == nil || p.cursor.seq() >= d.Event.Seq || p.since.seq() > d.Event.Seq {
			continue // a member again at a later position
		}
		if !p.live {
			if e, cursor := d.Event, p.cursor.seq(); e.Seq > cursor+1 {
				s.push(&Delivery{Gap: &Gap{Room: r.id, After: cursor, Head: e.Seq - 1, Floor: cursor + 1}}, true)
			}
			s.push(d, true)
		}
		r.detach(s)
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
