package postgres

import (
	"context"

	"github.com/carlware/gochat/chat"
)

// Inbox is part of [chat.Directory].
func (s *Store) Inbox(ctx context.Context, user chat.UserID) (chat.Inbox, error) {
	return view(ctx, s, "inbox", func(ctx context.Context) (in chat.Inbox, err error) {
		if !storable(user) {
			return in, nil
		}
		err = s.query(ctx, func(r *row) {
			if in.Rooms == nil {
				in.Rooms = []chat.InboxEntry{}
			}
			in.Rev = r.int()
			if r.int() != 0 {
				in.Rooms = append(in.Rooms, r.entry())
			}
		}, inboxQuery, user)
		return in, err
	})
}

// What is unread is the difference of two counters: how many messages there
// were, and how many of them at the read marker or at the join. The last
// message comes last, because its columns are read only if there is one. A
// user without rooms is one row without a room.
const inboxQuery = `SELECT me.rooms_rev, r.no, m.role, m.read, m.since, m.visible_from, h.access,
	h.n - m.n, h.last,
	` + roomColumns + `, ` + eventColumns + `
	FROM {s}users me
	LEFT JOIN {s}members m ON m.user_no = me.no AND NOT m.banned
	LEFT JOIN {s}rooms r ON r.no = m.room_no LEFT JOIN {s}heads h ON h.room_no = m.room_no
	LEFT JOIN {s}users o ON o.no = CASE me.no WHEN r.one_no THEN r.other_no WHEN r.other_no THEN r.one_no END
	LEFT JOIN LATERAL (SELECT * FROM {s}events e WHERE e.room_no = r.no AND e.seq = h.last OFFSET 0) e ON true
	` + eventOthers + `
	WHERE me.id = $1 ORDER BY r.id`

// entry reads a row of the inboxQuery.
func (r *row) entry() (v chat.InboxEntry) {
	v.Role = chat.Role(r.text())
	v.Read, v.Since, v.VisibleFrom, v.Access = r.seq(), r.seq(), r.seq(), r.seq()
	v.Unread = r.int()
	last := r.seq()
	v.RoomInfo = r.room()
	if last > 0 && last >= v.VisibleFrom {
		e := r.event(v.ID)
		v.Last = &e
	}
	return v
}
