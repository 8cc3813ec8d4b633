package sqlite

import (
	"context"

	"github.com/carlware/gochat/chat"
)

// Inbox is part of [chat.Directory].
func (s *Store) Inbox(ctx context.Context, user chat.UserID) (chat.Inbox, error) {
	return view(ctx, s, "inbox", func(c *conn) (chat.Inbox, error) {
		var in chat.Inbox
		var me int64
		found, err := c.one(func(r *row) { me, in.Rev = r.int(), r.int() },
			`SELECT no, rooms_rev FROM {p}users WHERE id = ?`, user)
		if err != nil || !found {
			return in, err
		}
		in.Rooms = []chat.InboxEntry{}
		err = c.query(func(r *row) error {
			entry, err := r.entry()
			in.Rooms = append(in.Rooms, entry)
			return err
		}, inboxQuery, me)
		return in, err
	})
}

// What is unread is the difference of two counters: how many messages there
// are, and how many there were at the read marker or at the join. The last
// message comes last, because its columns are read only if there is one.
const inboxQuery = `SELECT m.role, m.read, m.since, m.visible_from, h.access,
	h.n - m.n, h.last,
	` + roomColumns + `, ` + eventColumns + `, ` + restColumns + `
	FROM {p}members m CROSS JOIN {p}rooms r ON r.no = m.room_no CROSS JOIN {p}heads h ON h.room_no = m.room_no
	LEFT JOIN {p}users o ON o.no = ` + otherUser + `
	LEFT JOIN {p}events e ON e.key = r.no << 40 | h.last
	` + eventUser + restTables + `
	WHERE m.user_no = ?1 AND m.banned = 0 ORDER BY r.id`

// entry reads a row of the inboxQuery.
func (r *row) entry() (v chat.InboxEntry, err error) {
	v.Role = chat.Role(r.text())
	v.Read, v.Since, v.VisibleFrom, v.Access = r.seq(), r.seq(), r.seq(), r.seq()
	v.Unread = r.int()
	last := r.seq()
	v.RoomInfo = r.room()
	if last > 0 && last >= v.VisibleFrom {
		e, err := r.whole(v.ID)
		v.Last = &e
		return v, err
	}
	return v, nil
}
