package sqlite

import (
	"fmt"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

// room is a room as the committer knows it. Since nobody else writes, it need
// not be read again.
type room struct {
	no       int64
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
	dirty   bool // the six above are not written yet
}

// user is a user as the committer knows it.
type user struct {
	chat.User
	no int64
}

// maxKnown bounds how many rooms, and how many users, the committer remembers.
const maxKnown = 1 << 16

// trim forgets when too much is remembered. It is called between batches.
func (w *writer) trim() {
	if len(w.rooms) > maxKnown || len(w.users) > maxKnown {
		w.forget()
	}
}

// forget drops all that was read from the tables.
func (w *writer) forget() {
	clear(w.rooms)
	clear(w.users)
	clear(w.dirty)
	w.dirty = w.dirty[:0]
}

// room returns the room with id, or ErrNotFound.
func (w *writer) room(id chat.RoomID) (*room, error) {
	if r := w.rooms[id]; r != nil {
		return r, nil
	}
	v := &room{id: id}
	found, err := w.one(func(r *row) {
		v.no, v.public = r.int(), r.text() == string(chat.Public)
		v.hides, v.archived = r.bool(), r.bool()
		v.seq, v.access, v.last, v.n, v.at, v.members = r.seq(), r.seq(), r.seq(), r.int(), r.int(), r.int()
	}, `SELECT r.no, r.kind, r.hides, r.archived, h.seq, h.access, h.last, h.n, h.at, h.members
		FROM {p}rooms r CROSS JOIN {p}heads h ON h.room_no = r.no WHERE r.id = ?`, id)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, chat.ErrNotFound
	}
	w.rooms[id] = v
	return v, nil
}

// changed notes that the head of r has to be written.
func (w *writer) changed(r *room) {
	if !r.dirty {
		r.dirty = true
		w.dirty = append(w.dirty, r)
	}
}

// flush writes the heads that changed, each once however many events it got.
func (w *writer) flush() error {
	for _, r := range w.dirty {
		if err := w.exec(`UPDATE {p}heads SET seq = ?, access = ?, last = ?, n = ?, at = ?, members = ? WHERE room_no = ?`,
			r.seq, r.access, r.last, r.n, r.at, r.members, r.no); err != nil {
			return err
		}
		r.dirty = false
	}
	clear(w.dirty)
	w.dirty = w.dirty[:0]
	return nil
}

// user returns the user with id, or nil when there is none.
func (w *writer) user(id chat.UserID) (*user, error) {
	if u := w.users[id]; u != nil {
		return u, nil
	}
	u := &user{}
	found, err := w.one(func(r *row) { u.no, u.User = r.int(), r.user() },
		`SELECT no, id, name, bot FROM {p}users WHERE id = ?`, id)
	if err != nil || !found {
		return nil, err
	}
	w.users[id] = u
	return u, nil
}

// enter returns the user u and stores it when it is new. The name of one that
// is known is not touched.
func (w *writer) enter(u chat.User) (*user, error) {
	known, err := w.user(u.ID)
	if err != nil || known != nil {
		return known, err
	}
	if err := checkUserID(u.ID); err != nil {
		return nil, err
	}
	if err := w.exec(`INSERT INTO {p}users (id, name, bot) VALUES (?, ?, ?)`, u.ID, u.Name, u.Bot); err != nil {
		return nil, err
	}
	known = &user{User: u, no: w.db.LastInsertRowID()}
	w.users[u.ID] = known
	return known, nil
}

func checkUserID(id chat.UserID) error {
	if id == "" || len(id) > 64 {
		return &chat.InputError{Code: "bad_request", Field: "user", Message: "A user id has 1 to 64 bytes."}
	}
	return nil
}

func checkKey(id string) error {
	if id == "" || len(id) > 64 {
		return &chat.InputError{Code: "bad_request", Field: "id", Message: "An id has 1 to 64 bytes."}
	}
	return nil
}

// raise raises the rooms revision of u.
func (w *writer) raise(u *user) error {
	return w.exec(`UPDATE {p}users SET rooms_rev = rooms_rev + 1 WHERE no = ?`, u.no)
}

// put stores e as the next event of r; Seq, Room, Time and User are set here.
// It reports false, and stores nothing, when u has stored an event with that
// id in r before.
func (w *writer) put(r *room, e *chat.Event, hash [16]byte, u, target, asked *user) (bool, error) {
	if r.seq >= sqlstore.MaxSeq {
		return false, fmt.Errorf("room %s is full", r.id)
	}
	at, n := max(w.now, r.at), r.n
	if e.Kind == chat.Message {
		n++
	}
	e.Room, e.Seq, e.Time, e.User = r.id, r.seq+1, time.UnixMilli(at).UTC(), u.User
	text, mentions, data := e.Text, sqlstore.List(e.Mentions), e.Data
	if e.Kind == chat.Edited {
		text, mentions, data = "", "", nil // they are kept with the message
	}
	var targetNo, askedNo int64
	var call chat.CallRef
	if target != nil {
		targetNo = target.no
	}
	if asked != nil {
		askedNo, call = asked.no, *e.Call
	}
	if err := w.exec(`INSERT INTO {p}events (key, room_no, user_no, id, hash, kind, at, n, target_no, ref, text, role, off,
		mentions, data, call_id, call_name, call_by) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (room_no, user_no, id) DO NOTHING`,
		eventKey(r.no, e.Seq), r.no, u.no, e.ID, hash, sqlstore.KindNumber(e.Kind), at, n, targetNo, e.Ref, text, e.Role, e.Off,
		mentions, data, call.ID, call.Name, askedNo); err != nil {
		return false, err
	}
	if w.db.Changes() == 0 {
		return false, nil
	}
	r.seq, r.at, r.n = e.Seq, at, n
	switch e.Kind {
	case chat.Message:
		r.last = e.Seq
	case chat.Edited, chat.Deleted, chat.Reacted, chat.Renamed, chat.Updated:
	default:
		r.access = e.Seq
	}
	w.changed(r)
	w.events = append(w.events, *e)
	return true, nil
}
