package chat

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// maxNames bounds how many users a node remembers; beyond it some are
// forgotten and asked for again.
const maxNames = 20_000

// names remembers users that were admitted or asked for.
type names struct {
	mu    sync.RWMutex
	users map[UserID]known
}

type known struct {
	user     User
	admitted bool // stored, and let into the lobby
}

func (c *names) get(id UserID) (known, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	k, ok := c.users[id]
	return k, ok
}

func (c *names) put(u User, admitted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users == nil {
		c.users = map[UserID]known{}
	}
	if len(c.users) >= maxNames {
		for id := range c.users {
			delete(c.users, id)
			break
		}
	}
	c.users[u.ID] = known{u, admitted || c.users[u.ID].admitted && c.users[u.ID].user == u}
}

// user returns who acts as id. One that nobody knows is ErrNotFound.
func (n *Node) user(ctx context.Context, id UserID) (User, error) {
	if id == System {
		return User{ID: System, Name: "system", Bot: true}, nil
	}
	if k, ok := n.names.get(id); ok {
		return k.user, nil
	}
	found, err := n.lookup(ctx, []UserID{id})
	if err != nil {
		return User{}, err
	}
	return found[0], nil
}

// lookup finds users that may be written to, in the order of ids. One that
// nobody knows is ErrNotFound.
func (n *Node) lookup(ctx context.Context, ids []UserID) ([]User, error) {
	for _, id := range ids {
		if err := checkUserID(id); err != nil {
			return nil, err
		}
		if id == System {
			return nil, fmt.Errorf("chat: user %q: %w", id, ErrNotFound)
		}
	}
	byID := make(map[UserID]User, len(ids))
	var missing []UserID
	for _, id := range ids {
		if k, ok := n.names.get(id); ok {
			byID[id] = k.user
		} else {
			missing = append(missing, id)
		}
	}
	sources := []func(context.Context, []UserID) ([]User, error){n.hostDir, n.store.Users}
	for _, ask := range sources {
		if len(missing) == 0 || ask == nil {
			continue
		}
		found, err := ask(ctx, missing)
		if err != nil {
			return nil, fmt.Errorf("chat: look up users: %w", unavailable(err))
		}
		for _, u := range found {
			byID[u.ID] = u
			n.names.put(u, false)
		}
		var still []UserID
		for _, id := range missing {
			if _, ok := byID[id]; !ok {
				still = append(still, id)
			}
		}
		missing = still
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("chat: user %q: %w", missing[0], ErrNotFound)
	}
	users := make([]User, len(ids))
	for i, id := range ids {
		users[i] = byID[id]
	}
	return users, nil
}

// unavailable gives an error of the host's directory a sentinel, unless it has
// one.
func unavailable(err error) error {
	if isContext(err) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrClosed) || errors.Is(err, ErrOutcomeUnknown) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
