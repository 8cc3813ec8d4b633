package sqlite

import (
	"fmt"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
	"github.com/carlware/gochat/internal/text"
)

// check refuses what in can't change.
func (w *writer) check(r *room, in *chat.Write) error {
	switch in.Kind {
	case chat.Joined, chat.Left, chat.Banned, chat.RoleChanged:
		if in.Target == nil {
			return fmt.Errorf("%s without a target", in.Kind)
		}
	case chat.Renamed:
		if r.public {
			return w.checkName(in.Text, r.no)
		}
	case chat.Edited, chat.Deleted, chat.Reacted:
		found, err := w.one(func(*row) {}, `SELECT 1 FROM {p}events WHERE key = ? AND kind = ? AND deleted_by = 0`,
			eventKey(r.no, min(in.Ref, sqlstore.MaxSeq)), sqlstore.KindMessage)
		if err == nil && !found {
			err = chat.ErrNotFound
		}
		if err == nil && in.Kind == chat.Reacted && !in.Off {
			err = w.checkReaction(eventKey(r.no, in.Ref), in.Text)
		}
		return err
	}
	return nil
}

// checkName refuses a name that a public room other than self has.
func (w *writer) checkName(name string, self int64) error {
	found, err := w.one(func(*row) {}, `SELECT 1 FROM {p}rooms WHERE name_key = ? AND no <> ?`, text.Fold(name), self)
	if err == nil && found {
		err = chat.ErrConflict
	}
	return err
}

// change stores the event of in and what it changes.
func (w *writer) change(r *room, in *chat.Write) (chat.Appended, error) {
	u, err := w.enter(in.User)
	if err != nil {
		return chat.Appended{}, err
	}
	e := sqlstore.EventOf(in)
	var target *user
	if in.Target != nil {
		if target, err = w.enter(*in.Target); err != nil {
			return chat.Appended{}, err
		}
		e.Target = &target.User
	}
	stored, err := w.put(r, &e, in.Hash, u, target, nil)
	if err == nil && !stored {
		err = fmt.Errorf("id %q was stored by nobody and is taken", in.ID)
	}
	if err == nil {
		err = w.apply(r, &e, u, target)
	}
	return chat.Appended{Event: e}, err
}

// apply changes the tables as the kind of e says.
func (w *writer) apply(r *room, e *chat.Event, u, target *user) error {
	key := eventKey(r.no, e.Ref)
	switch e.Kind {
	case chat.Joined:
		return w.join(r, e, target)
	case chat.Left:
		return w.leave(r, target)
	case chat.Banned:
		if e.Off {
			return w.exec(`DELETE FROM {p}members WHERE user_no = ? AND room_no = ? AND banned = 1`, target.no, r.no)
		}
		if err := w.leave(r, target); err != nil {
			return err
		}
		return w.exec(`INSERT INTO {p}members (user_no, room_no, user_id, role, banned, since, visible_from, read, n)
			VALUES (?, ?, ?, '', 1, 0, 0, 0, 0) ON CONFLICT DO NOTHING`, target.no, r.no, target.ID)
	case chat.RoleChanged:
		if err := w.exec(`UPDATE {p}members SET role = ? WHERE user_no = ? AND room_no = ? AND banned = 0`, e.Role, target.no, r.no); err != nil {
			return err
		}
		return w.raiseIfChanged(target)
	case chat.Renamed:
		return w.exec(`UPDATE {p}rooms SET name = ?1, name_key = CASE kind WHEN 'public' THEN ?2 END WHERE no = ?3`, e.Text, text.Fold(e.Text), r.no)
	case chat.Archived:
		r.archived = !e.Off
		return w.exec(`UPDATE {p}rooms SET archived = ? WHERE no = ?`, r.archived, r.no)
	case chat.Updated:
		return w.exec(`UPDATE {p}rooms SET data = ? WHERE no = ?`, e.Data, r.no)
	case chat.Edited:
		return w.exec(`UPDATE {p}events SET text = ?, mentions = ?, data = ?, edited_by = ? WHERE key = ?`,
			e.Text, sqlstore.List(e.Mentions), e.Data, e.Seq, key)
	case chat.Deleted:
		if err := w.dropReactions(key, key); err != nil {
			return err
		}
		return w.exec(`UPDATE {p}events SET text = '', mentions = '', data = '', edited_by = 0, deleted_by = ? WHERE key = ?`, e.Seq, key)
	case chat.Reacted:
		if e.Off {
			return w.takeBack(key, e, u)
		}
		return w.react(key, e, u)
	}
	return nil
}

// join makes target a member from e on. Whoever is one already keeps the read
// marker.
func (w *writer) join(r *room, e *chat.Event, target *user) error {
	from := chat.Seq(0)
	if r.hides {
		from = e.Seq
	}
	there, err := w.one(func(*row) {}, `SELECT 1 FROM {p}members WHERE user_no = ? AND room_no = ? AND banned = 0`, target.no, r.no)
	if err != nil {
		return err
	}
	if !there {
		r.members++
		w.changed(r)
	}
	if err := w.exec(`INSERT INTO {p}members (user_no, room_no, user_id, role, banned, since, visible_from, read, n)
		VALUES (?, ?, ?, ?, 0, ?, ?, 0, ?) ON CONFLICT (user_no, room_no) DO UPDATE
		SET role = excluded.role, banned = 0, since = excluded.since, visible_from = excluded.visible_from, n = excluded.n`,
		target.no, r.no, target.ID, e.Role, e.Seq, from, r.n); err != nil {
		return err
	}
	return w.raise(target)
}

// leave ends the membership of target, if it is a member.
func (w *writer) leave(r *room, target *user) error {
	if err := w.exec(`DELETE FROM {p}members WHERE user_no = ? AND room_no = ? AND banned = 0`, target.no, r.no); err != nil {
		return err
	}
	if w.db.Changes() > 0 {
		r.members--
		w.changed(r)
	}
	return w.raiseIfChanged(target)
}

func (w *writer) raiseIfChanged(target *user) error {
	if w.db.Changes() == 0 {
		return nil
	}
	return w.raise(target)
}
