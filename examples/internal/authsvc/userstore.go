package authsvc

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// errTaken is returned for a name that a user has.
var errTaken = errors.New("authsvc: name is taken")

// errName is returned for a name that nobody may have.
var errName = errors.New("authsvc: a name has 2 to 32 of a-z, 0-9, _ and -")

// errNone is returned where there is no such user or session.
var errNone = errors.New("authsvc: not found")

// namePattern keeps names to what cannot be mistaken: no case, no look-alikes
// of other alphabets, nothing that needs escaping anywhere.
var namePattern = regexp.MustCompile(`^[a-z0-9_-]{2,32}$`)

// account is a row of users.
type account struct {
	id, name, hash string
	demo           bool
	display        string // what others see
}

func (a account) user() User { return User{ID: a.id, Username: a.name, Name: a.display} }

// addUser stores a new user. It returns errName or errTaken if the name is no
// good.
func (d *database) addUser(ctx context.Context, a account) error {
	if !namePattern.MatchString(a.name) {
		return errName
	}
	err := d.write(ctx, func(t tx) error {
		if err := t.free(a.name, a.id); err != nil {
			return err
		}
		return t.rows(nil, `INSERT INTO users (id, name, hash, demo, created, display, display_key) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			a.id, a.name, a.hash, a.demo, time.Now(), a.name, a.name)
	})
	if errors.Is(err, sqlite3.CONSTRAINT_UNIQUE) {
		return errTaken
	}
	return err
}

// free returns errTaken if somebody else has a name of that key, be it to log in
// or to be seen.
func (t tx) free(key, user string) error {
	taken := false
	err := t.rows(func(*sqlite3.Stmt) { taken = true },
		`SELECT 1 FROM users WHERE (name = ? OR display_key = ?) AND id <> ? LIMIT 1`, key, key, user)
	if err == nil && taken {
		err = errTaken
	}
	return err
}

// setDisplay replaces the name that others see. It returns errTaken if it can be
// mistaken for somebody else's.
func (d *database) setDisplay(ctx context.Context, id, display, key string) error {
	return d.write(ctx, func(t tx) error {
		if err := t.free(key, id); err != nil {
			return err
		}
		return t.rows(nil, `UPDATE users SET display = ?, display_key = ? WHERE id = ?`, display, key, id)
	})
}

const userColumns = `id, name, hash, demo, display`

func scanUser(s *sqlite3.Stmt) account {
	return account{id: s.ColumnText(0), name: s.ColumnText(1), hash: s.ColumnText(2), demo: s.ColumnBool(3), display: s.ColumnText(4)}
}

// userByName returns errNone if nobody has that name.
func (d *database) userByName(ctx context.Context, name string) (account, error) {
	return d.user(ctx, `SELECT `+userColumns+` FROM users WHERE name = ?`, name)
}

// userByID returns errNone if there is no such user.
func (d *database) userByID(ctx context.Context, id string) (account, error) {
	return d.user(ctx, `SELECT `+userColumns+` FROM users WHERE id = ?`, id)
}

func (d *database) user(ctx context.Context, sql, arg string) (account, error) {
	var a account
	err := d.read(ctx, func(t tx) error {
		return t.rows(func(s *sqlite3.Stmt) { a = scanUser(s) }, sql, arg)
	})
	if err == nil && a.id == "" {
		err = errNone
	}
	return a, err
}

// setHash replaces a password hash, unless it has been replaced meanwhile.
func (d *database) setHash(ctx context.Context, id, old, hash string) error {
	return d.write(ctx, func(t tx) error {
		return t.rows(nil, `UPDATE users SET hash = ? WHERE id = ? AND hash = ?`, hash, id, old)
	})
}

// usersByID returns those of ids that exist, ordered by id.
func (d *database) usersByID(ctx context.Context, ids []string) ([]User, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	return d.users(ctx, `SELECT id, name, display FROM users WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id`, string(list))
}

// search returns up to limit users whose name begins with prefix, ordered by
// name, with demo users or without.
func (d *database) search(ctx context.Context, prefix string, limit int, demo bool) ([]User, error) {
	// 0x7f is above every character of a name, so that this is a range of the
	// index and no pattern that needs escaping.
	return d.users(ctx, `SELECT id, name, display FROM users WHERE name >= ? AND name < ? AND demo <= ? ORDER BY name LIMIT ?`,
		prefix, prefix+"\x7f", demo, limit)
}

func (d *database) users(ctx context.Context, sql string, args ...any) ([]User, error) {
	found := []User{}
	err := d.read(ctx, func(t tx) error {
		return t.rows(func(s *sqlite3.Stmt) {
			found = append(found, User{ID: s.ColumnText(0), Username: s.ColumnText(1), Name: s.ColumnText(2)})
		}, sql, args...)
	})
	return found, err
}
