package chattest

import (
	"fmt"

	"github.com/carlware/gochat/chat"
)

// place is how far a client is in one room: what it may be given next.
type place struct {
	in     bool     // its user is a member, as far as it was told
	at     chat.Seq // what it was given, or told that it will not be, reaches this
	member chat.Seq // its welcome said that its user is a member here: a removal before is history

	// removed: the last that it was given was the removal of its user, or what
	// followed it: a session that reads on from the log when its user has come
	// back may be given what was said meanwhile. away is the first such event,
	// until the user's joined event shows that it was so.
	removed bool
	away    chat.Seq

	// foreign: what the client came back with is not of this log, so that the
	// first it is told of the room is a reset.
	foreign bool
}

// welcomed is the place that a room of the welcome begins with.
func welcomed(w *chat.Welcome, e *chat.InboxEntry, o *chat.SessionOptions) place {
	p := place{in: true, at: e.Head, member: e.Head}
	if o != nil {
		if last, listed := o.Rooms[e.ID]; listed {
			p.at, p.foreign = last, o.Epoch != w.Epoch || last > e.Head
		}
	}
	return p
}

// fault is what is wrong with something that a client was given.
type fault struct{ rule, says string }

// The rules that a history is held to.
const (
	ruleKept    = "accepted means kept"
	ruleOnce    = "once"
	ruleOrder   = "one order"
	ruleGaps    = "no gaps"
	ruleAccess  = "the log decides access"
	ruleOutcome = "a command ends once"
	ruleEpoch   = "one epoch"
)

// event takes in an event. joins and leaves say that it begins or ends the
// membership of the client's own user. It returns nil when it was in its place.
func (p *place) event(seq chat.Seq, joins, leaves bool) *fault {
	was := *p
	p.in, p.at, p.foreign = !leaves || seq < p.member, max(p.at, seq), false
	p.removed, p.away = leaves, 0
	switch {
	case was.foreign:
		return &fault{ruleEpoch, "what it came back with is not of this log, and it was not told to begin again"}
	case seq <= was.at:
		return &fault{ruleOnce, fmt.Sprintf("it had everything up to %d", was.at)}
	case joins && was.away != 0 && seq != was.at+1:
		return &fault{ruleAccess, fmt.Sprintf("it was given %d, from when its user was not a member, and not all that followed", was.away)}
	case joins: // whatever was before; that is not the client's to see
	case was.removed && !was.in && seq == was.at+1:
		p.in, p.removed, p.away = false, true, was.away
		if p.away == 0 {
			p.away = seq
		}
	case !was.in:
		return &fault{ruleAccess, "its user is not a member; a membership begins with the user's own joined event and ends with the removal"}
	case seq != was.at+1:
		return &fault{ruleGaps, fmt.Sprintf("the one before was %d, and no gap was told", was.at)}
	}
	return nil
}

// gap takes in a gap. One may be the first that a client hears of a room, if its
// user was added and much was said before its session could follow. What comes
// after a reset is of another log. A gap may begin where the user was let in
// again, if what was before is hidden: jumps says so, for the log to tell.
func (p *place) gap(g *chat.Gap) (jumps bool, f *fault) {
	was := *p
	p.in, p.at, p.foreign = true, g.Head, false
	p.removed, p.away = false, 0
	switch {
	case g.Reset && !was.foreign:
		return false, &fault{ruleEpoch, "it was told to begin again, but what it has is of this log"}
	case g.Reset:
	case was.foreign:
		return false, &fault{ruleEpoch, "what it came back with is not of this log, and it was not told to begin again"}
	case g.After < was.at:
		return false, &fault{ruleGaps, fmt.Sprintf("a gap after %d, but the event before was %d", g.After, was.at)}
	case g.Head <= g.After:
		return false, &fault{ruleGaps, "a gap that leaves nothing out"}
	}
	return was.in && !g.Reset && g.After > was.at, nil
}

// begins and ends report whether e begins or ends the membership of user.
func begins(e *chat.Event, user chat.UserID) bool {
	return e.Kind == chat.Joined && e.Target != nil && e.Target.ID == user
}

func ends(e *chat.Event, user chat.UserID) bool {
	return (e.Kind == chat.Left || e.Kind == chat.Banned && !e.Off) && e.Target != nil && e.Target.ID == user
}
