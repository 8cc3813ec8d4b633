package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

// Append is part of [chat.Log].
func (s *Store) Append(ctx context.Context, in chat.Write) (chat.Appended, error) {
	if sqlstore.KindNumber(in.Kind) == 0 {
		return chat.Appended{}, fmt.Errorf("sqlite: append: unknown kind %q", in.Kind)
	}
	if err := checkKey(in.ID); err != nil {
		return chat.Appended{}, err
	}
	// The event is handed to many; the writer's slices are not kept.
	in.Mentions, in.Data = slices.Clone(in.Mentions), bytes.Clone(in.Data)
	if in.Target != nil {
		target := *in.Target
		in.Target = &target
	}
	return submit(ctx, s, "append", 1, len(in.Text)+len(in.Data), func(w *writer) (chat.Appended, error) {
		return w.append(&in)
	})
}

func (w *writer) append(in *chat.Write) (chat.Appended, error) {
	r, err := w.room(in.Room)
	if err != nil {
		return chat.Appended{}, err
	}
	if in.Kind == chat.Message && in.Basis >= r.access && in.Known <= r.seq {
		return w.post(r, in)
	}
	// All that can refuse the write comes before the first thing it changes.
	u, err := w.user(in.User.ID)
	if err != nil {
		return chat.Appended{}, err
	}
	if u != nil {
		if a, found, err := w.duplicate(r, u, in); err != nil || found {
			return a, err
		}
	}
	if in.Basis < r.access || in.Known > r.seq {
		return chat.Appended{}, chat.ErrStale
	}
	if err := w.check(r, in); err != nil {
		return chat.Appended{}, err
	}
	var a chat.Appended
	err = w.atomically(func() error {
		a, err = w.change(r, in)
		return err
	})
	return a, err
}

// post stores a message. That it is a duplicate is found by the index that
// has to be searched anyway.
func (w *writer) post(r *room, in *chat.Write) (chat.Appended, error) {
	u, err := w.enter(in.User)
	if err != nil {
		return chat.Appended{}, err
	}
	e := sqlstore.EventOf(in)
	stored, err := w.put(r, &e, in.Hash, u, nil, nil)
	if err != nil {
		return chat.Appended{}, err
	}
	if !stored {
		a, _, err := w.duplicate(r, u, in)
		return a, err
	}
	return chat.Appended{Event: e}, nil
}

// duplicate looks for what u stored with the id of in.
func (w *writer) duplicate(r *room, u *user, in *chat.Write) (chat.Appended, bool, error) {
	e, hash, found, err := w.stored(r.no, r.id, u.no, in.ID)
	switch {
	case err != nil || !found:
		return chat.Appended{}, false, err
	case hash != in.Hash:
		return chat.Appended{}, true, chat.ErrIDReused
	}
	return chat.Appended{Event: e, Duplicate: true}, true, nil
}

// Find is part of [chat.Log].
func (s *Store) Find(ctx context.Context, room chat.RoomID, user chat.UserID, id string) (chat.Event, [16]byte, error) {
	type hashed struct {
		event chat.Event
		hash  [16]byte
	}
	v, err := view(ctx, s, "find", func(c *conn) (v hashed, err error) {
		var roomNo, userNo int64
		found, err := c.one(func(r *row) { roomNo, userNo = r.int(), r.int() },
			`SELECT r.no, u.no FROM {p}rooms r CROSS JOIN {p}users u WHERE r.id = ? AND u.id = ?`, room, user)
		if err != nil {
			return v, err
		}
		if found {
			v.event, v.hash, found, err = c.stored(roomNo, room, userNo, id)
		}
		if err == nil && !found {
			err = chat.ErrNotFound
		}
		return v, err
	})
	return v.event, v.hash, err
}
