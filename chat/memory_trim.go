package chat

import (
	"context"
	"time"
)

var _ Trimmer = (*MemoryStore)(nil)

// Trim is part of [Trimmer]. No such room is [ErrNotFound].
func (s *MemoryStore) Trim(ctx context.Context, room RoomID, keep Retention, limit int) (int, error) {
	if err := s.lock(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	r := s.rooms[room]
	if r == nil {
		return 0, ErrNotFound
	}
	n := r.beyond(keep, s.clock(), limit)
	r.cut(n)
	return n, nil
}

// Trimmable is part of [Trimmer].
func (s *MemoryStore) Trimmable(ctx context.Context, keep Retention, limit int) ([]RoomID, error) {
	if err := s.rlock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	now := s.clock()
	var ids []RoomID
	for id, r := range s.rooms {
		if len(ids) >= limit {
			break
		}
		if r.beyond(keep, now, 1) > 0 {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// beyond returns how many of the oldest events, up to limit, are beyond what
// keep says.
func (r *memRoom) beyond(keep Retention, now time.Time, limit int) (n int) {
	now = now.Truncate(time.Millisecond) // as the times of events are
	for n < min(limit, len(r.rows)-1) {
		age, count := now.Sub(r.rows[n].event[0].Time), int64(len(r.rows)-n)
		tooOld, tooMany := keep.Age > 0 && age > keep.Age, keep.Count > 0 && count > keep.Count
		if age <= MinRetention || !tooOld && !tooMany {
			break
		}
		n++
	}
	return n
}

// cut removes the n oldest events, which are not all of them.
func (r *memRoom) cut(n int) {
	for _, row := range r.rows[:n] {
		e := &row.event[0]
		// The slot stays taken if find may have to get past it.
		if _, slot := r.find(row.user, e.ID); r.ids[slot+1] == 0 {
			delete(r.ids, slot)
		}
		delete(r.reactions, e.Seq)
	}
	clear(r.rows[:n])
	r.rows = r.rows[n:]
	r.floor += Seq(n)
	if r.last < r.floor {
		r.last = 0
	}
}
