package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/carlware/gochat/chat"
)

func byID(a, b chat.User) int { return cmp.Compare(a.ID, b.ID) }

// arrays are users as the server takes them.
func arrays(us []chat.User) (ids, names []string, bots []bool) {
	for _, u := range us {
		ids, names, bots = append(ids, string(u.ID)), append(names, u.Name), append(bots, u.Bot)
	}
	return ids, names, bots
}

// PutUsers is part of [chat.Directory].
func (s *Store) PutUsers(ctx context.Context, in []chat.User) error {
	last := make(map[chat.UserID]chat.User, len(in))
	for _, u := range in {
		if err := checkUser(u); err != nil {
			return err
		}
		last[u.ID] = u
	}
	us := make([]chat.User, 0, len(last))
	for _, u := range last {
		us = append(us, u)
	}
	slices.SortFunc(us, byID)
	_, err := submit(ctx, s.side, "put users", newRequest("", len(us), 0), func(ctx context.Context, t *tx) (struct{}, error) {
		p := t.pipe()
		p.enter(us)
		// Mostly the names are what they were, and nothing is written.
		ids, names, bots := arrays(us)
		p.exec(`SELECT u.no FROM unnest($1::text[], $2::text[], $3::boolean[]) AS i (id, name, bot) JOIN {s}users u ON u.id = i.id
			WHERE u.name <> i.name OR u.bot <> i.bot ORDER BY u.no FOR NO KEY UPDATE OF u`, ids, names, bots)
		p.exec(`UPDATE {s}users u SET name = i.name, bot = i.bot FROM unnest($1::text[], $2::text[], $3::boolean[]) AS i (id, name, bot)
			WHERE u.id = i.id AND (u.name <> i.name OR u.bot <> i.bot)`, ids, names, bots)
		return struct{}{}, t.send(ctx, p)
	})
	return err
}

// Users is part of [chat.Directory].
func (s *Store) Users(ctx context.Context, ids []chat.UserID) ([]chat.User, error) {
	return view(ctx, s, "users", func(ctx context.Context) (users []chat.User, err error) {
		err = s.query(ctx, func(r *row) { users = append(users, r.user()) },
			`SELECT id, name, bot FROM {s}users WHERE id = ANY ($1::text[])`, known(ids))
		return users, err
	})
}

// RoomsRevs is part of [chat.Directory].
func (s *Store) RoomsRevs(ctx context.Context, users []chat.UserID) (map[chat.UserID]int64, error) {
	return view(ctx, s, "rooms revisions", func(ctx context.Context) (map[chat.UserID]int64, error) {
		revs := make(map[chat.UserID]int64, len(users))
		return revs, s.query(ctx, func(r *row) { revs[chat.UserID(r.text())] = r.int() },
			`SELECT id, rooms_rev FROM {s}users WHERE id = ANY ($1::text[])`, known(users))
	})
}
