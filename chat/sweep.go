package chat

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	sweepEvery  = 2 * time.Second
	expireGrace = time.Second // the asking node's own timer comes first
	expireLimit = 100
)

// sweepSoon has the next sweep begin at once.
func (n *Node) sweepSoon() {
	select {
	case n.sweepNow <- struct{}{}:
	default:
	}
}

// suspectEpoch is told of a sign that the store is not the one it was.
func (n *Node) suspectEpoch() { n.sweepSoon() }

// sweepLoop makes this node find out from the store whatever no one told it:
// events whose publisher died, memberships, overdue calls. So the chat is at
// most one sweep late when the broker is gone, and never wrong.
func (n *Node) sweepLoop() {
	ctx, cancel := n.untilStop()
	defer cancel()
	n.sweep(ctx)
	for {
		wait := sweepEvery - sweepEvery/10 + rand.N(sweepEvery/5)
		select {
		case <-time.After(wait):
		case <-n.sweepNow:
		case <-n.stop:
			return
		}
		n.sweep(ctx)
	}
}

func (n *Node) sweep(ctx context.Context) {
	began := time.Now()
	var failed error
	for _, step := range []func(context.Context) error{n.sweepEpoch, n.sweepRevocations, n.sweepHeads, n.sweepMemberships, n.calls.expire} {
		err := n.sweepStep(ctx, step)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			n.log.Warn("chat: sweep", "err", err)
			failed = errors.Join(failed, err)
		}
	}
	n.trace.Swept(time.Since(began), failed)
	now := time.Now()
	n.dropIdle(now)
	n.revoked.forget(now)
	n.limiter.forget(now)
}

// sweepStep takes one step of a sweep. One that fails does not keep the others
// from being taken, so each has its own time.
func (n *Node) sweepStep(ctx context.Context, step func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return step(ctx)
}

// sweepEpoch compares the epoch with the store's.
func (n *Node) sweepEpoch(ctx context.Context) error {
	epoch, err := n.store.RotateEpoch(ctx, "")
	if err == nil && epoch != *n.epoch.Load() {
		n.begin(epoch)
	}
	return err
}

// beginAnew is for when this node has handed out, in the epoch old, what the
// store does not have: it is an older copy. Nothing may be added to it in that
// epoch.
func (n *Node) beginAnew(ctx context.Context, old string) error {
	epoch, err := n.store.RotateEpoch(ctx, old)
	if err == nil && epoch != *n.epoch.Load() {
		n.begin(epoch)
	}
	return err
}

// begin drops all that was known of the store's former life. Sessions end;
// their clients come back and page again.
func (n *Node) begin(epoch string) {
	n.log.Warn("chat: the store has a new epoch, all sessions begin again")
	n.epoch.Store(&epoch)
	for _, s := range n.directory.everyone() {
		s.end(ErrEpoch)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, r := range n.rooms {
		r.mu.Lock()
		r.gone = true
		r.mu.Unlock()
		delete(n.rooms, id)
	}
}

// sweepHeads compares the hosted rooms with their logs, in one query.
func (n *Node) sweepHeads(ctx context.Context) error {
	rooms := n.hostedRooms()
	if len(rooms) == 0 {
		return nil
	}
	old := *n.epoch.Load()
	known := make(map[RoomID]Seq, len(rooms))
	for _, r := range rooms {
		r.mu.Lock()
		known[r.id] = r.applied
		r.mu.Unlock()
	}
	heads, err := n.store.Heads(ctx, known)
	if err != nil || len(heads) == 0 {
		return err
	}
	for _, r := range rooms {
		head, moved := heads[r.id]
		switch {
		case !moved:
		case head < known[r.id]:
			return n.beginAnew(ctx, old)
		default:
			r.notice(head)
		}
	}
	return nil
}

// sweepMemberships finds users who were made members where this node hosts
// nothing, and nobody told it.
func (n *Node) sweepMemberships(ctx context.Context) error {
	users := n.directory.connected()
	if len(users) == 0 {
		return nil
	}
	revs, err := n.store.RoomsRevs(ctx, users)
	if err != nil {
		return err
	}
	for _, u := range users {
		for _, s := range n.directory.sessions(u) {
			s.mu.Lock()
			same := s.rev == revs[u] || !s.entered
			s.mu.Unlock()
			if same {
				continue
			}
			if err := n.reconcile(ctx, s); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
	}
	return nil
}

// reconcile gives a session its places in rooms that it has none in. Places
// that are no more end by the rooms' logs.
func (n *Node) reconcile(ctx context.Context, s *Session) error {
	inbox, err := n.store.Inbox(ctx, s.user)
	if err != nil {
		return err
	}
	for _, e := range inbox.Rooms {
		if s.in(e.ID) {
			continue
		}
		if _, _, err := n.settleIn(ctx, s, e, e.Since-1); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.rev = inbox.Rev
	s.mu.Unlock()
	return nil
}
