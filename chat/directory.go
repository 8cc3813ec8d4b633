package chat

import (
	"slices"
	"sync"
)

// directory is the live sessions of this node by user.
type directory struct {
	mu    sync.RWMutex
	users map[UserID][]*Session // the slices are never changed in place
	total int
}

func (d *directory) add(s *Session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users == nil {
		d.users = map[UserID][]*Session{}
	}
	old := d.users[s.user]
	d.users[s.user] = append(slices.Clip(slices.Clone(old)), s)
	d.total++
}

func (d *directory) remove(s *Session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.users[s.user]
	i := slices.Index(old, s)
	if i < 0 {
		return
	}
	d.total--
	if len(old) == 1 {
		delete(d.users, s.user)
		return
	}
	d.users[s.user] = slices.Delete(slices.Clone(old), i, i+1)
}

// sessions returns the sessions of a user. The slice must not be changed.
func (d *directory) sessions(user UserID) []*Session {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.users[user]
}

// everyone returns all sessions.
func (d *directory) everyone() []*Session {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := make([]*Session, 0, d.total)
	for _, ss := range d.users {
		all = append(all, ss...)
	}
	return all
}

// connected returns the users that have sessions.
func (d *directory) connected() []UserID {
	d.mu.RLock()
	defer d.mu.RUnlock()
	ids := make([]UserID, 0, len(d.users))
	for id := range d.users {
		ids = append(ids, id)
	}
	return ids
}
