package authsvc

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"slices"
	"time"
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
		_, err := t.exec(`INSERT INTO users (id, name, hash, demo, created, display, display_key) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			a.id, a.name, a.hash, a.demo, time.Now(), a.name, a.name)
		return err
	})
	if d.taken(err) {
		return errTaken
	}
	return err
}

// free returns errTaken if somebody else has a name of that key, be it to log in
// or to be seen.
func (t tx) free(key, user string) error {
	taken, err := t.exists(`SELECT 1 FROM users WHERE (name = $1 OR display_key = $1) AND id <> $2 LIMIT 1`, key, user)
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
		_, err := t.exec(`UPDATE users SET display = $1, display_key = $2 WHERE id = $3`, display, key, id)
		return err
	})
}

const userColumns = `id, name, hash, demo, display`

// columns are where userColumns are scanned to.
func (a *account) columns() []any { return []any{&a.id, &a.name, &a.hash, &a.demo, &a.display} }

// userByName returns errNone if nobody has that name.
func (d *database) userByName(ctx context.Context, name string) (account, error) {
	return d.user(ctx, `SELECT `+userColumns+` FROM users WHERE name = $1`, name)
}

// userByID returns errNone if there is no such user.
func (d *database) userByID(ctx context.Context, id string) (account, error) {
	return d.user(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1`, id)
}

func (d *database) user(ctx context.Context, query string, args ...any) (account, error) {
	var a account
	err := d.read(ctx, func(t tx) error {
		return t.rows(func(r *sql.Rows) error { return r.Scan(a.columns()...) }, query, args...)
	})
	if err == nil && a.id == "" {
		err = errNone
	}
	return a, err
}

// setHash replaces a password hash, unless it has been replaced meanwhile.
func (d *database) setHash(ctx context.Context, id, old, hash string) error {
	return d.write(ctx, func(t tx) error {
		_, err := t.exec(`UPDATE users SET hash = $1 WHERE id = $2 AND hash = $3`, hash, id, old)
		return err
	})
}

// usersByID returns those of ids that exist, ordered by id.
func (d *database) usersByID(ctx context.Context, ids []string) ([]User, error) {
	found := []User{}
	for some := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(ids))), 500) { // a statement has thousands of arguments at most
		args := make([]any, len(some))
		for i, id := range some {
			args[i] = id
		}
		users, err := d.users(ctx, `SELECT id, name, display FROM users WHERE id IN (`+places(len(some))+`) ORDER BY id`, args...)
		if err != nil {
			return nil, err
		}
		found = append(found, users...)
	}
	return found, nil
}

// search returns up to limit users whose name begins with prefix, ordered by
// name, with demo users or without.
func (d *database) search(ctx context.Context, prefix string, limit int, demo bool) ([]User, error) {
	// 0x7f is above every character of a name, so that this is a range of the
	// index and no pattern that needs escaping.
	return d.users(ctx, `SELECT id, name, display FROM users WHERE name >= $1 AND name < $2 AND demo <= $3 ORDER BY name LIMIT $4`,
		prefix, prefix+"\x7f", demo, limit)
}

func (d *database) users(ctx context.Context, query string, args ...any) ([]User, error) {
	found := []User{}
	err := d.read(ctx, func(t tx) error {
		return t.rows(func(r *sql.Rows) error {
			var u User
			err := r.Scan(&u.ID, &u.Username, &u.Name)
			found = append(found, u)
			return err
		}, query, args...)
	})
	return found, err
}
