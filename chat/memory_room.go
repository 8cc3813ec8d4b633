package chat

import (
	"slices"
	"strings"
	"time"
)

// memRoom is a room, its log and its members. The mutex of the store guards
// it.
type memRoom struct {
	info    RoomInfo // without what a reader or the log adds
	hash    [16]byte // of the request that made it
	pair    []*memUser
	access  Seq
	last    Seq            // the newest message
	floor   Seq            // the oldest event that is kept
	rows    []*memRow      // the event n is rows[n-floor]
	ids     map[uint64]Seq // see find
	members []*memMember   // and banned users, in the order of their ids

	reactions map[Seq][]memReaction // by message, in the order of their first use
}

// memRow is a stored event. It is replaced, never changed: readers and the
// receiver hold on to it. The event is an array so that it is a batch without
// another allocation.
type memRow struct {
	event    [1]Event
	hash     [16]byte
	messages int64    // in the room up to here
	user     *memUser // names are read from here
	target   *memUser
	by       *memUser // who made the call that this message answers
}

// memMember is a user's place in a room.
type memMember struct {
	Member   // without the user
	user     *memUser
	messages int64 // in the room up to Read or Since, whichever is later
}

func (m *memMember) read() Member {
	v := m.Member
	v.User = m.user.User
	return v
}

func (r *memRoom) head() Seq { return r.floor - 1 + Seq(len(r.rows)) }

// at returns the row of an event, or nil.
func (r *memRoom) at(seq Seq) *memRow {
	if seq < r.floor || seq > r.head() {
		return nil
	}
	return r.rows[seq-r.floor]
}

// messages returns how many messages there were up to seq or, where that is not
// kept, before the oldest event that is.
func (r *memRoom) messages(seq Seq) int64 {
	if row := r.at(seq); row != nil {
		return row.messages
	}
	n := r.rows[0].messages
	if r.rows[0].event[0].Kind == Message {
		n--
	}
	return n
}

// describe returns the room as viewer sees it, or as nobody does.
func (r *memRoom) describe(viewer UserID) RoomInfo {
	info := r.info
	info.Data = slices.Clone(r.info.Data)
	info.Head, info.Floor = r.head(), r.floor
	// In a room of one's own both ends of the pair are oneself.
	if n := len(r.pair); n > 0 {
		switch viewer {
		case r.pair[0].ID:
			with := r.pair[n-1].User
			info.With = &with
		case r.pair[n-1].ID:
			with := r.pair[0].User
			info.With = &with
		}
	}
	return info
}

// place returns where the user with id is, or would be, in members.
func (r *memRoom) place(id UserID) (int, bool) {
	return slices.BinarySearchFunc(r.members, id, func(m *memMember, id UserID) int {
		return strings.Compare(string(m.user.ID), string(id))
	})
}

// known returns the member or banned user with id, or nil.
func (r *memRoom) known(id UserID) *memMember {
	if i, ok := r.place(id); ok {
		return r.members[i]
	}
	return nil
}

// member returns the member with id, or nil.
func (r *memRoom) member(id UserID) *memMember {
	if m := r.known(id); m != nil && !m.Banned {
		return m
	}
	return nil
}

// sees tells whether viewer may read the room, and from where on.
func (r *memRoom) sees(viewer UserID) (floor Seq, ok bool) {
	if viewer == System {
		return r.floor, true
	}
	m := r.member(viewer)
	if m == nil {
		return 0, false
	}
	return max(r.floor, m.VisibleFrom), true
}

func (r *memRoom) enter(u *memUser, role Role, at Seq) {
	i, ok := r.place(u.ID)
	if !ok {
		r.members = slices.Insert(r.members, i, &memMember{user: u})
	}
	m := r.members[i]
	m.Role, m.Banned, m.Since, m.messages = role, false, at, r.messages(at)
	if r.info.Hides {
		m.VisibleFrom = at
	}
	if u.rooms[r.info.ID] == nil {
		u.rooms[r.info.ID] = r
		r.info.Members++
	}
	u.rev++
}

// leave ends the membership of u, and marks it as banned or not.
func (r *memRoom) leave(u *memUser, banned bool) {
	i, ok := r.place(u.ID)
	if ok {
		r.members = slices.Delete(r.members, i, i+1)
	}
	if banned {
		r.members = slices.Insert(r.members, i, &memMember{Member: Member{Banned: true}, user: u})
	}
	if u.rooms[r.info.ID] != nil {
		delete(u.rooms, r.info.ID)
		r.info.Members--
		u.rev++
	}
}

// message returns the row of a message that is not deleted, or nil.
func (r *memRoom) message(ref Seq) *memRow {
	row := r.at(ref)
	if row == nil {
		return nil
	}
	if e := &row.event[0]; e.Kind != Message || e.DeletedBy != 0 {
		return nil
	}
	return row
}

// add gives the event of row its place in the log.
func (r *memRoom) add(row *memRow, now time.Time) {
	e := &row.event[0]
	e.Room, e.Seq, e.Time = r.info.ID, r.head()+1, now.UTC().Truncate(time.Millisecond)
	e.User = row.user.User
	if before := r.at(e.Seq - 1); before != nil {
		row.messages = before.messages
		if before.event[0].Time.After(e.Time) {
			e.Time = before.event[0].Time
		}
	}
	if e.Kind == Message {
		row.messages++
		r.last = e.Seq
	}
	r.rows = append(r.rows, row)
	_, slot := r.find(row.user, e.ID)
	r.ids[slot] = e.Seq
	switch e.Kind {
	case Message, Edited, Deleted, Reacted, Renamed, Updated:
	default:
		r.access = e.Seq
	}
}

// amend replaces the message ref by what f makes of it.
func (r *memRoom) amend(ref Seq, f func(*Event)) {
	row := *r.at(ref)
	f(&row.event[0])
	r.rows[ref-r.floor] = &row
}

// read returns the event of row as it is now: with the present names, and
// the present text of the message if it tells of an edit.
func (r *memRoom) read(row *memRow) Event {
	e := row.event[0]
	e.User = row.user.User
	if e.Target != nil && *e.Target != row.target.User {
		target := row.target.User
		e.Target = &target
	}
	if e.Call != nil && e.Call.By != row.by.User {
		call := *e.Call
		call.By = row.by.User
		e.Call = &call
	}
	if e.Kind == Edited {
		if m := r.at(e.Ref); m != nil {
			e.Text, e.Mentions, e.Data = m.event[0].Text, m.event[0].Mentions, m.event[0].Data
		}
	}
	return e
}
