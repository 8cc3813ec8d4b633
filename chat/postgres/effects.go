package postgres

import (
	"fmt"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
	"github.com/carlware/gochat/internal/text"
)

// concerns is what a write is about as it was before. All of it changes only
// under the lock of the room, so it stays true until the transaction ends.
type concerns struct {
	holder  int64 // of the name, among public rooms
	message bool  // Ref is one, and not deleted
	place         // of the target
	reactions
}

// place is where a user is in a room: nowhere, or one of these.
type place struct{ member, banned bool }

// concerns adds the queries that tell what in is about.
func (p *pipe) concerns(in *chat.Write) *concerns {
	c := &concerns{}
	switch in.Kind {
	case chat.Joined, chat.Left, chat.Banned, chat.RoleChanged:
		if in.Target != nil {
			p.query(func(r *row) {
				c.banned = r.bool()
				c.member = !c.banned
			}, `SELECT banned FROM {s}members WHERE room_no = (SELECT no FROM {s}rooms WHERE id = $1) AND user_id = $2`, in.Room, in.Target.ID)
		}
	case chat.Renamed:
		p.named(in.Text, &c.holder)
	case chat.Edited, chat.Deleted, chat.Reacted:
		p.query(func(*row) { c.message = true }, `SELECT FROM {s}events WHERE room_no = (SELECT no FROM {s}rooms WHERE id = $1)
			AND seq = $2 AND kind = 2 AND deleted_by = 0`, in.Room, min(in.Ref, sqlstore.MaxSeq))
		if in.Kind == chat.Reacted {
			p.reactions(in, &c.reactions)
		}
	}
	return c
}

// refuse refuses what in can't change.
func (c *concerns) refuse(r *room, in *chat.Write) error {
	switch in.Kind {
	case chat.Joined, chat.Left, chat.Banned, chat.RoleChanged:
		if in.Target == nil {
			return fmt.Errorf("%s without a target", in.Kind)
		}
	case chat.Renamed:
		if r.public && c.holder != 0 && c.holder != r.no {
			return chat.ErrConflict
		}
	case chat.Edited, chat.Deleted, chat.Reacted:
		if !c.message {
			return chat.ErrNotFound
		}
		if in.Kind == chat.Reacted && !in.Off {
			return c.reactions.refuse()
		}
	}
	return nil
}

// named adds a query for the number of the public room that has a name; no
// stays 0 if there is none.
func (p *pipe) named(name string, no *int64) {
	p.query(func(r *row) { *no = r.int() }, `SELECT no FROM {s}rooms WHERE name_key = $1`, text.Fold(name))
}

// apply changes the tables as the kind of e says. [tx.move] must follow.
func (t *tx) apply(r *room, e *chat.Event, was *concerns, u, target *user) {
	switch e.Kind {
	case chat.Joined:
		t.member(r, e, !was.member, target)
		t.raise(target)
	case chat.Left:
		if was.member {
			r.members--
			t.removeMember(r, target)
			t.raise(target)
		}
	case chat.Banned:
		t.ban(r, e.Off, was.place, target)
	case chat.RoleChanged:
		if was.member {
			t.write(`UPDATE {s}members SET role = $3 WHERE room_no = $1 AND user_id = $2`, r.no, target.ID, e.Role)
			t.raise(target)
		}
	case chat.Renamed:
		t.write(`UPDATE {s}rooms SET name = $1, name_key = CASE kind WHEN 'public' THEN $2 END WHERE no = $3`, e.Text, text.Fold(e.Text), r.no)
	case chat.Archived:
		t.write(`UPDATE {s}rooms SET archived = $1 WHERE no = $2`, !e.Off, r.no)
	case chat.Updated:
		t.write(`UPDATE {s}rooms SET data = $1 WHERE no = $2`, string(e.Data), r.no)
	case chat.Edited:
		t.write(`UPDATE {s}events SET text = $3, mentions = $4, data = $5, edited_by = $6 WHERE room_no = $1 AND seq = $2`,
			r.no, e.Ref, e.Text, sqlstore.List(e.Mentions), string(e.Data), e.Seq)
	case chat.Deleted:
		t.dropReactions(r, e.Ref, e.Ref)
		t.write(`UPDATE {s}events SET text = '', mentions = '', data = '', edited_by = 0, deleted_by = $3 WHERE room_no = $1 AND seq = $2`,
			r.no, e.Ref, e.Seq)
	case chat.Reacted:
		t.react(r, e, &was.reactions, u)
	}
}

// member stores the place that target has from e on. Whoever is a member
// already keeps the read marker.
func (t *tx) member(r *room, e *chat.Event, fresh bool, target *user) {
	if fresh {
		r.members++
	}
	from := chat.Seq(0)
	if r.hides {
		from = e.Seq
	}
	t.write(`INSERT INTO {s}members (user_no, room_no, user_id, role, banned, since, visible_from, n)
		VALUES ($1, $2, $3, $4, false, $5, $6, $7) ON CONFLICT (user_no, room_no) DO UPDATE
		SET role = excluded.role, banned = false, since = excluded.since, visible_from = excluded.visible_from, n = excluded.n`,
		target.no, r.no, target.ID, e.Role, e.Seq, from, r.n)
}

// ban ends the membership of target and marks it, or removes the mark.
func (t *tx) ban(r *room, off bool, was place, target *user) {
	if off != was.banned {
		return // as it is
	}
	t.removeMember(r, target)
	if off {
		return
	}
	if was.member {
		r.members--
		t.raise(target)
	}
	t.write(`INSERT INTO {s}members (user_no, room_no, user_id, role, banned) VALUES ($1, $2, $3, '', true)`, target.no, r.no, target.ID)
}

func (t *tx) removeMember(r *room, target *user) {
	t.write(`DELETE FROM {s}members WHERE room_no = $1 AND user_id = $2`, r.no, target.ID)
}
