package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carlware/gochat/internal/text"
)

// Admit implements [Hub].
func (n *Node) Admit(ctx context.Context, p Principal) error {
	if err := n.open(); err != nil {
		return err
	}
	if err := n.admit(ctx, p); err != nil {
		return fmt.Errorf("chat: admit %q: %w", p.User.ID, err)
	}
	return nil
}

func (n *Node) admit(ctx context.Context, p Principal) error {
	if !p.Expires.IsZero() && !time.Now().Before(p.Expires) {
		return ErrExpired
	}
	if n.revoked.ended(p) {
		return ErrRevoked
	}
	if k, ok := n.names.get(p.User.ID); ok && k.admitted && k.user == p.User {
		return nil
	}
	if err := checkUserID(p.User.ID); err != nil {
		return err
	}
	if p.User.ID == System || strings.HasPrefix(string(p.User.ID), "bot:") && !p.User.Bot {
		return badRequest("user", "The user id %q is reserved.", p.User.ID)
	}
	if err := text.CheckName(p.User.Name); err != nil {
		return input("name", "The user's name", err)
	}
	if err := n.store.PutUsers(ctx, []User{p.User}); err != nil {
		return err
	}
	if n.lobby != "" && !p.User.Bot {
		if err := n.enterLobby(ctx, p.User); err != nil {
			return err
		}
	}
	n.names.put(p.User, true)
	return nil
}

// Connect implements [Hub].
func (n *Node) Connect(ctx context.Context, p Principal, o *SessionOptions) (*Session, error) {
	if err := n.open(); err != nil {
		return nil, err
	}
	var opt SessionOptions
	if o != nil {
		opt = *o
	}
	if err := n.admit(ctx, p); err != nil {
		return nil, fmt.Errorf("chat: connect %q: %w", p.User.ID, err)
	}
	s := &Session{
		node:      n,
		user:      p.User.ID,
		wake:      opt.Wake,
		done:      make(chan struct{}),
		principal: p,
	}
	if s.wake == nil {
		s.ready = make(chan struct{}, 1)
	}
	// First be there for what is committed from now on, then read what was:
	// in the other order an event between the two would be lost.
	n.directory.add(s)
	if err := n.enter(ctx, s, opt); err != nil {
		s.end(ErrClosed)
		return nil, fmt.Errorf("chat: connect %q: %w", p.User.ID, err)
	}
	if err := n.open(); err != nil { // Shutdown may have passed between
		s.end(ErrClosed)
		return nil, err
	}
	if n.revoked.ended(p) { // and so may a revocation
		s.end(ErrRevoked)
		return nil, fmt.Errorf("chat: connect %q: %w", p.User.ID, ErrRevoked)
	}
	n.came(s)
	return s, nil
}

// enter gives a new session its places in all rooms of its user.
func (n *Node) enter(ctx context.Context, s *Session, opt SessionOptions) error {
	epoch := *n.epoch.Load()
	commits := n.commits.Load()
	inbox, err := n.store.Inbox(ctx, s.user)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.rev = inbox.Rev
	s.seats = slices.Grow(s.seats, len(inbox.Rooms))
	s.epoch, s.began = epoch, time.Now().UTC().Truncate(time.Millisecond)
	s.mu.Unlock()

	budget := n.limits.ReplayTotal
	hosted := map[RoomID]Seq{}
	rooms := inbox.Rooms[:0]
	for _, e := range inbox.Rooms {
		cursor := n.resume(s, opt, epoch, &e, &budget)
		made, member, err := n.settleIn(ctx, s, e, cursor)
		if err != nil {
			return err
		}
		if made {
			hosted[e.ID] = e.Head
		}
		if member {
			rooms = append(rooms, e)
		}
	}
	s.mu.Lock()
	s.inbox = rooms
	s.mu.Unlock()
	// Rooms that were hosted from the inbox know nothing of what was
	// committed between the two. If anything was, ask once for all of them.
	if len(hosted) > 0 && n.commits.Load() != commits {
		heads, err := n.store.Heads(ctx, hosted)
		if err != nil {
			return err
		}
		for id, head := range heads {
			if r := n.hosted(id); r != nil {
				r.notice(head)
			}
		}
	}
	n.calls.remind(ctx, s)
	s.mu.Lock()
	s.entered = s.err == nil
	entered, joined := s.entered, s.joined
	s.mu.Unlock()
	if entered {
		n.trace.Connected() // for from here on its end is traced
	}
	if joined { // perhaps after the inbox was read
		return n.reconcile(ctx, s)
	}
	return nil
}

// resume decides after which event of a room the session goes on, and tells it
// of what it will not get.
func (n *Node) resume(s *Session, opt SessionOptions, epoch string, e *InboxEntry, budget *int) Seq {
	last, listed := opt.Rooms[e.ID]
	if !listed {
		return e.Head
	}
	gap := Gap{Room: e.ID, After: last, Head: e.Head, Floor: max(e.Floor, e.VisibleFrom)}
	switch {
	case opt.Epoch != epoch || last > e.Head:
		// What the client has is not of this log.
		gap.After, gap.Reset = 0, true
	case e.Head-last > Seq(n.limits.Replay) || int(e.Head-last) > *budget:
	default:
		*budget -= int(e.Head - last)
		if e.VisibleFrom > last+1 {
			// The room hides what was before the latest join: the log goes
			// on with the join.
			return e.VisibleFrom - 1
		}
		return last
	}
	s.push(&Delivery{Gap: &gap}, true)
	return e.Head
}

// settleIn gives s a place in the room of e, from cursor on, if the user still
// is a member. made reports whether the room had not been hosted before.
func (n *Node) settleIn(ctx context.Context, s *Session, e InboxEntry, cursor Seq) (made, member bool, err error) {
	for {
		r, isNew := n.host(e.ID, func(r *sequencer) {
			r.applied, r.access = e.Head, e.Access
			r.known, r.kind, r.archived = true, e.Kind, e.Archived
		})
		made = made || isNew
		r.mu.Lock()
		if r.gone {
			r.mu.Unlock()
			continue
		}
		if r.access > e.Access {
			// Who is a member has changed since the inbox was read; the
			// change may have been this user's.
			told := r.access
			r.mu.Unlock()
			sn, err := n.store.Snapshot(ctx, e.ID, []UserID{s.user})
			if err != nil {
				return made, false, err
			}
			if sn.Access < told {
				return made, false, errors.Join(ErrEpoch, n.beginAnew(ctx, s.epoch))
			}
			m, ok := sn.Members[s.user]
			if !ok || m.Banned {
				return made, false, nil
			}
			e.Access, e.Role, e.Kind, e.Archived, e.Head = sn.Access, m.Role, sn.Info.Kind, sn.Info.Archived, max(e.Head, sn.Info.Head)
			continue
		}
		r.attach(s, e.Role, e.Access, cursor, cursor >= r.applied)
		if e.Head > r.applied {
			r.want = max(r.want, e.Head)
			r.fetch(0)
		}
		r.mu.Unlock()
		return made, true, nil
	}
}
