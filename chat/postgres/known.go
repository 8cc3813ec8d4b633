package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

// room is a room whose head is locked: what is read of it stays so until the
// transaction ends.
type room struct {
	no       int64 // 0: there is none
	id       chat.RoomID
	public   bool
	hides    bool
	archived bool

	seq     chat.Seq
	access  chat.Seq
	last    chat.Seq // the newest message
	n       int64    // messages
	at      int64
	members int64
	floor   chat.Seq
	now     int64 // the time of the server
}

const roomQuery = `SELECT r.no, r.kind, r.hides, r.archived, h.seq, h.access, h.last, h.n, h.at, h.members, h.floor, {now}
	FROM {s}rooms r JOIN {s}heads h ON h.room_no = r.no WHERE r.id = $1`

// lock adds what locks a room and then reads it.
func (p *pipe) lock(id chat.RoomID) *room {
	v := &room{id: id}
	p.exec(lockHeads, []string{string(id)})
	p.query(func(r *row) {
		v.no, v.public = r.int(), r.text() == string(chat.Public)
		v.hides, v.archived = r.bool(), r.bool()
		v.seq, v.access, v.last, v.n, v.at = r.seq(), r.seq(), r.seq(), r.int(), r.int()
		v.members, v.floor, v.now = r.int(), r.seq(), r.int()
	}, roomQuery, id)
	return v
}

// user is a user as the tables have it.
type user struct {
	chat.User
	no int64 // 0: not there
}

// users are those that a request is about.
type users map[chat.UserID]*user

// users adds a query for users. Those that are not there are in the result as
// they are given.
func (p *pipe) users(one chat.User, others ...*chat.User) users {
	us := users{one.ID: {User: one}}
	for _, o := range others {
		if o != nil && us[o.ID] == nil {
			us[o.ID] = &user{User: *o}
		}
	}
	p.readUsers(us)
	return us
}

func (p *pipe) readUsers(us users) {
	ids := make([]string, 0, len(us))
	for id := range us {
		ids = append(ids, string(id))
	}
	p.query(func(r *row) {
		no, u := r.int(), r.user()
		us[u.ID].no, us[u.ID].User = no, u
	}, `SELECT no, id, name, bot FROM {s}users WHERE id = ANY ($1::text[])`, ids)
}

// enter stores those of us that are not there. The names of the others are not
// touched.
func (t *tx) enter(ctx context.Context, us users) error {
	var fresh []chat.User
	for _, u := range us {
		if u.no == 0 {
			fresh = append(fresh, u.User)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	p := t.pipe()
	p.enter(fresh)
	p.readUsers(us)
	return t.send(ctx, p)
}

// enter adds what stores those of us that are not there, in the order of their
// ids.
func (p *pipe) enter(us []chat.User) {
	slices.SortFunc(us, byID)
	ids, names, bots := arrays(us)
	p.exec(`INSERT INTO {s}users (id, name, bot) SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[]) AS i (id, name, bot)
		WHERE NOT EXISTS (SELECT 1 FROM {s}users u WHERE u.id = i.id) ON CONFLICT DO NOTHING`, ids, names, bots)
}

func checkUser(u chat.User) error {
	if u.ID == "" || len(u.ID) > 64 {
		return &chat.InputError{Code: "bad_request", Field: "user", Message: "A user id has 1 to 64 bytes."}
	}
	return check("user", string(u.ID), u.Name)
}

func checkKey(id string) error {
	if id == "" || len(id) > 64 {
		return &chat.InputError{Code: "bad_request", Field: "id", Message: "An id has 1 to 64 bytes."}
	}
	return check("id", id)
}

// raise raises the rooms revision of u.
func (t *tx) raise(u *user) {
	t.write(`UPDATE {s}users SET rooms_rev = rooms_rev + 1 WHERE no = $1`, u.no)
}

// put has e stored as the next event of r; Seq, Room, Time and User are set
// here. [tx.move] must follow.
func (t *tx) put(r *room, e *chat.Event, hash [16]byte, u, target, asked *user) error {
	if r.seq >= sqlstore.MaxSeq {
		return fmt.Errorf("room %s is full", r.id)
	}
	r.seq++
	r.at = max(r.now, r.at)
	switch e.Kind {
	case chat.Message:
		r.n++
		r.last = r.seq
	case chat.Edited, chat.Deleted, chat.Reacted, chat.Renamed, chat.Updated:
	default:
		r.access = r.seq
	}
	e.Room, e.Seq, e.Time, e.User = r.id, r.seq, time.UnixMilli(r.at).UTC(), u.User
	text, mentions, data := e.Text, sqlstore.List(e.Mentions), string(e.Data)
	if e.Kind == chat.Edited {
		text, mentions, data = "", "", "" // they are kept with the message
	}
	var targetNo, askedNo int64
	var call chat.CallRef
	if target != nil {
		targetNo = target.no
	}
	if asked != nil {
		askedNo, call = asked.no, *e.Call
	}
	t.write(`INSERT INTO {s}events (room_no, seq, user_no, at, n, batch, ref, target_no, call_by, kind, off, id, hash,
		text, mentions, data, role, call_id, call_name) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19)`,
		r.no, e.Seq, u.no, r.at, r.n, t.token, e.Ref, targetNo, askedNo, sqlstore.KindNumber(e.Kind), e.Off, e.ID, hash[:],
		text, mentions, data, e.Role, call.ID, call.Name)
	t.events = append(t.events, *e)
	return nil
}

// move has the head of r written.
func (t *tx) move(r *room) {
	t.write(`UPDATE {s}heads SET seq = $1, access = $2, last = $3, n = $4, at = $5, members = $6 WHERE room_no = $7`,
		r.seq, r.access, r.last, r.n, r.at, r.members, r.no)
}
