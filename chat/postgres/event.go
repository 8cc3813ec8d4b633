package postgres

import (
	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

// A query of events begins with SELECT eventColumns FROM eventTables. x is the
// message that an Edited event is about: the text is kept there only. For other
// events the key of x is NULL, and nothing is looked for.
//
// OFFSET 0 keeps the planner from making a join of a lookup, here and elsewhere:
// for an empty table, reading all of a room is as good.
const (
	eventColumns = `e.seq, e.id, e.kind, e.at, e.ref, ` + eventText + `, e.role, e.off, coalesce(x.mentions, e.mentions),
		` + eventData + `, e.edited_by, e.deleted_by, u.id, u.name, u.bot, t.no, t.id, t.name, t.bot,
		c.no, e.call_id, e.call_name, c.id, c.name, c.bot`
	eventText   = `coalesce(x.text, e.text)`
	eventData   = `coalesce(x.data, e.data)`
	eventTables = `{s}events e ` + eventOthers
	eventEdited = `LEFT JOIN LATERAL (SELECT x.text, x.mentions, x.data FROM {s}events x
		WHERE x.room_no = e.room_no AND x.seq = CASE e.kind WHEN 10 THEN e.ref END OFFSET 0) x ON true `
	eventOthers = eventEdited + `LEFT JOIN {s}users u ON u.no = e.user_no LEFT JOIN {s}users t ON t.no = e.target_no LEFT JOIN {s}users c ON c.no = e.call_by`
)

// event reads the eventColumns.
func (r *row) event(room chat.RoomID) (e chat.Event) {
	e.Room = room
	e.Seq = r.seq()
	e.ID = r.text()
	e.Kind = sqlstore.KindOf(r.int())
	e.Time = r.time()
	e.Ref = r.seq()
	e.Text = r.text()
	e.Role = chat.Role(r.text())
	e.Off = r.bool()
	e.Mentions = unlist[chat.UserID](r)
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
	return e
}

// stored is an event as it is found by the request that stored it.
type stored struct {
	found bool
	event chat.Event
	hash  [16]byte
	batch int64
}

// storedQuery looks by the user and the id, and not through all the log of the
// room.
const storedQuery = `SELECT e.hash, e.batch, ` + eventColumns + ` FROM (
		SELECT * FROM {s}events WHERE user_no = (SELECT no FROM {s}users WHERE id = $2) AND id = $3 OFFSET 0
	) e ` + eventOthers + ` WHERE e.room_no = (SELECT no FROM {s}rooms WHERE id = $1)`

// stored adds a query for the event that user stored in room with id.
func (p *pipe) stored(room chat.RoomID, user chat.UserID, id string) *stored {
	v := &stored{}
	p.query(func(r *row) {
		v.found, v.hash, v.batch = true, r.hash(), r.int()
		v.event = r.event(room)
	}, storedQuery, room, user, id)
	return v
}
