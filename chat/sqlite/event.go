package sqlite

import (
	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

// seqBits is how many bits of an event's key are its seq; the rest is the
// number of its room.
const seqBits = 40

func eventKey(room int64, seq chat.Seq) int64 { return room<<seqBits | int64(seq) }

// What is read of an event e: what its row and its user u say, which is all for
// most, and the rest. x is the message that an Edited event (kind 10) is about:
// the text is kept there only. What is not there is NULL in the conditions, so
// that it isn't looked for. LEFT JOIN, so that the planner always begins with
// the event.
const (
	eventColumns = `e.key, e.id, e.kind, e.at, e.ref, e.text, e.role, e.off, e.mentions, e.data, e.edited_by, e.deleted_by,
		e.target_no, e.call_by, e.call_id, e.call_name, u.id, u.name, u.bot`
	eventTables = `{p}events e ` + eventUser
	eventUser   = `LEFT JOIN {p}users u ON u.no = e.user_no `
	restColumns = `x.text, x.mentions, x.data, t.id, t.name, t.bot, c.id, c.name, c.bot`
	restTables  = `LEFT JOIN {p}events x ON x.key = CASE e.kind WHEN 10 THEN e.room_no << 40 | e.ref END
		LEFT JOIN {p}users t ON t.no = nullif(e.target_no, 0) LEFT JOIN {p}users c ON c.no = nullif(e.call_by, 0)`
)

// event reads the eventColumns. It reports whether there is a rest, for which
// Target and Call have a place.
func (r *row) event(room chat.RoomID) (e chat.Event, rest bool, err error) {
	e.Room = room
	e.Seq = chat.Seq(r.int() & sqlstore.MaxSeq)
	e.ID = r.text()
	e.Kind = sqlstore.KindOf(r.int())
	e.Time = r.time()
	e.Ref = r.seq()
	e.Text = r.text()
	if e.Kind == chat.Message {
		r.next += 2
	} else {
		e.Role = chat.Role(r.text())
		e.Off = r.bool()
	}
	e.Mentions, err = sqlstore.Unlist[chat.UserID](r.text())
	e.Data = r.json()
	e.EditedBy = r.seq()
	e.DeletedBy = r.seq()
	if r.int() != 0 {
		e.Target = &chat.User{}
	}
	if r.int() != 0 {
		e.Call = &chat.CallRef{ID: r.text(), Name: r.text()}
	} else {
		r.next += 2
	}
	e.User = r.user()
	return e, e.Kind == chat.Edited || e.Target != nil || e.Call != nil, err
}

// rest reads the restColumns.
func (r *row) rest(e *chat.Event) (err error) {
	if e.Kind == chat.Edited {
		e.Text = r.text()
		e.Mentions, err = sqlstore.Unlist[chat.UserID](r.text())
		e.Data = r.json()
	} else {
		r.next += 3
	}
	if e.Target != nil {
		*e.Target = r.user()
	} else {
		r.next += 3
	}
	if e.Call != nil {
		e.Call.By = r.user()
	}
	return err
}

// whole reads the eventColumns and the restColumns.
func (r *row) whole(room chat.RoomID) (chat.Event, error) {
	e, rest, err := r.event(room)
	if err == nil && rest {
		err = r.rest(&e)
	}
	return e, err
}

// stored returns the event that user stored in room with id, and its hash.
func (c *conn) stored(room int64, id chat.RoomID, user int64, key string) (e chat.Event, hash [16]byte, found bool, err error) {
	var bad error
	found, err = c.one(func(r *row) {
		hash = r.hash()
		e, bad = r.whole(id)
	}, `SELECT e.hash, `+eventColumns+`, `+restColumns+` FROM `+eventTables+restTables+` WHERE e.room_no = ? AND e.user_no = ? AND e.id = ?`, room, user, key)
	if err == nil {
		err = bad
	}
	return e, hash, found, err
}
