package chattest

import (
	"slices"

	"github.com/carlware/gochat/chat"
)

type callID struct {
	user chat.UserID
	id   string
}

// call is what became of a command.
type call struct {
	client   *Client // who ran it first
	called   bool
	accepted bool
	epoch    string // of who was told
	outcome  *chat.Outcome
}

// Called says that the client is about to run a command with this id, for the
// first time or again.
func (c *Client) Called(id string) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if q := c.call(id); !q.called {
		q.called = true
		c.r.counts.Commands++
	}
}

// Accepted says that the client was told that the command is on its way: from now
// on it has to end.
func (c *Client) Accepted(id string) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	q := c.call(id)
	q.accepted, q.epoch = true, c.epoch
}

// Rejected says that the client was told that the command will not run, by any
// error but [chat.ErrOutcomeUnknown]. That ends a command, too: one that a node had
// accepted which then died may be rejected when it is sent again.
func (c *Client) Rejected(id string) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.call(id).accepted = false
}

// call returns what is known of a command. r.mu is held.
func (c *Client) call(id string) *call {
	k := callID{c.user, id}
	q := c.r.calls[k]
	if q == nil {
		q = &call{client: c}
		c.r.calls[k] = q
	}
	return q
}

// outcome takes in how a command ended. r.mu is held.
func (c *Client) outcome(o *chat.Outcome) {
	r := c.r
	q := c.call(o.ID)
	if !q.called {
		r.faults.add(c, ruleOutcome, o.Room, 0, "it was told how command %s ended, which its user did not run", o.ID)
	}
	if q.outcome == nil {
		kept := *o
		q.outcome, q.epoch = &kept, c.epoch
		r.counts.Outcomes++
	} else if q.epoch == c.epoch && show(q.outcome) != show(o) {
		r.faults.add(c, ruleOutcome, o.Room, answer(*o), "command %s ended as %s and as %s", o.ID, show(q.outcome), show(o))
	}
}

// checkCalls checks the ends of the commands. r.mu is held.
func (r *Recorder) checkCalls(v *violations, epoch string, online map[chat.UserID]bool) {
	for k, q := range r.calls {
		if q.epoch != "" && q.epoch != epoch {
			continue
		}
		o := q.outcome
		if o == nil {
			if q.accepted && online[k.user] {
				v.add(q.client, ruleOutcome, "", 0, "command %s was accepted and has not ended", k.id)
			}
			continue
		}
		l := r.logs[o.Room]
		if l == nil {
			continue
		}
		stored := l.calls[o.Call]
		var want []chat.Seq
		for _, seq := range o.Seqs {
			if seq >= l.floor {
				want = append(want, seq)
			}
		}
		if !slices.Equal(stored, want) {
			v.add(q.client, ruleOutcome, o.Room, answer(*o), "command %s ended %s with answers at %v, the log has them at %v", k.id, o.Status, o.Seqs, stored)
		}
	}
}
