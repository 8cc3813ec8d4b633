package authsvc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
)

// AddUser stores a new user in the database of c, which need not be in use and
// may be: that is how the first users are made. The name has 2 to 32 of a-z,
// 0-9, "_" and "-", the password 8 characters to 256 bytes.
func AddUser(ctx context.Context, c Config, name, password string) error {
	return administer(ctx, c, name, password, func(d *database, hash string) error {
		err := d.addUser(ctx, account{id: rand.Text(), name: name, hash: hash, display: name})
		if errors.Is(err, errTaken) {
			return fmt.Errorf("authsvc: there is a user %s, or one who is called so", name)
		}
		return err
	})
}

// SetPassword replaces the password of a user in the database of c and ends all
// sessions of that user, also those of a service that runs. A demo user becomes
// one like others.
func SetPassword(ctx context.Context, c Config, name, password string) error {
	return administer(ctx, c, name, password, func(d *database, hash string) error {
		user, err := d.userByName(ctx, name)
		if errors.Is(err, errNone) {
			return fmt.Errorf("authsvc: there is no user %s", name)
		}
		if err == nil {
			_, err = d.changePassword(ctx, user, hash, "")
		}
		return err
	})
}

func administer(ctx context.Context, c Config, name, password string, do func(d *database, hash string) error) (err error) {
	if err := c.complete(); err != nil {
		return err
	}
	if c.Database == "memory" {
		return errors.New("authsvc: a database in memory ends with this program; give the path of a file")
	}
	if !namePattern.MatchString(name) {
		return errName
	}
	if p := acceptable("password", password, name); p != nil {
		return errors.New("authsvc: the password " + p.Detail)
	}
	d, err := openDatabase(ctx, c.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	return do(d, newHasher(c.cost).sum(password))
}
