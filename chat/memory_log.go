package chat

import (
	"context"
	"fmt"
	"slices"
)

// Append is part of [Log].
func (s *MemoryStore) Append(ctx context.Context, w Write) (Appended, error) {
	var a Appended
	err := s.change(ctx, func() (batch []Event, err error) {
		a, batch, err = s.append(&w)
		return batch, err
	})
	return a, err
}

func (s *MemoryStore) append(w *Write) (Appended, []Event, error) {
	r := s.rooms[w.Room]
	if r == nil {
		return Appended{}, nil, ErrNotFound
	}
	if row := r.stored(s.users[w.User.ID], w.ID); row != nil {
		if row.hash != w.Hash {
			return Appended{}, nil, ErrIDReused
		}
		return Appended{r.read(row), true}, nil, nil
	}
	if w.Basis < r.access || w.Known > r.head() {
		return Appended{}, nil, ErrStale
	}
	switch w.Kind {
	case Joined, Left, Banned, RoleChanged:
		if w.Target == nil {
			return Appended{}, nil, fmt.Errorf("chat: %s without a target", w.Kind)
		}
	case Renamed:
		if !s.rename(r, w.Text) {
			return Appended{}, nil, ErrConflict
		}
	case Edited, Deleted, Reacted:
		if r.message(w.Ref) == nil {
			return Appended{}, nil, ErrNotFound
		}
		if w.Kind == Reacted && !w.Off && !r.reactable(w.Ref, w.Text) {
			return Appended{}, nil, &InputError{
				Code: "bad_request", Field: "text", Message: fmt.Sprintf("A message has at most %d different reactions.", memReactionsMax),
			}
		}
	}
	row := s.row(w)
	r.add(row, s.clock())
	s.apply(r, row, w)
	if w.Kind == Edited {
		e := r.read(row)
		return Appended{Event: e}, []Event{e}, nil
	}
	return Appended{Event: row.event[0]}, row.event[:], nil
}

// row makes the row of a write. It keeps nothing that the writer may change.
func (s *MemoryStore) row(w *Write) *memRow {
	row := &memRow{hash: w.Hash, user: s.user(w.User)}
	e := &row.event[0]
	e.ID, e.Kind, e.Ref, e.Role, e.Off = w.ID, w.Kind, w.Ref, w.Role, w.Off
	if w.Target != nil {
		row.target = s.user(*w.Target)
		target := row.target.User
		e.Target = &target
	}
	if w.Kind != Edited {
		e.Text, e.Mentions, e.Data = w.Text, slices.Clone(w.Mentions), slices.Clone(w.Data)
	}
	return row
}

// apply changes the room as the kind of the event says.
func (s *MemoryStore) apply(r *memRoom, row *memRow, w *Write) {
	e := &row.event[0]
	switch e.Kind {
	case Joined:
		r.enter(row.target, e.Role, e.Seq)
	case Left:
		if r.member(row.target.ID) != nil {
			r.leave(row.target, false)
		}
	case Banned:
		if !e.Off {
			r.leave(row.target, true)
		} else if r.member(row.target.ID) == nil {
			r.leave(row.target, false)
		}
	case RoleChanged:
		if m := r.member(row.target.ID); m != nil {
			m.Role = e.Role
			m.user.rev++
		}
	case Archived:
		r.info.Archived = !e.Off
	case Updated:
		r.info.Data = e.Data
	case Edited:
		r.amend(e.Ref, func(m *Event) {
			m.Text, m.Mentions, m.Data = w.Text, slices.Clone(w.Mentions), slices.Clone(w.Data)
			m.EditedBy = e.Seq
		})
	case Deleted:
		r.amend(e.Ref, func(m *Event) {
			m.Text, m.Mentions, m.Data = "", nil, nil
			m.EditedBy, m.DeletedBy = 0, e.Seq
		})
		delete(r.reactions, e.Ref)
	case Reacted:
		r.reacts(e, row.user)
	}
}

// Find is part of [Log].
func (s *MemoryStore) Find(ctx context.Context, room RoomID, user UserID, id string) (Event, [16]byte, error) {
	if err := s.rlock(ctx); err != nil {
		return Event{}, [16]byte{}, err
	}
	defer s.mu.RUnlock()
	if r := s.rooms[room]; r != nil {
		if row := r.stored(s.users[user], id); row != nil {
			return r.read(row), row.hash, nil
		}
	}
	return Event{}, [16]byte{}, ErrNotFound
}

// Limits of a [Page].
const (
	memPageDefault = 50
	memPageMax     = 200
	memPageBytes   = 200 << 10
)

// Page is part of [Log].
func (s *MemoryStore) Page(ctx context.Context, viewer UserID, room RoomID, r Range) (Page, error) {
	if err := s.rlock(ctx); err != nil {
		return Page{}, err
	}
	defer s.mu.RUnlock()
	m := s.rooms[room]
	if m == nil {
		return Page{}, ErrNotFound
	}
	floor, ok := m.sees(viewer)
	if !ok {
		return Page{}, ErrNotFound
	}
	p := Page{Events: []Event{}, Head: m.head(), Floor: floor}
	// What is asked for is the events from first up to, but without, end.
	first, end := max(floor, min(r.After, p.Head)+1), p.Head+1
	if r.Before > 0 {
		end = min(end, r.Before)
	}
	if first >= end {
		return p, nil
	}
	limit := memPageDefault
	if r.Limit > 0 {
		limit = min(r.Limit, memPageMax)
	}
	forward := r.Forward || r.After > 0
	bytes := 0
	for i := Seq(0); first+i < end; i++ {
		seq := first + i
		if !forward {
			seq = end - 1 - i
		}
		e := m.read(m.at(seq))
		reactions, size := m.reactionsTo(seq, s.users[viewer])
		e.Reactions = reactions
		bytes += len(e.Text) + len(e.Data) + size
		if p.More = len(p.Events) > 0 && (len(p.Events) == limit || bytes > memPageBytes); p.More {
			break
		}
		p.Events = append(p.Events, e)
	}
	if !forward {
		slices.Reverse(p.Events)
	}
	return p, nil
}

// Heads is part of [Log].
func (s *MemoryStore) Heads(ctx context.Context, known map[RoomID]Seq) (map[RoomID]Seq, error) {
	if err := s.rlock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	heads := map[RoomID]Seq{}
	for id, seq := range known {
		var head Seq
		if r := s.rooms[id]; r != nil {
			head = r.head()
		}
		if head != seq {
			heads[id] = head
		}
	}
	return heads, nil
}

// stored returns what u stored with id, or nil.
func (r *memRoom) stored(u *memUser, id string) *memRow {
	if u == nil {
		return nil
	}
	row, _ := r.find(u, id)
	return row
}

// find returns what u stored with id, or nil, and its slot in ids. Slots are
// hashes instead of the ids themselves, so that the map is small and the garbage
// collector has nothing to look for in it; those that clash take the next one.
// So a slot may be that of an event which is not kept any more.
func (r *memRoom) find(u *memUser, id string) (row *memRow, slot uint64) {
	for slot = memHash(id) ^ u.salt; ; slot++ {
		seq := r.ids[slot]
		if seq == 0 {
			return nil, slot
		}
		if row := r.at(seq); row != nil && row.user == u && row.event[0].ID == id {
			return row, slot
		}
	}
}
