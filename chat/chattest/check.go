package chattest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carlware/gochat/chat"
)

// Violation is one thing in a history that a chat must not do.
type Violation struct {
	Rule   string      // which promise is broken
	Client string      // whom it happened to; empty: what is wrong is the log
	Room   chat.RoomID // where; empty: in no room
	Seq    chat.Seq    // at which event; 0: at none
	Says   string      // what happened
}

// Error returns all of it in one line.
func (v *Violation) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", v.Rule)
	if v.Client != "" {
		fmt.Fprintf(&b, " client %s,", v.Client)
	}
	if v.Room != "" {
		fmt.Fprintf(&b, " room %s,", v.Room)
	}
	if v.Seq != 0 {
		fmt.Fprintf(&b, " seq %d,", v.Seq)
	}
	return strings.TrimSuffix(strings.TrimSuffix(b.String(), ","), ":") + ": " + v.Says
}

// violations are the first of them that were found.
type violations struct {
	all  []*Violation
	more int
}

// maxViolations is how many are kept: one fault is often seen by all clients.
const maxViolations = 20

func (v *violations) add(c *Client, rule string, room chat.RoomID, seq chat.Seq, format string, args ...any) {
	if len(v.all) == maxViolations {
		v.more++
		return
	}
	n := &Violation{Rule: rule, Room: room, Seq: seq, Says: fmt.Sprintf(format, args...)}
	if c != nil {
		n.Client = c.String()
	}
	v.all = append(v.all, n)
}

func (v *violations) err() error {
	if len(v.all) == 0 {
		return nil
	}
	var errs []error
	for _, n := range v.all {
		errs = append(errs, n)
	}
	if v.more > 0 {
		errs = append(errs, fmt.Errorf("chattest: and %d more", v.more))
	}
	return errors.Join(errs...)
}

// Check says whether a chat that keeps its promises can have this history. It
// returns nil, or up to 20 errors, joined, each a [*Violation]. It is called when
// everything is quiet: no request under way, and every client that is connected
// has what there is ([Client.At]); [Recorder.Log] was told the log of each room.
//
// What it looks for, by the name of the promise:
//
//	accepted means kept       an acknowledged event is in the log, at the place that was told; what was refused is not;
//	                          so what was acknowledged too early and then lost is found
//	once                      no id twice in a log, no event twice at a client, one place for all acknowledgements
//	one order                 every client has at a place what the log has there, and times never go back
//	no gaps                   a log has every number; each client too, from its join or its head on, but where a gap
//	                          was told; and in the end a connected client has everything, however slow it was
//	the log decides access    nobody is given what was said while not a member, nor anything after the removal; nobody
//	                          writes who is not a member
//	a command ends once       an accepted command has ended, the same way for everybody who is told; the answers that
//	                          it says are in the log, and no others; nobody else is told
//	one epoch                 connected clients are in one life of the store; who comes back from another one, or from
//	                          beyond the log, is told to begin again, and nobody else is
//
// A client that has come back to a room which it had left, and which does not hide
// what was before, may be given what was said meanwhile, before its joined event. What clients saw and were
// told in an earlier epoch must agree among them; it need not be in the log. A
// trimmed log is checked from its floor on.
func (r *Recorder) Check() error {
	r.begin()
	r.mu.Lock()
	defer r.mu.Unlock()
	v := violations{all: slices.Clone(r.faults.all), more: r.faults.more}
	epoch, online := r.lastEpoch(&v)
	for room, l := range r.logs {
		r.checkSeen(&v, lifeOfRoom{epoch, room}, l)
		for _, c := range r.clients {
			c.checkGiven(&v, lifeOfRoom{epoch, room}, l)
		}
	}
	r.checkRequests(&v, epoch)
	r.checkCalls(&v, epoch, online)
	slices.SortStableFunc(v.all, func(a, b *Violation) int {
		return cmp.Or(cmp.Compare(a.Room, b.Room), cmp.Compare(a.Seq, b.Seq))
	})
	return v.err()
}

// lastEpoch returns the epoch that the logs are of, and who is connected.
func (r *Recorder) lastEpoch(v *violations) (epoch string, online map[chat.UserID]bool) {
	online = map[chat.UserID]bool{}
	var first *Client
	for _, c := range r.clients {
		if !c.connected {
			continue
		}
		online[c.user] = true
		if first == nil {
			first = c
		} else if c.epoch != first.epoch {
			v.add(c, ruleEpoch, "", 0, "it is in epoch %s, %s in %s", c.epoch, first, first.epoch)
		}
	}
	return r.epoch, online
}

// checkSeen compares what clients were given with the log.
func (r *Recorder) checkSeen(v *violations, life lifeOfRoom, l *roomLog) {
	for seq, m := range r.seen[life] {
		e, there := l.at(seq)
		switch {
		case seq < l.floor: // trimmed since
		case !there:
			v.add(m.client, ruleKept, life.room, seq, "it was given what is not in the log, which ends at %d", l.head())
		case e.event != m.event || m.text != 0 && e.text != 0 && e.text != m.text:
			v.add(m.client, ruleOrder, life.room, seq, "it was given something else than the log has there, a %s by %s", e.kind, e.user)
		}
	}
}

// checkGiven checks that the client was given what is its to see, and no more.
func (c *Client) checkGiven(v *violations, life lifeOfRoom, l *roomLog) {
	if g := c.given[life]; g != nil {
		for _, run := range g.runs {
			for seq := max(run.first, l.floor); seq <= min(run.last, l.head()); seq++ {
				if !l.mayRead(c.user, seq) {
					v.add(c, ruleAccess, life.room, seq, "it was given what was said while its user was not a member (%s)", show(l.spans[c.user]))
					break
				}
				seq = l.skip(c.user, seq, run.last)
			}
		}
		for _, head := range g.gaps {
			if _, there := l.at(head); there && !l.member(c.user, head) {
				v.add(c, ruleAccess, life.room, head, "it was told of a gap that ends while its user was not a member")
			}
		}
		for _, seq := range g.jumps {
			if !l.info.Hides || !l.joins(c.user, seq) {
				v.add(c, ruleGaps, life.room, seq, "it was told of a gap from here on, and nothing of what is before")
			}
		}
	}
	p := c.places[life.room]
	if p != nil && p.away != 0 && c.epoch == life.epoch {
		v.add(c, ruleAccess, life.room, p.away, "it was given what followed the removal of its user, who did not come back")
	}
	if !c.connected || c.epoch != life.epoch || !l.isMember(c.user) {
		return
	}
	switch {
	case p == nil || !p.in:
		v.add(c, ruleGaps, life.room, l.head(), "its user is a member, and it was not given the room")
	case p.at < l.head():
		v.add(c, ruleGaps, life.room, p.at+1, "the log goes on to %d, and it was not given more than %d", l.head(), p.at)
	}
}

// joins reports whether a membership of user begins at seq.
func (l *roomLog) joins(user chat.UserID, seq chat.Seq) bool {
	return slices.ContainsFunc(l.spans[user], func(s run) bool { return s.first == seq })
}

// skip returns the last seq up to last for which the same holds as for seq.
func (l *roomLog) skip(user chat.UserID, seq, last chat.Seq) chat.Seq {
	for _, s := range l.spans[user] {
		if s.first <= seq && (s.last == 0 || seq <= s.last) {
			if s.last == 0 {
				return last
			}
			return min(last, s.last)
		}
	}
	return seq
}

// checkRequests compares what clients were told of their requests with the logs.
func (r *Recorder) checkRequests(v *violations, epoch string) {
	for k, q := range r.sends {
		l := r.logs[k.room]
		if l == nil {
			if q.acked && (q.epoch == "" || q.epoch == epoch) {
				v.add(q.client, ruleKept, k.room, q.seq, "request %s was acknowledged, and the room has no log", k.id)
			}
			continue
		}
		id := r.idHash(k.user, k.id)
		at, there := l.ids[id]
		switch {
		case q.acked && q.epoch != "" && q.epoch != epoch: // of an earlier life
		case q.acked && q.seq < l.floor: // trimmed since
		case q.acked && !there:
			v.add(q.client, ruleKept, k.room, q.seq, "request %s was acknowledged, and is not in the log", k.id)
		case q.acked && at != q.seq:
			v.add(q.client, ruleKept, k.room, q.seq, "request %s was acknowledged there, and is in the log at %d", k.id, at)
		case q.refused && !q.acked && there:
			v.add(q.client, ruleKept, k.room, at, "request %s was refused for certain, and is in the log", k.id)
		}
	}
	r.checkAuthors(v)
}

// checkAuthors finds messages that nobody sent, of users who tell what they send.
func (r *Recorder) checkAuthors(v *violations) {
	known := map[chat.UserID]bool{}
	sent := map[chat.RoomID]map[uint64]bool{}
	for k, q := range r.sends {
		if q.sent {
			known[k.user] = true
		}
		if sent[k.room] == nil {
			sent[k.room] = map[uint64]bool{}
		}
		sent[k.room][r.idHash(k.user, k.id)] = q.sent
	}
	for room, l := range r.logs {
		for i, e := range l.events {
			if e.kind == chat.Message && known[e.user] && !sent[room][e.id] {
				v.add(nil, ruleKept, room, l.floor+chat.Seq(i), "the log has a message by %s that none of its clients sent", e.user)
			}
		}
	}
}
