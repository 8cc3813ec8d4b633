package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

// Append is part of [chat.Log].
func (s *Store) Append(ctx context.Context, in chat.Write) (chat.Appended, error) {
	if sqlstore.KindNumber(in.Kind) == 0 {
		return chat.Appended{}, fmt.Errorf("postgres: append: unknown kind %q", in.Kind)
	}
	if err := checkWrite(&in); err != nil {
		return chat.Appended{}, err
	}
	// The event is handed to many; the writer's slices are not kept.
	in.Mentions, in.Data = slices.Clone(in.Mentions), bytes.Clone(in.Data)
	if in.Target != nil {
		target := *in.Target
		in.Target = &target
	}
	p := &post{in: &in}
	r := newRequest(in.Room, 1, len(in.Text)+len(in.Data))
	if in.Kind == chat.Message {
		r.post = p
	}
	_, err := submit(ctx, s.shard(in.Room), "append", r, func(ctx context.Context, t *tx) (_ struct{}, err error) {
		p.result, err = t.append(ctx, &in)
		return struct{}{}, err
	})
	if err != nil {
		return chat.Appended{}, err
	}
	if !p.stored {
		return p.result, nil
	}
	e, hash, err := s.Find(ctx, in.Room, in.User.ID, in.ID)
	switch {
	case err != nil && ctx.Err() != nil:
		return chat.Appended{}, fmt.Errorf("postgres: append: %w: %w", chat.ErrOutcomeUnknown, err)
	case err != nil:
		return chat.Appended{}, err
	case hash != in.Hash:
		return chat.Appended{}, failed(ctx, "append", chat.ErrIDReused)
	}
	return chat.Appended{Event: e, Duplicate: true}, nil
}

func checkWrite(in *chat.Write) error {
	if err := checkKey(in.ID); err != nil {
		return err
	}
	if in.Target != nil {
		if err := checkUser(*in.Target); err != nil {
			return err
		}
	}
	return errors.Join(checkUser(in.User), check("room", in.Room), check("text", in.Text), check("data", string(in.Data)),
		check("mentions", in.Mentions...), check("role", in.Role))
}

// append stores one event and what it changes.
func (t *tx) append(ctx context.Context, in *chat.Write) (chat.Appended, error) {
	p := t.pipe()
	r := p.lock(in.Room)
	old := p.stored(in.Room, in.User.ID, in.ID)
	users := p.users(in.User, in.Target)
	found := p.concerns(in)
	if err := t.send(ctx, p); err != nil {
		return chat.Appended{}, err
	}
	switch {
	case r.no == 0:
		return chat.Appended{}, chat.ErrNotFound
	case old.found && old.hash != in.Hash:
		return chat.Appended{}, chat.ErrIDReused
	case old.found && old.batch == t.token: // by the attempt whose answer was lost
		t.events = []chat.Event{old.event}
		return chat.Appended{Event: old.event}, nil
	case old.found:
		return chat.Appended{Event: old.event, Duplicate: true}, nil
	case in.Basis < r.access, in.Known > r.seq:
		return chat.Appended{}, chat.ErrStale
	}
	if err := found.refuse(r, in); err != nil {
		return chat.Appended{}, err
	}
	if err := t.enter(ctx, users); err != nil {
		return chat.Appended{}, err
	}
	u := users[in.User.ID]
	e := sqlstore.EventOf(in)
	var target *user
	if in.Target != nil {
		target = users[in.Target.ID]
		e.Target = &target.User
	}
	if err := t.put(r, &e, in.Hash, u, target, nil); err != nil {
		return chat.Appended{}, err
	}
	t.apply(r, &e, found, u, target)
	t.move(r)
	return chat.Appended{Event: e}, nil
}

// Find is part of [chat.Log].
func (s *Store) Find(ctx context.Context, room chat.RoomID, user chat.UserID, id string) (chat.Event, [16]byte, error) {
	v, err := view(ctx, s, "find", func(ctx context.Context) (*stored, error) {
		if !storable(room) || !storable(user) || !storable(id) {
			return nil, chat.ErrNotFound
		}
		p := pipe{dialect: s.dialect}
		v := p.stored(room, user, id)
		err := p.send(ctx, s.readers)
		if err == nil && !v.found {
			err = chat.ErrNotFound
		}
		return v, err
	})
	if err != nil {
		return chat.Event{}, [16]byte{}, err
	}
	return v.event, v.hash, nil
}
