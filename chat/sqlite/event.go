package sqlite

import (
	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

// seqBits is how many bits of an event's key are its seq; the rest is the
// number of its room.
const seqBits = 40

func eventKey(room int64, seq chat.Seq) int64 { return room<<seqBits | int64(seq) }

// A query of events begins with SELECT eventColumns FROM eventTables. LEFT
// JOIN, so that the planner always begins with the event. x is the message that
// an Edited event (kind 10) is about: the text is kept there only.
const (
	eventColumns = `e.key, e.id, e.kind, e.at, e.ref, coalesce(x.text, e.text), e.role, e.off,
		coalesce(x.mentions, e.mentions), coalesce(x.data, e.data), e.edited_by, e.deleted_by,
		u.id, u.name, u.bot, e.target_no, t.id, t.name, t.bot, e.call_by, e.call_id, e.call_name, c.id, c.name, c.bot`
	eventTables = `{p}events e ` + eventOthers
	eventOthers = `LEFT JOIN {p}events x ON x.key = CASE e.kind WHEN 10 THEN e.room_no << 40 | e.ref END
		LEFT JOIN {p}users u ON u.no = e.user_no LEFT JOIN {p}users t ON t.no = e.target_no LEFT JOIN {p}users c ON c.no = e.call_by`
)

// event reads the eventColumns.
func (r *row) event(room chat.RoomID) (e chat.Event, err error) {
	e.Room = room
	e.Seq = chat.Seq(r.int() & sqlstore.MaxSeq)
	e.ID = r.text()
	e.Kind = sqlstore.KindOf(r.int())
	e.Time = r.time()
	e.Ref = r.seq()
	e.Text = r.text()
	e.Role = chat.Role(r.text())
	e.Off = r.bool()
	e.Mentions, err = sqlstore.Unlist[chat.UserID](r.text())
	e.Data = r.json()
	e.EditedBy = r.seq()
	e.DeletedBy = r.seq()
	e.User = r.user()
	if r.int() != 0 {
		u := r.user()
		e.Target = &u
	} else {
		r.next += 3
	}
	if r.int() != 0 {
		e.Call = &chat.CallRef{ID: r.text(), Name: r.text(), By: r.user()}
	} else {
		r.next += 5
	}
	return e, err
}

// stored returns the event that user stored in room with id, and its hash.
func (c *conn) stored(room int64, id chat.RoomID, user int64, key string) (e chat.Event, hash [16]byte, found bool, err error) {
	var bad error
	found, err = c.one(func(r *row) {
		hash = r.hash()
		e, bad = r.event(id)
	}, `SELECT e.hash, `+eventColumns+` FROM `+eventTables+` WHERE e.room_no = ? AND e.user_no = ? AND e.id = ?`, room, user, key)
	if err == nil {
		err = bad
	}
	return e, hash, found, err
}
