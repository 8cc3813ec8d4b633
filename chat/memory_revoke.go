package chat

import (
	"context"
	"time"
)

var _ Revoker = (*MemoryStore)(nil)

// memLogin is what a revocation is about: a login, or all of a user.
type memLogin struct {
	user    UserID
	session string
}

// Revoke is part of [Revoker]. One that is there already only gets later
// times.
func (s *MemoryStore) Revoke(ctx context.Context, r Revocation) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.forgetRevoked(s.clock())
	login := memLogin{r.User, r.Session}
	if old, ok := s.revoked[login]; ok {
		if old.Before.After(r.Before) {
			r.Before = old.Before
		}
		if old.Until.After(r.Until) {
			r.Until = old.Until
		}
	}
	s.revoked[login] = r
	return nil
}

// Revocations is part of [Revoker].
func (s *MemoryStore) Revocations(ctx context.Context) ([]Revocation, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	s.forgetRevoked(s.clock())
	var all []Revocation
	for _, r := range s.revoked {
		all = append(all, r)
	}
	return all, nil
}

func (s *MemoryStore) forgetRevoked(now time.Time) {
	for login, r := range s.revoked {
		if r.Until.Before(now) {
			delete(s.revoked, login)
		}
	}
}
