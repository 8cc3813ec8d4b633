package sqlite

import (
	"context"
	"slices"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

const memberColumns = `u.id, u.name, u.bot, m.role, m.banned, m.since, m.visible_from, m.read`

func (r *row) member() chat.Member {
	return chat.Member{User: r.user(), Role: chat.Role(r.text()), Banned: r.bool(), Since: r.seq(), VisibleFrom: r.seq(), Read: r.seq()}
}

// access is what a viewer may see of a room.
type access struct {
	room  int64
	me    int64 // the number of the viewer who is a member
	head  chat.Seq
	floor chat.Seq  // the first event to be seen
	role  chat.Role // none for System
}

// admit returns what viewer may see of a room, in the transaction that reads
// it. Who is not a member gets ErrNotFound.
func (c *conn) admit(viewer chat.UserID, room chat.RoomID) (a access, err error) {
	found, err := c.one(func(r *row) {
		a.room, a.head, a.floor = r.int(), r.seq(), r.seq()
		a.me = r.int()
		a.floor = max(a.floor, r.seq())
		a.role = chat.Role(r.text())
	}, `SELECT r.no, h.seq, h.floor, m.user_no, m.visible_from, m.role FROM {p}rooms r CROSS JOIN {p}heads h ON h.room_no = r.no
		LEFT JOIN {p}members m ON m.user_no = (SELECT no FROM {p}users WHERE id = ?1) AND m.room_no = r.no AND m.banned = 0
		WHERE r.id = ?2`, viewer, room)
	if err == nil && (!found || a.me == 0 && viewer != chat.System) {
		err = chat.ErrNotFound
	}
	return a, err
}

// Members is part of [chat.Directory].
func (s *Store) Members(ctx context.Context, viewer chat.UserID, room chat.RoomID, after chat.UserID, limit int) ([]chat.Member, error) {
	limit = max(1, min(limit, pageMax))
	return view(ctx, s, "members", func(c *conn) ([]chat.Member, error) {
		a, err := c.admit(viewer, room)
		if err != nil {
			return nil, err
		}
		banned := viewer == chat.System || a.role == chat.Owner || a.role == chat.Admin
		var members []chat.Member
		return members, c.query(func(r *row) error {
			members = append(members, r.member())
			return nil
		}, `SELECT `+memberColumns+` FROM {p}members m CROSS JOIN {p}users u ON u.no = m.user_no
			WHERE m.room_no = ? AND m.user_id > ? AND m.banned <= ? ORDER BY m.user_id LIMIT ?`, a.room, after, banned, limit)
	})
}

// Snapshot is part of [chat.Directory].
func (s *Store) Snapshot(ctx context.Context, room chat.RoomID, users []chat.UserID) (chat.Snapshot, error) {
	return view(ctx, s, "snapshot", func(c *conn) (chat.Snapshot, error) {
		v := chat.Snapshot{Members: make(map[chat.UserID]chat.Member, len(users))}
		var no int64
		found, err := c.one(func(r *row) {
			no, v.Access = r.int(), r.seq()
			v.Info = r.room()
		}, `SELECT r.no, h.access, `+roomColumns+` FROM `+roomTables+` WHERE r.id = ?2`, 0, room)
		switch {
		case err != nil:
			return v, err
		case !found:
			return v, chat.ErrNotFound
		}
		return v, c.query(func(r *row) error {
			m := r.member()
			v.Members[m.User.ID] = m
			return nil
		}, `SELECT `+memberColumns+` FROM json_each(?2) j CROSS JOIN {p}users u ON u.id = j.value
			CROSS JOIN {p}members m ON m.user_no = u.no AND m.room_no = ?1`, no, array(users))
	})
}

// MarkRead is part of [chat.Directory].
func (s *Store) MarkRead(ctx context.Context, marks []chat.ReadMark) error {
	marks = slices.Clone(marks)
	_, err := submit(ctx, s, "mark read", len(marks), 0, func(w *writer) (struct{}, error) {
		for _, m := range marks {
			if err := w.markRead(m); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	return err
}

func (w *writer) markRead(m chat.ReadMark) error {
	r, err := w.room(m.Room)
	if err == chat.ErrNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	u, err := w.user(m.User)
	if err != nil || u == nil {
		return err
	}
	seq := min(m.Seq, r.seq)
	// n is that of the event at the marker or, where that is not kept any
	// more, the one before the oldest that is: nobody can read what is gone.
	return w.exec(`UPDATE {p}members SET read = ?1, n = CASE WHEN since > ?1 THEN n ELSE max(n,
			(SELECT e.n - (e.key > ?4 AND e.kind = ?5) FROM {p}events e WHERE e.key BETWEEN ?4 AND ?6 ORDER BY e.key LIMIT 1)) END
		WHERE user_no = ?2 AND room_no = ?3 AND banned = 0 AND read < ?1`,
		seq, u.no, r.no, eventKey(r.no, seq), sqlstore.KindMessage, eventKey(r.no, r.seq))
}
