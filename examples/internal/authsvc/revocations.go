package authsvc

import (
	"context"
	"database/sql"
	"time"

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
		return t.rows(func(row *sql.Rows) error {
			var r Revocation
			err := row.Scan(&next, &r.User, &r.Session, moment{&r.Until})
			r.Until = r.Until.UTC()
			news = append(news, r)
			return err
		}, `SELECT position, "user", session, until FROM revocations WHERE position > $1 ORDER BY position LIMIT $2`, after, revocationsMax)
	})
	return news, next, err
}

// end ends the sessions for which the condition holds, and remembers that. It
// is to be part of a transaction.
func (t tx) end(condition string, args ...any) (over []session, err error) {
	err = t.rows(func(row *sql.Rows) error {
		var s session
		err := row.Scan(&s.id, &s.user.id)
		over = append(over, s)
		return err
	}, `DELETE FROM sessions WHERE `+condition+` RETURNING id, "user"`, args...)
	if err != nil || len(over) == 0 {
		return over, err
	}
	now := time.Now()
	if _, err := t.exec(`DELETE FROM revocations WHERE until <= $1`, now); err != nil {
		return nil, err
	}
	var last int64
	err = t.rows(func(row *sql.Rows) error { return row.Scan(&last) }, `SELECT COALESCE(MAX(position), 0) FROM revocations`)
	if err != nil {
		return nil, err
	}
	for _, s := range over {
		last = max(last+1, now.UnixMilli())
		_, err := t.exec(`INSERT INTO revocations (position, "user", session, until) VALUES ($1, $2, $3, $4)`,
			last, s.user.id, s.id, now.Add(revokedFor))
		if err != nil {
			return nil, err
		}
	}
	return over, nil
}
