package authsvc

import (
	"context"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/carlware/gochat/examples/internal/token"
)

const (
	// revokedFor is how long a session that was ended has to be remembered:
	// then its last access token has expired for every verifier, whose clock
	// may differ from ours.
	revokedFor = maxTokenTTL + 2*token.Leeway

	revocationsMax = 1000 // in one answer
	// Sessions that another process ends in the same database are found by
	// looking.
	lookInterval = 500 * time.Millisecond
	lookFor      = 20 * time.Second
)

// Revocation is a session that ended before its time: by logout, by a new
// password, by a stolen refresh token, or for a newer one.
type Revocation struct {
	User    string    `json:"user"`
	Session string    `json:"session"`
	Until   time.Time `json:"until"` // all its access tokens have expired then
}

// Revocations returns those after a position, at most 1000, in the order in
// which they happened, and the position to go on from; the first one is 0. If
// there are none it waits for one: for 20 seconds, or until ctx ends or the
// service does, and then returns none and no error.
func (s *Service) Revocations(ctx context.Context, after int64) (news []Revocation, next int64, err error) {
	timeout := time.NewTimer(lookFor)
	defer timeout.Stop()
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	for {
		changed := s.changed() // before looking, so that nothing falls between
		news, next, err = s.db.revocations(ctx, after)
		if err != nil && ctx.Err() != nil {
			return nil, after, nil // as when it ends while waiting
		}
		if err != nil || len(news) > 0 {
			return news, next, err
		}
		select {
		case <-changed:
		case <-look.C:
		case <-timeout.C:
			return nil, after, nil
		case <-s.ending:
			return nil, after, nil
		case <-ctx.Done():
			return nil, after, nil
		}
	}
}

// changed returns a channel that is closed when a session has been ended here.
func (s *Service) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.news
}

// ended wakes those who wait for revocations.
func (s *Service) ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.news)
	s.news = make(chan struct{})
}

func (d *database) revocations(ctx context.Context, after int64) (news []Revocation, next int64, err error) {
	next = after
	err = d.read(ctx, func(t tx) error {
		return t.rows(func(row *sqlite3.Stmt) {
			next = row.ColumnInt64(0)
			news = append(news, Revocation{row.ColumnText(1), row.ColumnText(2), time.UnixMilli(row.ColumnInt64(3)).UTC()})
		}, `SELECT position, user, session, until FROM revocations WHERE position > ? ORDER BY position LIMIT ?`, after, revocationsMax)
	})
	return news, next, err
}

// end ends the sessions for which the condition holds, and remembers that. It
// is to be part of a transaction.
func (t tx) end(condition string, args ...any) (over []session, err error) {
	err = t.rows(func(row *sqlite3.Stmt) {
		over = append(over, session{id: row.ColumnText(0), user: account{id: row.ColumnText(1)}})
	}, `DELETE FROM sessions WHERE `+condition+` RETURNING id, user`, args...)
	if err != nil || len(over) == 0 {
		return over, err
	}
	now := time.Now()
	if err := t.rows(nil, `DELETE FROM revocations WHERE until <= ?`, now); err != nil {
		return nil, err
	}
	for _, s := range over {
		err := t.rows(nil, `INSERT INTO revocations (position, user, session, until)
			VALUES (MAX(?, (SELECT COALESCE(MAX(position), 0) + 1 FROM revocations)), ?, ?, ?)`,
			now, s.user.id, s.id, now.Add(revokedFor))
		if err != nil {
			return nil, err
		}
	}
	return over, nil
}
