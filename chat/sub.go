package chat

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// sub is one session's place in one room. It lives in the room's subs, and the
// session's seats say where. A chat has one for each room of each session, so
// it is kept small. The sequencer's mu guards it.
type sub struct {
	session *Session
	cursor  shortSeq // the last event that the session was handed; not kept current while live
	since   shortSeq // the access seq that the place and its role come from: older changes of them are no news
	role    roleCode
	live    bool
}

// seat is where a session finds its sub in a room.
type seat struct {
	room  *sequencer
	index int32 // in room.subs; changed under the room's mu and the session's
}

// maxSeq is more than any [Seq].
const maxSeq = 1 << 40

// shortSeq is a [Seq], which stays below maxSeq, in five bytes.
type shortSeq [5]byte

func short(s Seq) (b shortSeq) {
	binary.LittleEndian.PutUint32(b[:], uint32(s))
	b[4] = byte(s >> 32)
	return b
}

func (b *shortSeq) seq() Seq { return Seq(binary.LittleEndian.Uint32(b[:])) | Seq(b[4])<<32 }

type roleCode uint8

func codeOf(r Role) roleCode {
	switch r {
	case Owner:
		return 1
	case Admin:
		return 2
	}
	return 3
}

func (c roleCode) role() Role { return [...]Role{"", Owner, Admin, Participant}[c] }

// subOf returns the place of s in the room, or nil. It holds until somebody is
// attached or detached. r.mu is held.
func (r *sequencer) subOf(s *Session) *sub {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, found := s.find(r.id); found && s.seats[i].room == r {
		return &r.subs[s.seats[i].index]
	}
	return nil
}

// attach gives s a place in the room, if it has none. Live sessions must be at
// the position applied, or beyond it. r.mu is held.
func (r *sequencer) attach(s *Session, role Role, since, cursor Seq, live bool) {
	if !s.enterRoom(seat{r, int32(len(r.subs))}) {
		return
	}
	if n := len(r.subs); n == cap(r.subs) { // append would leave half of it empty
		r.subs = append(make([]sub, 0, n+n/8+1), r.subs...)
	}
	r.subs = append(r.subs, sub{s, short(cursor), short(since), codeOf(role), live})
	if !live {
		s.fallBehind(r)
	}
}

// detach ends the place of s in the room, if it has one. r.mu is held.
func (r *sequencer) detach(s *Session) {
	i := s.leaveRoom(r)
	if i < 0 {
		return
	}
	last := len(r.subs) - 1
	if i < last {
		r.subs[i] = r.subs[last]
		r.subs[i].session.moveInRoom(r, i)
	}
	r.subs[last] = sub{}
	r.subs = r.subs[:last]
	if last == 0 {
		r.subs, r.idle = nil, time.Now()
	}
}

// goLive makes p live if it has reached what its sequencer has handed out. The
// sequencer's mu is held, so nothing can come between.
func (p *sub) goLive(r *sequencer) bool {
	if p.cursor.seq() >= r.applied {
		p.live = true
	}
	return p.live
}

// enterRoom notes a place in a room; false when there is one, or when the
// session has ended.
func (s *Session) enterRoom(p seat) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false
	}
	i, found := s.find(p.room.id)
	if !found {
		s.seats = slices.Insert(s.seats, i, p)
	}
	return !found
}

// leaveRoom forgets the place in a room and returns where it was, or -1.
func (s *Session) leaveRoom(r *sequencer) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := s.find(r.id)
	if !found || s.seats[i].room != r {
		return -1
	}
	at := s.seats[i].index
	s.seats = slices.Delete(s.seats, i, i+1)
	return int(at)
}

// moveInRoom notes that the place in a room is at another index now.
func (s *Session) moveInRoom(r *sequencer, index int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, found := s.find(r.id); found && s.seats[i].room == r {
		s.seats[i].index = int32(index)
	}
}

// in reports whether the session has a place in a room.
func (s *Session) in(room RoomID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, found := s.find(room)
	return found
}

// roomIDs returns some of the rooms that the session has places in.
func (s *Session) roomIDs() []RoomID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return roomsOf(s.seats)
}

func roomsOf(seats []seat) []RoomID {
	ids := make([]RoomID, 0, min(len(seats), presenceRooms))
	for _, p := range seats[:cap(ids)] {
		ids = append(ids, p.room.id)
	}
	return ids
}

// find returns where in seats the one in a room is or would be. s.mu is held.
func (s *Session) find(room RoomID) (int, bool) {
	return slices.BinarySearchFunc(s.seats, room, func(p seat, id RoomID) int {
		return strings.Compare(string(p.room.id), string(id))
	})
}
