package authsvc

import (
	"cmp"
	"context"
	"database/sql"
	"log/slog"
	"time"
)

// Cheap makes passwords cheap to hash, so that a test can check many, and the
// service silent.
func Cheap(c Config) Config {
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	c.cost = cost{memory: 8, time: 1, lanes: 1}
	return c
}

// AddUser stores a user who is not one of demo mode.
func (s *Service) AddUser(name, password string) User {
	u := account{id: "id-of-" + name, name: name, hash: s.hasher.sum(password)}
	if err := s.db.addUser(context.Background(), u); err != nil {
		panic(err)
	}
	return User{ID: u.id, Username: u.name, Name: u.name}
}

// OccupyHashing takes every processor for hashing until release is called.
func (s *Service) OccupyHashing() (release func()) {
	for range cap(s.hasher.slots) {
		s.hasher.slots <- struct{}{}
	}
	return func() {
		for range cap(s.hasher.slots) {
			<-s.hasher.slots
		}
	}
}

// Sessions counts the sessions stored.
func (s *Service) Sessions() (n int) {
	err := s.db.read(context.Background(), func(t tx) error {
		return t.rows(func(row *sql.Rows) error { return row.Scan(&n) }, `SELECT COUNT(*) FROM sessions`)
	})
	if err != nil {
		panic(err)
	}
	return n
}

// HashOf returns the stored password hash of a user.
func (s *Service) HashOf(name string) string {
	u, err := s.db.userByName(context.Background(), name)
	if err != nil {
		panic(err)
	}
	return u.hash
}

// SetSchemaVersion makes the database look like one of a newer program.
func (s *Service) SetSchemaVersion(n int) {
	err := s.db.write(context.Background(), func(t tx) error {
		_, err := t.exec(`INSERT INTO schema_version (version, applied) VALUES ($1, 0)`, n)
		return err
	})
	if err != nil {
		panic(err)
	}
}

// Revoked returns the sessions that ended before their time, as "user session".
func (s *Service) Revoked() (list []string) {
	news, _, err := s.db.revocations(context.Background(), 0)
	if err != nil {
		panic(err)
	}
	for _, r := range news {
		list = append(list, r.User+" "+r.Session)
	}
	return list
}

// AgeSessions makes the last refresh of all sessions that much older.
func (s *Service) AgeSessions(by time.Duration) {
	err := s.db.write(context.Background(), func(t tx) error {
		_, err := t.exec(`UPDATE sessions SET rotated = rotated - $1`, by.Milliseconds())
		return err
	})
	if err != nil {
		panic(err)
	}
}
