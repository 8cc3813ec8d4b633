package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/text"
)

// A query of rooms begins with SELECT roomColumns FROM roomTables. Its first
// parameter is the number of the user who asks, 0 for nobody.
const (
	roomColumns = `r.id, r.name, r.kind, r.archived, r.hides, r.created_at, r.data, h.seq, h.floor, h.members, o.no, o.id, o.name, o.bot`
	roomTables  = `{p}rooms r CROSS JOIN {p}heads h ON h.room_no = r.no LEFT JOIN {p}users o ON o.no = ` + otherUser
	// In a room of one's own both numbers are one's own.
	otherUser = `CASE ?1 WHEN r.one_no THEN r.other_no WHEN r.other_no THEN r.one_no END`
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

// userNo returns the number of a user, or 0.
func (c *conn) userNo(id chat.UserID) (no int64, err error) {
	_, err = c.one(func(r *row) { no = r.int() }, `SELECT no FROM {p}users WHERE id = ?`, id)
	return no, err
}

// roomWhere returns one room as viewer sees it, or ErrNotFound.
func (c *conn) roomWhere(viewer int64, where string, arg any) (info chat.RoomInfo, err error) {
	found, err := c.one(func(r *row) { info = r.room() },
		`SELECT `+roomColumns+` FROM `+roomTables+` WHERE `+where, viewer, arg)
	if err == nil && !found {
		err = chat.ErrNotFound
	}
	return info, err
}

// CreateRoom is part of [chat.Directory].
func (s *Store) CreateRoom(ctx context.Context, in chat.RoomWrite) (chat.CreatedRoom, error) {
	if err := checkKey(in.ID); err != nil {
		return chat.CreatedRoom{}, err
	}
	in.Data, in.Members = bytes.Clone(in.Data), slices.Clone(in.Members)
	return submit(ctx, s, "create room", 1+len(in.Members), len(in.Data), func(w *writer) (chat.CreatedRoom, error) {
		return w.createRoom(&in)
	})
}

func (w *writer) createRoom(in *chat.RoomWrite) (chat.CreatedRoom, error) {
	there, err := w.roomThere(in)
	if err != nil {
		return chat.CreatedRoom{}, err
	}
	duplicate := there != 0
	if !duplicate {
		if in.Kind == chat.Public {
			if err := w.checkName(in.Name, 0); err != nil {
				return chat.CreatedRoom{}, err
			}
		}
		if err := w.atomically(func() error {
			there, err = w.makeRoom(in)
			return err
		}); err != nil {
			return chat.CreatedRoom{}, err
		}
	}
	if err := w.flush(); err != nil { // for the head in what is returned
		return chat.CreatedRoom{}, err
	}
	by, err := w.enter(in.By)
	if err != nil {
		return chat.CreatedRoom{}, err
	}
	info, err := w.roomWhere(by.no, `r.no = ?2`, there)
	return chat.CreatedRoom{Info: info, Duplicate: duplicate}, err
}

// roomThere returns the number of the room that is the answer to in already,
// or 0.
func (w *writer) roomThere(in *chat.RoomWrite) (no int64, err error) {
	by, err := w.user(in.By.ID)
	if err != nil {
		return 0, err
	}
	if by != nil {
		var hash [16]byte
		found, err := w.one(func(r *row) { no, hash = r.int(), r.hash() },
			`SELECT no, by_hash FROM {p}rooms WHERE by_no = ? AND by_id = ?`, by.no, in.ID)
		if err == nil && found && hash != in.Hash {
			err = chat.ErrIDReused
		}
		if err != nil || found {
			return no, err
		}
	}
	if in.Kind != chat.Direct {
		return 0, nil
	}
	ends := make([]int64, 0, 2)
	for _, m := range in.Members {
		u, err := w.user(m.User.ID)
		if err != nil || u == nil {
			return 0, err // somebody new has no rooms
		}
		ends = append(ends, u.no)
	}
	one, other, err := pair(ends)
	if err != nil {
		return 0, err
	}
	_, err = w.one(func(r *row) { no = r.int() },
		`SELECT no FROM {p}rooms WHERE kind = 'direct' AND one_no = ? AND other_no = ?`, one, other)
	return no, err
}

// pair returns the two ends of a direct room, in order. With oneself they are
// the same.
func pair(users []int64) (one, other int64, err error) {
	if len(users) == 0 || len(users) > 2 {
		return 0, 0, errors.New("a direct room has one member or two")
	}
	return slices.Min(users), slices.Max(users), nil
}

// makeRoom stores a room with its first events.
func (w *writer) makeRoom(in *chat.RoomWrite) (int64, error) {
	by, err := w.enter(in.By)
	if err != nil {
		return 0, err
	}
	members := make([]*user, len(in.Members))
	var nos []int64
	for i, m := range in.Members {
		if members[i], err = w.enter(m.User); err != nil {
			return 0, err
		}
		nos = append(nos, members[i].no)
	}
	var one, other int64
	var nameKey any
	switch in.Kind {
	case chat.Direct:
		if one, other, err = pair(nos); err != nil {
			return 0, err
		}
	case chat.Public:
		nameKey = text.Fold(in.Name)
	}
	if err := w.exec(`INSERT INTO {p}rooms (id, kind, name, name_key, one_no, other_no, hides, created_at, data, by_no, by_id, by_hash)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?)`,
		in.Room, in.Kind, in.Name, nameKey, one, other, in.Hides, w.now, in.Data, by.no, in.ID, in.Hash); err != nil {
		return 0, err
	}
	r := &room{no: w.db.LastInsertRowID(), id: in.Room, public: in.Kind == chat.Public, hides: in.Hides}
	if err := w.exec(`INSERT INTO {p}heads (room_no, seq, floor, access, last, n, at, members, floor_at) VALUES (?, 0, 1, 0, 0, 0, 0, 0, ?)`, r.no, w.now); err != nil {
		return 0, err
	}
	w.rooms[r.id] = r
	e := chat.Event{ID: in.ID, Kind: chat.Created, Text: in.Name}
	if _, err := w.put(r, &e, in.Hash, by, nil, nil); err != nil {
		return 0, err
	}
	for i, m := range in.Members {
		e := chat.Event{ID: fmt.Sprintf("%s.%d", in.ID, i+1), Kind: chat.Joined, Target: &members[i].User, Role: m.Role}
		if _, err := w.put(r, &e, [16]byte{}, by, members[i], nil); err != nil {
			return 0, err
		}
		if err := w.join(r, &e, members[i]); err != nil {
			return 0, err
		}
	}
	return r.no, nil
}

// RoomNamed is part of [chat.Directory].
func (s *Store) RoomNamed(ctx context.Context, name string) (chat.RoomInfo, error) {
	return view(ctx, s, "room by name", func(c *conn) (chat.RoomInfo, error) {
		return c.roomWhere(0, `r.name_key = ?2`, text.Fold(name))
	})
}

// Rooms is part of [chat.Directory].
func (s *Store) Rooms(ctx context.Context, user chat.UserID, after chat.RoomID, limit int) ([]chat.RoomInfo, error) {
	limit = max(1, min(limit, pageMax))
	return view(ctx, s, "rooms", func(c *conn) ([]chat.RoomInfo, error) {
		me, err := c.userNo(user)
		if err != nil {
			return nil, err
		}
		var rooms []chat.RoomInfo
		add := func(r *row) error {
			rooms = append(rooms, r.room())
			return nil
		}
		// Two queries, so that each can follow an index.
		if err := c.query(add, `SELECT `+roomColumns+` FROM {p}members m CROSS JOIN `+roomTables+`
			WHERE m.user_no = ?1 AND m.banned = 0 AND r.no = m.room_no AND r.id > ?2 ORDER BY r.id LIMIT ?3`, me, after, limit); err != nil {
			return nil, err
		}
		if err := c.query(add, `SELECT `+roomColumns+` FROM `+roomTables+`
			WHERE r.kind = 'public' AND r.id > ?2 AND r.archived = 0
				AND NOT EXISTS (SELECT 1 FROM {p}members m WHERE m.user_no = ?1 AND m.room_no = r.no)
			ORDER BY r.id LIMIT ?3`, me, after, limit); err != nil {
			return nil, err
		}
		slices.SortFunc(rooms, func(a, b chat.RoomInfo) int { return cmp.Compare(a.ID, b.ID) })
		return rooms[:min(limit, len(rooms))], nil
	})
}

// Heads is part of [chat.Log].
func (s *Store) Heads(ctx context.Context, known map[chat.RoomID]chat.Seq) (map[chat.RoomID]chat.Seq, error) {
	asked, err := json.Marshal(known)
	if err != nil {
		return nil, fmt.Errorf("heads: %w", err)
	}
	return view(ctx, s, "heads", func(c *conn) (map[chat.RoomID]chat.Seq, error) {
		heads := map[chat.RoomID]chat.Seq{}
		return heads, c.query(func(r *row) error {
			heads[chat.RoomID(r.text())] = r.seq()
			return nil
		}, `SELECT j.key, coalesce(h.seq, 0) FROM json_each(?) j LEFT JOIN {p}rooms r ON r.id = j.key LEFT JOIN {p}heads h ON h.room_no = r.no
			WHERE coalesce(h.seq, 0) <> j.value`, string(asked))
	})
}
