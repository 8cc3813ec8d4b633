package authsvc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"time"
)

const (
	sessionLife  = 30 * 24 * time.Hour // a login is over then at the latest
	sessionIdle  = 7 * 24 * time.Hour  // and then, if it is not used
	sessionsMax  = 20                  // logins of one user at once; the oldest goes
	refreshGrace = 10 * time.Second    // the last refresh token but one is no theft within
	pruneBatch   = 100                 // dead sessions deleted at each login
)

// refreshToken is a secret that is worth one refresh. The selector is the same
// for the life of a session and finds its row; the secret changes each time. So
// a token that was used before is known for what it is, however old, without
// keeping any but the last. The selector is no public id: whoever has it has
// held a token of that session.
type refreshToken struct {
	selector [16]byte
	secret   [32]byte
}

const refreshTokenLength = (16 + 32) * 4 / 3 // in base64

func newRefreshToken() (r refreshToken) {
	rand.Read(r.selector[:]) // never fails, see crypto/rand
	return r.next()
}

func (r refreshToken) next() refreshToken {
	rand.Read(r.secret[:])
	return r
}

// text is how the token travels. It has no String method: it is not to be
// printed.
func (r refreshToken) text() string {
	return base64.RawURLEncoding.EncodeToString(append(r.selector[:], r.secret[:]...))
}

// parseRefreshToken reports whether s has the form of a token.
func parseRefreshToken(s string) (r refreshToken, ok bool) {
	if len(s) != refreshTokenLength {
		return r, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 48 {
		return r, false
	}
	copy(r.selector[:], b)
	copy(r.secret[:], b[16:])
	return r, true
}

// The database holds hashes only. They need no salt and no cost: what they hide
// is random.

func (r refreshToken) selectorHash() []byte {
	h := sha256.Sum256(r.selector[:])
	return h[:]
}

func (r refreshToken) hash() []byte {
	h := sha256.Sum256(append(r.selector[:], r.secret[:]...))
	return h[:]
}

// session is a login that is not over.
type session struct {
	id   string
	user account

	since time.Time // of the login
	used  time.Time // when it was refreshed last
	idle  time.Time // when it is over unless it is refreshed
}

// addSession stores a new session of the user with its first refresh token and
// returns the ids of the sessions that had to go for it. It returns errNone if
// the user has another password by now than the one that u was found with.
func (d *database) addSession(ctx context.Context, u account, r refreshToken) (s session, dropped []session, err error) {
	now := time.Now()
	s = session{id: rand.Text(), user: u, idle: now.Add(sessionIdle)}
	err = d.write(ctx, func(t tx) error {
		current, err := t.exists(`SELECT 1 FROM users WHERE id = $1 AND hash = $2`, u.id, u.hash)
		if err == nil && !current {
			err = errNone
		}
		if err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE idle <= $1 LIMIT $2)`, now, pruneBatch); err != nil {
			return err
		}
		// The logins of a user are made one after the other, so that it is clear
		// which is the oldest.
		var last int64
		err = t.rows(func(r *sql.Rows) error { return r.Scan(&last) }, `SELECT COALESCE(MAX(created), 0) FROM sessions WHERE "user" = $1`, u.id)
		if err != nil {
			return err
		}
		s.since = time.UnixMilli(max(now.UnixMilli(), last+1))
		dropped, err = t.end(`"user" = $1 AND id NOT IN
			(SELECT id FROM sessions WHERE "user" = $1 ORDER BY created DESC LIMIT $2)`, u.id, sessionsMax-1)
		if err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO sessions (id, "user", selector, current, rotated, created, idle, ends) VALUES ($1, $2, $3, $4, $5, $5, $6, $7)`,
			s.id, u.id, r.selectorHash(), r.hash(), s.since, s.idle, now.Add(sessionLife))
		return err
	})
	return s, dropped, err
}

// outcome is what became of a refresh.
type outcome int

const (
	unknown outcome = iota // no such session, or it is over
	rotated                // the next token is the current one now
	grace                  // the token is the last but one, and was replaced just now
	reused                 // the token was replaced long ago: the session has been ended
)

// refresh exchanges r for next.
func (d *database) refresh(ctx context.Context, r, next refreshToken) (s session, o outcome, err error) {
	now := time.Now()
	err = d.write(ctx, func(t tx) error {
		var current, previous []byte
		var at, ends time.Time
		err := t.rows(func(row *sql.Rows) error {
			return row.Scan(append(s.user.columns(), &s.id, &current, &previous,
				moment{&at}, moment{&s.idle}, moment{&ends}, moment{&s.since})...)
		}, `SELECT u.id, u.name, u.hash, u.demo, u.display, s.id, s.current, s.previous, s.rotated, s.idle, s.ends, s.created
			FROM sessions s JOIN users u ON u.id = s."user" WHERE s.selector = $1`, r.selectorHash())
		switch hash := r.hash(); {
		case err != nil:
			return err
		case s.id == "" || !now.Before(s.idle):
			return nil
		case subtle.ConstantTimeCompare(hash, current) == 1:
			o = rotated
			if s.idle = now.Add(sessionIdle); s.idle.After(ends) {
				s.idle = ends
			}
			_, err = t.exec(`UPDATE sessions SET previous = current, current = $1, rotated = $2, idle = $3 WHERE id = $4`,
				next.hash(), now, s.idle, s.id)
			return err
		case subtle.ConstantTimeCompare(hash, previous) == 1 && now.Sub(at) < refreshGrace:
			o = grace
			return nil
		}
		o = reused
		_, err = t.end(`id = $1`, s.id)
		return err
	})
	return s, o, err
}

// endSession ends the session that r is or was a token of, and returns errNone
// if there is none.
func (d *database) endSession(ctx context.Context, r refreshToken) (session, error) {
	over, err := d.endSessions(ctx, `selector = $1`, r.selectorHash())
	if err == nil && len(over) == 0 {
		err = errNone
	}
	if err != nil {
		return session{}, err
	}
	return over[0], nil
}

// endSessions ends the sessions for which the condition holds.
func (d *database) endSessions(ctx context.Context, condition string, args ...any) (over []session, err error) {
	err = d.write(ctx, func(t tx) error {
		over, err = t.end(condition, args...)
		return err
	})
	return over, err
}

// sessionsOf returns the sessions of a user that are not over, the last used
// first.
func (d *database) sessionsOf(ctx context.Context, user string) (list []session, err error) {
	err = d.read(ctx, func(t tx) error {
		return t.rows(func(row *sql.Rows) error {
			var s session
			err := row.Scan(&s.id, moment{&s.since}, moment{&s.used}, moment{&s.idle})
			list = append(list, s)
			return err
		}, `SELECT id, created, rotated, idle FROM sessions WHERE "user" = $1 AND idle > $2 ORDER BY rotated DESC, id`, user, time.Now())
	})
	return list, err
}

// sessionUser returns the user of a session that is not over, or errNone.
func (d *database) sessionUser(ctx context.Context, id string) (account, error) {
	return d.user(ctx, `SELECT u.id, u.name, u.hash, u.demo, u.display FROM sessions s JOIN users u ON u.id = s."user" WHERE s.id = $1 AND s.idle > $2`, id, time.Now())
}
