package chatsvc

import (
	"context"
	"fmt"
	"sync"

	"github.com/carlware/gochat/chat"
)

// logins is a hub that knows which live sessions came from which login, so
// that they end with it.
type logins struct {
	chat.Hub
	alive func(ctx context.Context, login string) (bool, error)

	mu      sync.Mutex
	live    map[string][]*chat.Session
	sweepAt int
}

// minSweep is how many logins are remembered before those that have no live
// session are looked for.
const minSweep = 1024

// check returns [chat.ErrRevoked] for a login that is over.
func (l *logins) check(ctx context.Context, login string) error {
	if l.alive == nil {
		return nil
	}
	alive, err := l.alive(ctx, login)
	switch {
	case err != nil:
		return fmt.Errorf("chatsvc: %w: %w", chat.ErrUnavailable, err)
	case !alive:
		return fmt.Errorf("chatsvc: login: %w", chat.ErrRevoked)
	}
	return nil
}

// Admit implements [chat.Hub].
func (l *logins) Admit(ctx context.Context, p chat.Principal) error {
	if err := l.check(ctx, p.Session); err != nil {
		return err
	}
	return l.Hub.Admit(ctx, p)
}

// Connect implements [chat.Hub].
func (l *logins) Connect(ctx context.Context, p chat.Principal, o *chat.SessionOptions) (*chat.Session, error) {
	s, err := l.Hub.Connect(ctx, p, o)
	if err != nil || l.alive == nil {
		return s, err
	}
	l.add(p.Session, s)
	// Last, so that a login that ends meanwhile is seen either here or by end.
	if err := l.check(ctx, p.Session); err != nil {
		_ = s.Close() // nothing is said to it any more
		return nil, err
	}
	return s, nil
}

func (l *logins) add(login string, s *chat.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live == nil {
		l.live = map[string][]*chat.Session{}
	}
	l.live[login] = append(open(l.live[login]), s)
	if len(l.live) < max(l.sweepAt, minSweep) {
		return
	}
	for login, sessions := range l.live {
		if l.live[login] = open(sessions); len(l.live[login]) == 0 {
			delete(l.live, login)
		}
	}
	l.sweepAt = 2 * len(l.live)
}

// open drops the sessions that have ended.
func open(sessions []*chat.Session) []*chat.Session {
	kept := sessions[:0]
	for _, s := range sessions {
		select {
		case <-s.Done():
		default:
			kept = append(kept, s)
		}
	}
	clear(sessions[len(kept):])
	return kept
}

// end ends the live sessions of a login.
func (l *logins) end(login string) {
	l.mu.Lock()
	sessions := l.live[login]
	delete(l.live, login)
	l.mu.Unlock()
	for _, s := range sessions {
		_ = s.Close() // there is nothing that could fail
	}
}
