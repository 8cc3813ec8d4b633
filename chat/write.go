package chat

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// maxStale is how often a write is authorised again when the room's members
// change under it. When many join a room at once on several nodes, that is
// often.
const maxStale = 12

// afterStale waits before a write is authorised again after so many times that
// it was stale, and reports whether it should be. The waits are drawn from
// wider and wider ranges, up to 64 ms, so that nodes that are in each other's
// way part.
func afterStale(ctx context.Context, times int) bool {
	if times > maxStale {
		return false
	}
	if times == 1 {
		return ctx.Err() == nil
	}
	select {
	case <-time.After(rand.N(time.Millisecond << min(times, 6))):
		return true
	case <-ctx.Done():
		return false
	}
}

// intent is a request to store one event, before it is authorised.
type intent struct {
	by     UserID
	room   RoomID
	id     string
	hash   [16]byte
	action action

	target  UserID   // whom it is about
	also    []UserID // whose places make needs
	message Seq      // the message that it changes
	emoji   string   // of a reaction
	off     bool     // it is taken back

	snapshot bool // make needs a snapshot
	shown    bool // make shows it to Options.Intercept
}

// content is what a request wants to store. It is apart from its intent so
// that neither has to be allocated.
type content struct {
	check func() error                               // of what the sender wrote; may be nil
	make  func(by User, sn *Snapshot) (Write, error) // the event; sn may be nil without intent.snapshot
}

// errNothing says that a change would change nothing.
var errNothing = errors.New("chat: nothing to do")

// write authorises and stores an event. What the same id has stored before is
// the answer, whatever has become of rights, limits and rules since.
func (n *Node) write(ctx context.Context, in intent, what content) (_ Receipt, err error) {
	defer func() {
		if err != nil {
			n.trace.Refused(err)
		}
	}()
	if err := n.open(); err != nil {
		return Receipt{}, err
	}
	if err := checkKey(in.id); err != nil {
		return Receipt{}, err
	}
	began := time.Now()
	if in.shown && n.intercept != nil {
		// The host sees what is to be stored, once: not a resend.
		if e, hash, err := n.store.Find(ctx, in.room, in.by, in.id); err == nil && hash == in.hash {
			return n.receipt(Appended{e, true}, began), nil
		}
	}
	got, err := n.tryWrite(ctx, in, what, began)
	if err == nil {
		return n.receipt(got, began), nil
	}
	e, err := n.findStored(ctx, in.room, in.by, in.id, in.hash, err)
	switch {
	case err == nil:
		return n.receipt(Appended{e, true}, began), nil
	case errors.Is(err, errNothing):
		return Receipt{}, nil
	}
	return Receipt{}, err
}

// findStored returns what a request that was refused with err has stored when
// it was sent before, else err or what is to be said in its place.
func (n *Node) findStored(ctx context.Context, room RoomID, by UserID, id string, hash [16]byte, err error) (Event, error) {
	if errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, ErrIDReused) || errors.Is(err, ErrUnavailable) || isContext(err) {
		return Event{}, err
	}
	e, stored, ferr := n.store.Find(ctx, room, by, id)
	switch {
	case ferr == nil && stored != hash:
		return Event{}, ErrIDReused
	case ferr == nil:
		return e, nil
	case !errors.Is(ferr, ErrNotFound):
		return Event{}, ferr
	}
	return Event{}, err
}

func (n *Node) receipt(got Appended, began time.Time) Receipt {
	if got.Duplicate {
		n.learn(got.Event.Room, got.Event.Seq)
	}
	n.trace.Stored(got.Event.Kind, got.Duplicate, time.Since(began))
	return Receipt(got)
}

func (n *Node) tryWrite(ctx context.Context, in intent, what content, now time.Time) (Appended, error) {
	if err := n.limiter.take(in.by, in.action.limit(), now); err != nil {
		return Appended{}, err
	}
	if what.check != nil {
		if err := what.check(); err != nil {
			return Appended{}, err
		}
	}
	by, err := n.user(ctx, in.by)
	if err != nil {
		return Appended{}, err
	}
	for try := 0; ; try++ {
		sn, on, err := n.authorise(ctx, in, try > 0)
		if err != nil {
			return Appended{}, err
		}
		w, err := what.make(by, sn)
		if err != nil {
			return Appended{}, err
		}
		w.Room, w.ID, w.Hash, w.User, w.Basis, w.Known = in.room, in.id, in.hash, by, on.access, on.head
		got, err := n.store.Append(ctx, w)
		if !errors.Is(err, ErrStale) || !afterStale(ctx, try+1) {
			return got, err
		}
	}
}

// basis is what a write was authorised by: the access seq and the head of its room.
type basis struct{ access, head Seq }

// authorise checks that in may be done and returns what that was based on, and
// the snapshot if it took one. A snapshot that does not reach what this node has
// seen is one of an older store, which begins a new life here.
func (n *Node) authorise(ctx context.Context, in intent, fresh bool) (*Snapshot, basis, error) {
	if !fresh && !in.snapshot && in.target == "" && in.message == 0 {
		if r := n.hosted(in.room); r != nil {
			// What is refused by what may be old is asked of the store.
			if p, on, ok := r.place(in.by); ok && permit(in.by, in.action, p) == nil {
				return nil, on, n.allow(ctx, in, p)
			}
		}
	}
	users := append([]UserID{in.by}, in.also...)
	if in.target != "" {
		users = append(users, in.target)
	}
	epoch, r, seen := *n.epoch.Load(), n.hosted(in.room), Seq(0)
	if r != nil {
		r.mu.Lock()
		seen = r.applied
		r.mu.Unlock()
	}
	sn, err := n.store.Snapshot(ctx, in.room, users)
	if err == nil && sn.Info.Head < seen {
		// To be sent again: an answer would be taken for one of the former life.
		err = errors.Join(fmt.Errorf("%w: %w", ErrUnavailable, ErrEpoch), n.beginAnew(ctx, epoch))
	}
	if err != nil {
		return nil, basis{}, err
	}
	if r := n.hosted(in.room); r != nil {
		r.mu.Lock()
		r.learn(sn)
		r.mu.Unlock()
		n.learnHead(r, sn.Info.Head)
	}
	p, err := n.placeIn(ctx, in, sn)
	if err != nil {
		return nil, basis{}, err
	}
	if err := n.allow(ctx, in, p); err != nil {
		return nil, basis{}, err
	}
	if in.action == React && p.reacted != in.off {
		return nil, basis{}, errNothing
	}
	return &sn, basis{sn.Access, sn.Info.Head}, nil
}

// allow asks the table and then the host.
func (n *Node) allow(ctx context.Context, in intent, p place) error {
	if err := permit(in.by, in.action, p); err != nil {
		return err
	}
	return n.authorize(ctx, Action{By: in.by, Do: in.action, Room: in.room, Kind: p.kind, User: in.target})
}

// placeIn works out from a snapshot what permit needs.
func (n *Node) placeIn(ctx context.Context, in intent, sn Snapshot) (place, error) {
	me, target := sn.Members[in.by], sn.Members[in.target]
	p := place{
		kind: sn.Info.Kind, archived: sn.Info.Archived,
		role: me.Role, banned: me.Banned,
		target: target.Role, targetBanned: target.Banned,
	}
	if target.Role == Owner && (in.by == in.target || in.action == SetRole) {
		last, err := n.lastOwner(ctx, in.room, in.target)
		if err != nil {
			return p, err
		}
		p.lastOwner = last
	}
	if in.message == 0 || p.role == "" && in.by != System {
		return p, nil
	}
	page, err := n.store.Page(ctx, in.by, in.room, Range{After: in.message - 1, Before: in.message + 1, Limit: 1, Forward: true})
	if err != nil {
		return p, err
	}
	if len(page.Events) == 0 || page.Events[0].Seq != in.message || page.Events[0].Kind != Message {
		return p, fmt.Errorf("message %d: %w", in.message, ErrNotFound)
	}
	m := page.Events[0]
	p.own = m.User.ID == in.by
	if in.action == React {
		p.reacted = slices.ContainsFunc(m.Reactions, func(r Reaction) bool {
			return r.Text == in.emoji && slices.Contains(r.Users, in.by)
		})
	}
	if m.DeletedBy != 0 {
		if in.action == erase {
			return p, errNothing
		}
		return p, fmt.Errorf("message %d is deleted: %w", in.message, ErrNotFound)
	}
	return p, nil
}

// lastOwner reports whether nobody but user owns the room.
func (n *Node) lastOwner(ctx context.Context, room RoomID, user UserID) (bool, error) {
	var after UserID
	for {
		ms, err := n.store.Members(ctx, System, room, after, 200)
		if err != nil {
			return false, err
		}
		for _, m := range ms {
			if m.Role == Owner && m.User.ID != user {
				return false, nil
			}
			after = m.User.ID
		}
		if len(ms) < 200 {
			return true, nil
		}
	}
}

// place returns the place of a user who has a session in the room, and what it
// holds for.
func (r *sequencer) place(user UserID) (place, basis, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known || r.gone {
		return place{}, basis{}, false
	}
	role := r.memberLocked(user)
	if role == "" {
		return place{}, basis{}, false
	}
	return place{kind: r.kind, archived: r.archived, role: role}, basis{r.access, r.applied}, true
}

// member returns the role of a user who has a session in the room, else "".
func (r *sequencer) member(user UserID) Role {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.memberLocked(user)
}

func (r *sequencer) memberLocked(user UserID) Role {
	for _, s := range r.node.directory.sessions(user) {
		if p := r.subOf(s); p != nil && p.cursor.seq() <= r.applied {
			return p.role.role()
		}
	}
	return ""
}

// learn is told that the log of a room reaches seq.
func (n *Node) learn(room RoomID, seq Seq) {
	if r := n.hosted(room); r != nil {
		n.learnHead(r, seq)
	}
}

func (n *Node) learnHead(r *sequencer, head Seq) { r.notice(head) }
