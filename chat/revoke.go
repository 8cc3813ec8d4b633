package chat

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Revoker is a part that a [Store] may have: it keeps revocations until they
// have no more meaning. Without it [Node.Revoke] reaches only sessions that are
// connected now.
type Revoker interface {
	// Revoke stores a revocation. The same one again replaces it, with the
	// later Until.
	Revoke(ctx context.Context, r Revocation) error

	// Revocations returns the revocations whose Until has not passed by the
	// store's clock. It forgets others.
	Revocations(ctx context.Context) ([]Revocation, error)
}

// Revocation ends a login, or all logins of a user.
type Revocation struct {
	// User is whose login it is.
	User UserID
	// Session is the login that ends; empty means all of the user's that
	// were made before Before.
	Session string
	// Before is when logins of the user count as new again; only without
	// Session.
	Before time.Time
	// Until is when the longest authentication that it concerns has ended by
	// itself.
	Until time.Time
}

// revocations is what this node knows of logins that were ended.
type revocations struct {
	mu  sync.RWMutex
	all map[revoked]Revocation
}

type revoked struct {
	user    UserID
	session string
}

// concerns reports whether p is a login that r ends.
func (r Revocation) concerns(p Principal) bool {
	if r.User != p.User.ID {
		return false
	}
	if r.Session != "" {
		return r.Session == p.Session
	}
	return p.Since.Before(r.Before)
}

func (rs *revocations) ended(p Principal) bool {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	if r, ok := rs.all[revoked{p.User.ID, p.Session}]; ok && r.concerns(p) {
		return true
	}
	r, ok := rs.all[revoked{p.User.ID, ""}]
	return ok && r.concerns(p)
}

// add takes in a revocation, and reports whether it is news.
func (rs *revocations) add(r Revocation) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.all == nil {
		rs.all = map[revoked]Revocation{}
	}
	k := revoked{r.User, r.Session}
	old, ok := rs.all[k]
	if ok && !r.Before.After(old.Before) && !r.Until.After(old.Until) {
		return false
	}
	if old.Before.After(r.Before) {
		r.Before = old.Before
	}
	if old.Until.After(r.Until) {
		r.Until = old.Until
	}
	rs.all[k] = r
	return true
}

// forget drops what has no more meaning.
func (rs *revocations) forget(now time.Time) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for k, r := range rs.all {
		if r.Until.Before(now) {
			delete(rs.all, k)
		}
	}
}

// Revoke ends a login, or all logins that a user has made so far: their
// sessions on every node end with [ErrRevoked], within a second while the
// broker works and two seconds otherwise, and until r.Until new ones are
// refused. A zero r.Before means now; r.Until is required. It returns when the
// revocation is stored; a store that is no [Revoker] keeps none, and then it
// holds on the nodes that are reached now, until they end.
func (n *Node) Revoke(ctx context.Context, r Revocation) error {
	if err := n.open(); err != nil {
		return err
	}
	if err := checkUserID(r.User); err != nil {
		return err
	}
	if len(r.Session) > 64 || !r.Until.After(time.Now()) {
		return badRequest("until", "A revocation has an end in the future, and a login at most 64 bytes.")
	}
	if r.Session == "" && r.Before.IsZero() {
		r.Before = time.Now()
	}
	r.Before, r.Until = r.Before.UTC(), r.Until.UTC()
	n.revoke(r) // first: the sessions here end also when the store is away
	if s, ok := n.store.(Revoker); ok {
		if err := s.Revoke(ctx, r); err != nil {
			return fmt.Errorf("chat: revoke logins of %q: %w", r.User, err)
		}
	}
	if n.broker != nil {
		n.enqueue(published{revocation: &r})
	}
	return nil
}

// revoke ends the sessions here that r concerns.
func (n *Node) revoke(r Revocation) {
	if !n.revoked.add(r) {
		return
	}
	for _, s := range n.directory.sessions(r.User) {
		if r.concerns(s.Principal()) {
			s.end(ErrRevoked)
		}
	}
}

// sweepRevocations takes in what was revoked elsewhere.
func (n *Node) sweepRevocations(ctx context.Context) error {
	s, ok := n.store.(Revoker)
	if !ok {
		return nil
	}
	all, err := s.Revocations(ctx)
	for _, r := range all {
		n.revoke(r)
	}
	return err
}
