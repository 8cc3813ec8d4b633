package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

const memberColumns = `u.id, u.name, u.bot, m.role, m.banned, m.since, m.visible_from, m.read`

func (r *row) member() chat.Member {
	return chat.Member{User: r.user(), Role: chat.Role(r.text()), Banned: r.bool(), Since: r.seq(), VisibleFrom: r.seq(), Read: r.seq()}
}

// admitted is the place of the viewer $1 in the room $2, and what the room has
// to be seen. There is no row when there is no such room, and none for who is
// not a member, but for the system. It is read in the query that it is a part
// of, so at the same moment as the rest.
const admitted = `admitted AS MATERIALIZED (
	SELECT r.no, h.seq AS head, greatest(h.floor, coalesce(m.visible_from, 0)) AS floor, coalesce(m.role, '') AS role,
		coalesce(m.user_no, 0) AS me
	FROM {s}rooms r JOIN {s}heads h ON h.room_no = r.no
	LEFT JOIN {s}members m ON m.room_no = r.no AND m.user_id = $1 AND NOT m.banned
	WHERE r.id = $2 AND (m.user_no IS NOT NULL OR $1 = 'system')
)`

// Members is part of [chat.Directory].
func (s *Store) Members(ctx context.Context, viewer chat.UserID, room chat.RoomID, after chat.UserID, limit int) ([]chat.Member, error) {
	limit = max(1, min(limit, pageMax))
	return view(ctx, s, "members", func(ctx context.Context) (members []chat.Member, err error) {
		if !storable(viewer) || !storable(room) || !storable(after) {
			return nil, chat.ErrNotFound
		}
		found, err := s.one(ctx, func(r *row) {
			if r.int() != 0 {
				members = append(members, r.member())
			}
		}, membersQuery, viewer, room, after, limit)
		if err == nil && !found {
			err = chat.ErrNotFound
		}
		return members, err
	})
}

const membersQuery = `WITH ` + admitted + `
SELECT u.no, ` + memberColumns + ` FROM admitted a LEFT JOIN LATERAL (
	SELECT * FROM (SELECT * FROM {s}members m WHERE m.room_no = a.no AND m.user_id > $3
		AND (NOT m.banned OR $1 = 'system' OR a.role IN ('owner', 'admin')) ORDER BY m.user_id LIMIT 200) m LIMIT $4
) m ON true LEFT JOIN {s}users u ON u.no = m.user_no ORDER BY m.user_id`

// Snapshot is part of [chat.Directory].
func (s *Store) Snapshot(ctx context.Context, room chat.RoomID, users []chat.UserID) (chat.Snapshot, error) {
	return view(ctx, s, "snapshot", func(ctx context.Context) (chat.Snapshot, error) {
		v := chat.Snapshot{Members: make(map[chat.UserID]chat.Member, len(users))}
		if !storable(room) {
			return v, chat.ErrNotFound
		}
		found := false
		p := pipe{dialect: s.dialect}
		p.exec(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
		p.query(func(r *row) {
			found = true
			v.Access = r.seq()
			v.Info = r.room()
		}, `SELECT h.access, `+roomColumns+` FROM `+roomTables+` WHERE r.id = $2`, int64(0), room)
		if len(users) > 0 {
			p.query(func(r *row) {
				m := r.member()
				v.Members[m.User.ID] = m
			}, `SELECT `+memberColumns+` FROM unnest($2::text[]) AS i (id)
				JOIN LATERAL (SELECT * FROM {s}members
					WHERE room_no = (SELECT no FROM {s}rooms WHERE id = $1) AND user_id = i.id OFFSET 0) m ON true
				JOIN {s}users u ON u.no = m.user_no`, room, known(users))
		}
		p.exec(`COMMIT`)
		err := p.send(ctx, s.readers)
		if err == nil && !found {
			err = chat.ErrNotFound
		}
		return v, err
	})
}

// maxMarks is how many read markers one transaction moves.
const maxMarks = 500

// MarkRead is part of [chat.Directory].
func (s *Store) MarkRead(ctx context.Context, in []chat.ReadMark) error {
	marks := make([]chat.ReadMark, 0, len(in))
	for _, m := range in {
		if storable(m.Room) && storable(m.User) {
			m.Seq = min(m.Seq, sqlstore.MaxSeq)
			marks = append(marks, m)
		}
	}
	slices.SortFunc(marks, func(a, b chat.ReadMark) int {
		return cmp.Or(cmp.Compare(a.Room, b.Room), cmp.Compare(a.User, b.User), cmp.Compare(b.Seq, a.Seq))
	})
	// The highest one of each member.
	marks = slices.CompactFunc(marks, func(a, b chat.ReadMark) bool { return a.Room == b.Room && a.User == b.User })
	for part := range slices.Chunk(marks, maxMarks) {
		_, err := submit(ctx, s.side, "mark read", newRequest("", len(part), 0), func(ctx context.Context, t *tx) (struct{}, error) {
			return struct{}{}, t.markRead(ctx, part)
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (t *tx) markRead(ctx context.Context, marks []chat.ReadMark) error {
	rooms, users, seqs := make([]string, len(marks)), make([]string, len(marks)), make([]int64, len(marks))
	for i, m := range marks {
		rooms[i], users[i], seqs[i] = string(m.Room), string(m.User), int64(m.Seq)
	}
	p := t.pipe()
	p.exec(markQuery, rooms, users, seqs)
	return t.send(ctx, p)
}

// markQuery moves markers, up to the heads of the rooms. It updates what it has
// locked in the order of all writers, and nothing else: a head that moves, or a
// member who comes, between the two can't add a row that is locked in the order
// of the request. n is that of the event at the marker or, where that is not kept
// any more, the one before the oldest that is: nobody can read what is gone.
const markQuery = `WITH marked AS MATERIALIZED (
	SELECT r.room_no, i.user_id, least(i.seq, r.seq) AS seq
	FROM unnest($1::text[], $2::text[], $3::bigint[]) AS i (room_id, user_id, seq)
	JOIN LATERAL (SELECT h.room_no, h.seq FROM {s}heads h WHERE h.id = i.room_id OFFSET 0) r ON true
), locked AS MATERIALIZED (
	SELECT m.user_no, m.room_no, k.seq FROM marked k JOIN {s}members m ON m.room_no = k.room_no AND m.user_id = k.user_id
	WHERE NOT m.banned AND m.read < k.seq ORDER BY m.room_no, m.user_id FOR NO KEY UPDATE OF m
)
UPDATE {s}members m SET read = k.seq, n = CASE WHEN m.since > k.seq THEN m.n ELSE greatest(m.n, (
		SELECT e.n - (e.seq > k.seq AND e.kind = 2)::int FROM {s}events e WHERE e.room_no = k.room_no AND e.seq >= k.seq
		ORDER BY e.seq LIMIT 1)) END
	FROM locked k WHERE m.user_no = k.user_no AND m.room_no = k.room_no AND NOT m.banned AND m.read < k.seq`
