package chat

import (
	"context"
	"fmt"
	"time"
)

type callKey struct {
	user UserID
	key  string
}

// pending is a command whose outcome this node waits for.
type pending struct {
	id         string
	room       RoomID
	key        callKey
	hash       [16]byte
	name       string
	began      time.Time // zero unless this node was asked first
	deadline   time.Time
	again      chan struct{} // signalled when a request of unknown fate may be sent again
	begun      chan struct{} // closed when the call is stored, or runs in this process: it will end
	done       chan struct{} // closed when outcome or refused is set
	outcome    Outcome
	refused    error     // why it did not begin
	progress   int       // the last one told
	progressed time.Time // when
}

// PendingCall is a command on its way.
type PendingCall struct {
	// ID names the call.
	ID string
	// Timeout is how long the outcome takes at the most, from when the
	// command was accepted.
	Timeout time.Duration

	p    *pending
	stop <-chan struct{}
}

// Wait returns the outcome when it is known. When ctx ends before, it returns
// ctx's error; when the node is shut down, [ErrClosed]. The command goes on in
// either case.
func (c *PendingCall) Wait(ctx context.Context) (Outcome, error) {
	select {
	case <-c.p.done:
		return c.p.outcome, nil
	default:
	}
	select {
	case <-c.p.done:
		return c.p.outcome, nil
	case <-ctx.Done():
		return Outcome{}, ctx.Err()
	case <-c.stop:
		return Outcome{}, ErrClosed
	}
}

// join waits until the command of p has begun, by the request that asks for it
// or by an earlier one with the same id.
func (c *calls) join(ctx context.Context, p *pending, hash [16]byte) (*PendingCall, error) {
	if p.hash != hash {
		return nil, ErrIDReused
	}
	select {
	case <-p.begun:
	case <-p.done:
		if p.refused != nil {
			return nil, p.refused
		}
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, ctx.Err())
	}
	return &PendingCall{ID: p.id, Timeout: max(time.Until(p.deadline), 0), p: p, stop: c.n.stop}, nil
}

// track begins to wait for a call. A second one for the same key gets the
// first. It returns nil when the node has its fill of calls, unless forced.
func (c *calls) track(nc NewCall, force bool) (p *pending, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := callKey{nc.User.ID, nc.Key}
	if p := c.byKey[key]; p != nil {
		return p, false
	}
	full := len(c.pending)+c.abandoned >= c.n.limits.Calls ||
		c.users[nc.User.ID] >= c.n.limits.UserCalls && nc.User.ID != System
	if full && !force {
		return nil, false
	}
	c.users[nc.User.ID]++
	p = &pending{
		id: nc.ID, room: nc.Room, key: key, hash: nc.Hash, deadline: time.Now().Add(nc.Timeout),
		name: nc.Name, again: make(chan struct{}, 1), begun: make(chan struct{}), done: make(chan struct{}),
	}
	if !force {
		p.began = time.Now()
	}
	c.byKey[key], c.pending[nc.ID] = p, p
	return p, true
}

// drop stops waiting for a call. It reports whether anybody did.
func (c *calls) drop(p *pending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending[p.id] != p {
		return false
	}
	delete(c.pending, p.id)
	delete(c.byKey, p.key)
	if c.users[p.key.user]--; c.users[p.key.user] == 0 {
		delete(c.users, p.key.user)
	}
	return true
}

// refuse ends a call that has not begun.
func (c *calls) refuse(p *pending, err error) {
	if c.drop(p) {
		p.refused = err
		close(p.done)
	}
}

// end ends a call that has begun.
func (c *calls) end(p *pending, o Outcome) {
	if c.drop(p) {
		p.outcome = o
		close(p.done)
		if !p.began.IsZero() {
			c.n.trace.Answered(p.name, o.Status, time.Since(p.began))
		}
	}
}

// rename makes p wait for the stored call in place of its own.
func (c *calls) rename(p *pending, stored Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending[p.id] == p {
		delete(c.pending, p.id)
		p.id, p.deadline, p.began = stored.ID, time.Now().Add(stored.Remaining), time.Time{}
		c.pending[p.id] = p
	}
}
