package postgres

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/text"
)

// A query of rooms begins with SELECT roomColumns FROM roomTables. Its first
// parameter is the number of the user who asks, 0 for nobody.
const (
	roomColumns = `r.id, r.name, r.kind, r.archived, r.hides, r.created_at, r.data, h.seq, h.floor, h.members, o.no, o.id, o.name, o.bot`
	roomTables  = `{s}rooms r JOIN {s}heads h ON h.room_no = r.no LEFT JOIN {s}users o ON o.no =
		CASE $1::bigint WHEN r.one_no THEN r.other_no WHEN r.other_no THEN r.one_no END` // in a room of one's own both are one's own
)

// room reads the roomColumns.
func (r *row) room() chat.RoomInfo {
	info := chat.RoomInfo{
		ID: chat.RoomID(r.text()), Name: r.text(), Kind: chat.RoomKind(r.text()), Archived: r.bool(), Hides: r.bool(),
		Created: r.time(), Data: r.json(), Head: r.seq(), Floor: r.seq(), Members: int(r.int()),
	}
	if r.int() != 0 {
		u := r.user()
		info.With = &u
	} else {
		r.next += 3
	}
	return info
}

// CreateRoom is part of [chat.Directory].
func (s *Store) CreateRoom(ctx context.Context, in chat.RoomWrite) (chat.CreatedRoom, error) {
	if err := checkRoom(&in); err != nil {
		return chat.CreatedRoom{}, err
	}
	in.Data, in.Members = bytes.Clone(in.Data), slices.Clone(in.Members)
	r := newRequest(in.Room, 1+len(in.Members), len(in.Data))
	return submit(ctx, s.shard(in.Room), "create room", r, func(ctx context.Context, t *tx) (chat.CreatedRoom, error) {
		return t.createRoom(ctx, &in)
	})
}

func checkRoom(in *chat.RoomWrite) error {
	if err := checkKey(in.ID); err != nil {
		return err
	}
	for _, m := range in.Members {
		if err := errors.Join(checkUser(m.User), check("role", m.Role)); err != nil {
			return err
		}
	}
	return errors.Join(checkUser(in.By), checkID(in.Room), check("name", in.Name), check("data", string(in.Data)))
}

// createRoom locks no head: nobody knows of the room before it is there.
// Others who create it at the same moment are found out by its unique keys.
func (t *tx) createRoom(ctx context.Context, in *chat.RoomWrite) (chat.CreatedRoom, error) {
	p := t.pipe()
	var no int64
	var hash [16]byte
	p.query(func(r *row) { no, hash = r.int(), r.hash() },
		`SELECT no, by_hash FROM {s}rooms WHERE by_no = (SELECT no FROM {s}users WHERE id = $1) AND by_id = $2`, in.By.ID, in.ID)
	members := make([]*chat.User, len(in.Members))
	for i := range in.Members {
		members[i] = &in.Members[i].User
	}
	users := p.users(in.By, members...)
	var holder int64
	p.named(in.Name, &holder)
	if err := t.send(ctx, p); err != nil {
		return chat.CreatedRoom{}, err
	}
	switch {
	case no != 0 && hash != in.Hash:
		return chat.CreatedRoom{}, chat.ErrIDReused
	case no != 0:
		return t.roomThere(ctx, no, users[in.By.ID])
	case in.Kind == chat.Public && holder != 0:
		return chat.CreatedRoom{}, chat.ErrConflict
	}
	if err := t.enter(ctx, users); err != nil {
		return chat.CreatedRoom{}, err
	}
	ends, err := pair(in, users)
	if err != nil {
		return chat.CreatedRoom{}, err
	}
	p = t.pipe()
	var other int64
	p.query(func(r *row) { other = r.int() },
		`SELECT no FROM {s}rooms WHERE kind = 'direct' AND one_no = $1 AND other_no = $2`, ends[0], ends[1])
	r := &room{id: in.Room, public: in.Kind == chat.Public, hides: in.Hides}
	p.query(func(row *row) { r.no, r.now = row.int(), row.int() }, `SELECT nextval(pg_get_serial_sequence($1, 'no')), {now}`, t.statement(`{s}rooms`))
	if err := t.send(ctx, p); err != nil {
		return chat.CreatedRoom{}, err
	}
	if in.Kind == chat.Direct && other != 0 {
		return t.roomThere(ctx, other, users[in.By.ID])
	}
	return t.makeRoom(ctx, in, r, users, ends)
}

// pair returns the two ends of a direct room, in order. With oneself they are
// the same.
func pair(in *chat.RoomWrite, users users) (ends [2]int64, err error) {
	if in.Kind != chat.Direct {
		return ends, nil
	}
	if n := len(in.Members); n == 0 || n > 2 {
		return ends, errors.New("a direct room has one member or two")
	}
	one, other := users[in.Members[0].User.ID].no, users[in.Members[len(in.Members)-1].User.ID].no
	return [2]int64{min(one, other), max(one, other)}, nil
}

// roomThere returns a room that was made before: by the attempt whose answer
// was lost, or by another request.
func (t *tx) roomThere(ctx context.Context, no int64, by *user) (c chat.CreatedRoom, err error) {
	p := t.pipe()
	if t.lost {
		// What that attempt has committed may be on its way to a standby
		// still. This one has something to commit, too, and waits for both.
		p.exec(`SELECT FROM {s}heads WHERE room_no = $1 FOR NO KEY UPDATE`, no)
	}
	p.query(func(r *row) { c.Info = r.room() }, `SELECT `+roomColumns+` FROM `+roomTables+` WHERE r.no = $2`, by.no, no)
	var events []chat.Event
	p.query(func(r *row) { events = append(events, r.event("")) },
		`SELECT `+eventColumns+` FROM `+eventTables+` WHERE e.room_no = $1 AND e.seq <= 1 + $3 AND e.batch = $2 ORDER BY e.seq`, no, t.token, maxMembers)
	if err := t.send(ctx, p); err != nil {
		return c, err
	}
	for i := range events {
		events[i].Room = c.Info.ID
	}
	t.events = events
	c.Duplicate = len(events) == 0
	return c, nil
}

// maxMembers bounds the members that a room begins with.
const maxMembers = 1000

// makeRoom stores a room with its first events.
func (t *tx) makeRoom(ctx context.Context, in *chat.RoomWrite, r *room, users users, ends [2]int64) (c chat.CreatedRoom, err error) {
	by := users[in.By.ID]
	var nameKey any
	if r.public {
		nameKey = text.Fold(in.Name)
	}
	t.write(`INSERT INTO {s}rooms (no, id, kind, name, name_key, one_no, other_no, hides, created_at, data, by_no, by_id, by_hash)
		OVERRIDING SYSTEM VALUE VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)`,
		r.no, in.Room, in.Kind, in.Name, nameKey, ends[0], ends[1], in.Hides, r.now, string(in.Data), by.no, in.ID, in.Hash[:])
	t.write(`INSERT INTO {s}heads (room_no, id, floor_at) VALUES ($1, $2, $3)`, r.no, in.Room, r.now)
	created := chat.Event{ID: in.ID, Kind: chat.Created, Text: in.Name}
	if err := t.put(r, &created, in.Hash, by, nil, nil); err != nil {
		return c, err
	}
	var nos []int64
	for i, m := range in.Members {
		u := users[m.User.ID]
		e := chat.Event{ID: fmt.Sprintf("%s.%d", in.ID, i+1), Kind: chat.Joined, Target: &u.User, Role: m.Role}
		if err := t.put(r, &e, [16]byte{}, by, u, nil); err != nil {
			return c, err
		}
		t.member(r, &e, !slices.Contains(nos, u.no), u)
		nos = append(nos, u.no)
	}
	t.move(r)
	t.write(`SELECT FROM {s}users WHERE no = ANY ($1::bigint[]) ORDER BY no FOR NO KEY UPDATE`, nos)
	t.write(`UPDATE {s}users SET rooms_rev = rooms_rev + 1 WHERE no = ANY ($1::bigint[])`, nos)
	t.writes.query(func(row *row) { c.Info = row.room() }, `SELECT `+roomColumns+` FROM `+roomTables+` WHERE r.no = $2`, by.no, r.no)
	err = t.commit(ctx)
	return c, err
}

// RoomNamed is part of [chat.Directory].
func (s *Store) RoomNamed(ctx context.Context, name string) (chat.RoomInfo, error) {
	return view(ctx, s, "room by name", func(ctx context.Context) (info chat.RoomInfo, err error) {
		if !storable(name) {
			return info, chat.ErrNotFound
		}
		found, err := s.one(ctx, func(r *row) { info = r.room() },
			`SELECT `+roomColumns+` FROM `+roomTables+` WHERE r.name_key = $2`, int64(0), text.Fold(name))
		if err == nil && !found {
			err = chat.ErrNotFound
		}
		return info, err
	})
}

// Rooms is part of [chat.Directory].
func (s *Store) Rooms(ctx context.Context, user chat.UserID, after chat.RoomID, limit int) ([]chat.RoomInfo, error) {
	limit = max(1, min(limit, pageMax))
	return view(ctx, s, "rooms", func(ctx context.Context) (rooms []chat.RoomInfo, err error) {
		if !storable(user) || !storable(after) {
			return nil, nil
		}
		err = s.query(ctx, func(r *row) { rooms = append(rooms, r.room()) }, roomsQuery, user, after, limit)
		slices.SortFunc(rooms, func(a, b chat.RoomInfo) int { return cmp.Compare(a.ID, b.ID) })
		return rooms[:min(limit, len(rooms))], err
	})
}

// The rooms that one is a member of, and those that one could join, each in
// the order of an index. A limit that is a number in the text tells the planner
// that only the first are wanted.
const roomsQuery = `WITH me AS MATERIALIZED (SELECT coalesce((SELECT no FROM {s}users WHERE id = $1), 0) AS no), found AS (
	(SELECT * FROM (SELECT r.no FROM {s}members m JOIN {s}rooms r ON r.no = m.room_no
		WHERE m.user_no = (SELECT no FROM me) AND NOT m.banned AND r.id > $2 ORDER BY r.id LIMIT 200) mine LIMIT $3)
	UNION ALL
	(SELECT * FROM (SELECT r.no FROM {s}rooms r WHERE r.kind = 'public' AND r.id > $2 AND NOT r.archived
		AND NOT EXISTS (SELECT FROM {s}members m WHERE m.room_no = r.no AND m.user_id = $1)
		ORDER BY r.id LIMIT 200) open LIMIT $3)
)
SELECT ` + roomColumns + ` FROM found f JOIN {s}rooms r ON r.no = f.no JOIN {s}heads h ON h.room_no = r.no
	LEFT JOIN {s}users o ON o.no = CASE (SELECT no FROM me) WHEN r.one_no THEN r.other_no WHEN r.other_no THEN r.one_no END`

// Heads is part of [chat.Log]. A node asks for thousands every two seconds. The
// ids, none of which has a line break in it (see checkID), and the seqs are sent
// as two texts, because arrays take the client several times as long.
func (s *Store) Heads(ctx context.Context, known map[chat.RoomID]chat.Seq) (map[chat.RoomID]chat.Seq, error) {
	heads := map[chat.RoomID]chat.Seq{}
	n, size := 0, 0
	for id := range known {
		size += len(id) + 1
	}
	ids, seqs := make([]byte, 0, size), append(make([]byte, 0, 8*len(known)), '{')
	for id, seq := range known {
		switch {
		case checkID(id) == nil:
			ids, seqs = append(append(ids, '\n'), id...), append(strconv.AppendInt(seqs, int64(seq), 10), ',')
			n++
		case seq != 0:
			heads[id] = 0
		}
	}
	if n > 0 {
		ids, seqs[len(seqs)-1] = ids[1:], '}'
	}
	return view(ctx, s, "heads", func(ctx context.Context) (map[chat.RoomID]chat.Seq, error) {
		if n == 0 {
			return heads, nil
		}
		p := pipe{dialect: s.dialect}
		query := headsQuery
		if n >= manyHeads {
			query = headsOfMany
			p.exec(`SELECT set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true)`)
		}
		p.query(func(r *row) { heads[chat.RoomID(r.text())] = r.seq() }, query, ids, seqs)
		return heads, p.send(ctx, s.readers)
	})
}

// From manyHeads on it is left to the planner, which expects a thousand lines,
// whether they are looked up one after the other, or joined with the whole table
// if it is not much larger: that takes the server a third of the time.
const (
	manyHeads  = 1000
	headsQuery = `SELECT k.id, coalesce(h.seq, 0)
	FROM (SELECT string_to_table($1::text, E'\n') AS id, unnest($2::text::bigint[]) AS seq OFFSET 0) k LEFT JOIN {s}heads h ON h.id = k.id
	WHERE coalesce(h.seq, 0) <> k.seq`
	headsOfMany = headsQuery + ` -- of many: a plan is made once for each text`
)
