package sqlite

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/carlware/gochat/chat"
)

// PutUsers is part of [chat.Directory].
func (s *Store) PutUsers(ctx context.Context, users []chat.User) error {
	for _, u := range users {
		if err := checkUserID(u.ID); err != nil {
			return err
		}
	}
	users = slices.Clone(users)
	_, err := submit(ctx, s, "put users", len(users), 0, func(w *writer) (struct{}, error) {
		for _, u := range users {
			if err := w.putUser(u); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	return err
}

func (w *writer) putUser(u chat.User) error {
	known, err := w.enter(u)
	if err != nil || known.User == u {
		return err
	}
	if err := w.exec(`UPDATE {p}users SET name = ?, bot = ? WHERE no = ?`, u.Name, u.Bot, known.no); err != nil {
		return err
	}
	// Events that were handed out point to the old one.
	w.users[u.ID] = &user{User: u, no: known.no}
	return nil
}

// Users is part of [chat.Directory].
func (s *Store) Users(ctx context.Context, ids []chat.UserID) ([]chat.User, error) {
	return view(ctx, s, "users", func(c *conn) (users []chat.User, err error) {
		err = c.query(func(r *row) error {
			users = append(users, r.user())
			return nil
		}, `SELECT u.id, u.name, u.bot FROM json_each(?) j CROSS JOIN {p}users u ON u.id = j.value GROUP BY u.no`, array(ids))
		return users, err
	})
}

// RoomsRevs is part of [chat.Directory].
func (s *Store) RoomsRevs(ctx context.Context, users []chat.UserID) (map[chat.UserID]int64, error) {
	return view(ctx, s, "rooms revisions", func(c *conn) (map[chat.UserID]int64, error) {
		revs := make(map[chat.UserID]int64, len(users))
		return revs, c.query(func(r *row) error {
			revs[chat.UserID(r.text())] = r.int()
			return nil
		}, `SELECT u.id, u.rooms_rev FROM json_each(?) j CROSS JOIN {p}users u ON u.id = j.value`, array(users))
	})
}

// array is ids as a JSON array, for json_each.
func array[T ~string](ids []T) string {
	if len(ids) == 0 {
		return "[]"
	}
	b, err := json.Marshal(ids)
	if err != nil {
		panic(err) // strings only
	}
	return string(b)
}
