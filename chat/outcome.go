package chat

import (
	"context"
	"slices"
	"strings"
	"time"
)

// remindAge is how old an outcome may be to be told again at a connect.
const remindAge = 10 * time.Minute

// maxOutcomes is how many bytes of outcomes may wait for a session beyond what
// else may. One that has more does not read, and ends.
const maxOutcomes = 1 << 20

// maxTold is how many ended calls a node remembers to have told of; beyond it
// all are forgotten, and told again should their bots reply once more.
const maxTold = 4096

// finish tells everybody concerned how a stored call ended.
func (c *calls) finish(call Call) {
	c.mu.Lock()
	if len(c.told) >= maxTold {
		clear(c.told)
	}
	c.told[call.ID] = true
	c.mu.Unlock()
	o := outcomeOf(call)
	c.heard(call.User.ID, o)
	if c.n.broker != nil {
		c.n.enqueue(published{outcome: &outcomeTo{User: call.User.ID, Outcome: o}})
	}
	for _, seq := range call.Seqs {
		c.n.learn(call.Room, seq)
	}
}

// hasTold reports whether this node has told how a call ended.
func (c *calls) hasTold(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told[id]
}

// heard passes an outcome to whoever waits for it on this node.
func (c *calls) heard(user UserID, o Outcome) {
	c.mu.Lock()
	p := c.pending[o.Call]
	c.mu.Unlock()
	if p != nil {
		c.end(p, o)
	}
	d := &Delivery{Outcome: &o}
	for _, s := range c.n.directory.sessions(user) {
		if s.waiting() > c.n.limits.SessionBytes+maxOutcomes {
			s.end(ErrBusy)
		}
		s.push(d, true)
	}
}

// remind tells a new session of the user's recent outcomes, which an earlier
// session may have missed: the last of them, as many as a queue holds.
func (c *calls) remind(ctx context.Context, s *Session) {
	ended, err := c.n.store.EndedCalls(ctx, s.user, remindAge)
	if err != nil {
		c.n.log.Warn("chat: recent outcomes", "err", err)
		return
	}
	ds := make([]*Delivery, len(ended))
	first, size := len(ended), 0
	for i, call := range slices.Backward(ended) {
		o := outcomeOf(call)
		ds[i] = &Delivery{Outcome: &o}
		if size += ds[i].size(); size > c.n.limits.SessionBytes {
			break
		}
		first = i
	}
	for _, d := range ds[first:] {
		s.push(d, true)
	}
}

func outcomeOf(call Call) Outcome {
	o := Outcome{
		ID: call.Key, Call: call.ID, Room: call.Room, Status: call.Status,
		Text: strings.Join(call.Private, "\n"), Seqs: call.Seqs,
	}
	if call.Err != nil {
		o.Error = &Error{Code: call.Err.Code, Message: call.Err.Message}
	}
	return o
}

// expire ends the calls whose deadline nobody kept.
func (c *calls) expire(ctx context.Context) error {
	ended, err := c.n.store.ExpireCalls(ctx, expireGrace, expireLimit)
	for _, call := range ended {
		c.n.trace.Ended(call.Name, call.Status)
		c.finish(call)
	}
	return err
}
