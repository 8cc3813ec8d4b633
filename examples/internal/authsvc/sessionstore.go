package authsvc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"

	"github.com/ncruces/go-sqlite3"
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
	s = session{id: rand.Text(), user: u, since: now, idle: now.Add(sessionIdle)}
	err = d.write(ctx, func(t tx) error {
		current := false
		err := t.rows(func(*sqlite3.Stmt) { current = true }, `SELECT 1 FROM users WHERE id = ? AND hash = ?`, u.id, u.hash)
		if err == nil && !current {
			err = errNone
		}
		if err != nil {
			return err
		}
		if err := t.rows(nil, `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE idle <= ? LIMIT ?)`, now, pruneBatch); err != nil {
			return err
		}
		dropped, err = t.end(`user = ? AND id NOT IN
			(SELECT id FROM sessions WHERE user = ? ORDER BY created DESC, rowid DESC LIMIT ?)`, u.id, u.id, sessionsMax-1)
		if err != nil {
			return err
		}
		return t.rows(nil, `INSERT INTO sessions (id, user, selector, current, rotated, created, idle, ends) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			s.id, u.id, r.selectorHash(), r.hash(), now, now, s.idle, now.Add(sessionLife))
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
		err := t.rows(func(row *sqlite3.Stmt) {
			s.user = scanUser(row)
			s.id = row.ColumnText(5)
			current, previous = row.ColumnBlob(6, nil), row.ColumnBlob(7, nil)
			at, s.idle, ends = time.UnixMilli(row.ColumnInt64(8)), time.UnixMilli(row.ColumnInt64(9)), time.UnixMilli(row.ColumnInt64(10))
			s.since = time.UnixMilli(row.ColumnInt64(11))
		}, `SELECT u.id, u.name, u.hash, u.demo, u.display, s.id, s.current, s.previous, s.rotated, s.idle, s.ends, s.created
			FROM sessions s JOIN users u ON u.id = s.user WHERE s.selector = ?`, r.selectorHash())
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
			return t.rows(nil, `UPDATE sessions SET previous = current, current = ?, rotated = ?, idle = ? WHERE id = ?`,
				next.hash(), now, s.idle, s.id)
		case subtle.ConstantTimeCompare(hash, previous) == 1 && now.Sub(at) < refreshGrace:
			o = grace
			return nil
		}
		o = reused
		_, err = t.end(`id = ?`, s.id)
		return err
	})
	return s, o, err
}

// endSession ends the session that r is or was a token of, and returns errNone
// if there is none.
func (d *database) endSession(ctx context.Context, r refreshToken) (session, error) {
	over, err := d.endSessions(ctx, `selector = ?`, r.selectorHash())
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
		return t.rows(func(row *sqlite3.Stmt) {
			list = append(list, session{
				id: row.ColumnText(0), since: time.UnixMilli(row.ColumnInt64(1)),
				used: time.UnixMilli(row.ColumnInt64(2)), idle: time.UnixMilli(row.ColumnInt64(3)),
			})
		}, `SELECT id, created, rotated, idle FROM sessions WHERE user = ? AND idle > ? ORDER BY rotated DESC, id`, user, time.Now())
	})
	return list, err
}

// sessionUser returns the user of a session that is not over, or errNone.
func (d *database) sessionUser(ctx context.Context, id string) (account, error) {
	var a account
	err := d.read(ctx, func(t tx) error {
		return t.rows(func(s *sqlite3.Stmt) { a = scanUser(s) },
			`SELECT u.id, u.name, u.hash, u.demo, u.display FROM sessions s JOIN users u ON u.id = s.user WHERE s.id = ? AND s.idle > ?`, id, time.Now())
	})
	if err == nil && a.id == "" {
		err = errNone
	}
	return a, err
}
