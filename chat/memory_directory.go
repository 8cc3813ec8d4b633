package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/carlware/gochat/internal/text"
)

// CreateRoom is part of [Directory].
func (s *MemoryStore) CreateRoom(ctx context.Context, w RoomWrite) (CreatedRoom, error) {
	var c CreatedRoom
	err := s.change(ctx, func() (batch []Event, err error) {
		c, batch, err = s.createRoom(&w)
		return batch, err
	})
	return c, err
}

func (s *MemoryStore) createRoom(w *RoomWrite) (CreatedRoom, []Event, error) {
	if r := s.created[memKey{s.users[w.By.ID], w.ID}]; r != nil {
		if r.hash != w.Hash {
			return CreatedRoom{}, nil, ErrIDReused
		}
		return CreatedRoom{r.describe(w.By.ID), true}, nil, nil
	}
	pair := memPair(w)
	if r := s.direct[pair]; r != nil {
		return CreatedRoom{r.describe(w.By.ID), true}, nil, nil
	}
	if s.rooms[w.Room] != nil {
		return CreatedRoom{}, nil, errors.New("chat: the id of a new room is taken")
	}
	name := text.Fold(w.Name)
	if w.Kind == Public && s.names[name] != nil {
		return CreatedRoom{}, nil, ErrConflict
	}

	by, now := s.user(w.By), s.clock()
	r := &memRoom{
		info:  RoomInfo{ID: w.Room, Name: w.Name, Kind: w.Kind, Hides: w.Hides, Data: slices.Clone(w.Data)},
		hash:  w.Hash,
		floor: 1,
		ids:   make(map[uint64]Seq),
	}
	s.rooms[w.Room] = r
	s.created[memKey{by, w.ID}] = r
	if w.Kind == Public {
		s.names[name] = r
		i, _ := memSearch(s.public, w.Room)
		s.public = slices.Insert(s.public, i, r)
	}
	if pair != "" {
		s.direct[pair] = r
	}

	row := s.row(&Write{ID: w.ID, Hash: w.Hash, Kind: Created, User: w.By, Text: w.Name})
	r.add(row, now)
	r.info.Created = row.event[0].Time
	batch := []Event{row.event[0]}
	for i, m := range w.Members {
		id := fmt.Sprintf("%s.%d", w.ID, i+1)
		row := s.row(&Write{ID: id, Kind: Joined, User: w.By, Target: &m.User, Role: m.Role})
		r.add(row, now)
		r.enter(row.target, m.Role, row.event[0].Seq)
		if w.Kind == Direct {
			r.pair = append(r.pair, row.target)
		}
		batch = append(batch, row.event[0])
	}
	return CreatedRoom{Info: r.describe(w.By.ID)}, batch, nil
}

// memPair returns the same string for all direct rooms of the same people,
// and none for other rooms. User ids have no control characters.
func memPair(w *RoomWrite) string {
	if w.Kind != Direct {
		return ""
	}
	var ids []string
	for _, m := range w.Members {
		ids = append(ids, string(m.User.ID))
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), "\x00")
}

// rename gives r a name, unless it is a public room and another one has it.
func (s *MemoryStore) rename(r *memRoom, name string) bool {
	if r.info.Kind == Public {
		folded := text.Fold(name)
		if other := s.names[folded]; other != nil && other != r {
			return false
		}
		delete(s.names, text.Fold(r.info.Name))
		s.names[folded] = r
	}
	r.info.Name = name
	return true
}

// memSearch returns where the room with id is, or would be, in rooms.
func memSearch(rooms []*memRoom, id RoomID) (int, bool) {
	return slices.BinarySearchFunc(rooms, id, func(r *memRoom, id RoomID) int {
		return strings.Compare(string(r.info.ID), string(id))
	})
}

// Snapshot is part of [Directory].
func (s *MemoryStore) Snapshot(ctx context.Context, room RoomID, users []UserID) (Snapshot, error) {
	if err := s.rlock(ctx); err != nil {
		return Snapshot{}, err
	}
	defer s.mu.RUnlock()
	r := s.rooms[room]
	if r == nil {
		return Snapshot{}, ErrNotFound
	}
	v := Snapshot{Info: r.describe(""), Access: r.access, Members: make(map[UserID]Member, len(users))}
	for _, id := range users {
		if m := r.known(id); m != nil {
			v.Members[id] = m.read()
		}
	}
	return v, nil
}

// RoomNamed is part of [Directory].
func (s *MemoryStore) RoomNamed(ctx context.Context, name string) (RoomInfo, error) {
	if err := s.rlock(ctx); err != nil {
		return RoomInfo{}, err
	}
	defer s.mu.RUnlock()
	r := s.names[text.Fold(name)]
	if r == nil {
		return RoomInfo{}, ErrNotFound
	}
	return r.describe(""), nil
}

// Inbox is part of [Directory].
func (s *MemoryStore) Inbox(ctx context.Context, user UserID) (Inbox, error) {
	if err := s.rlock(ctx); err != nil {
		return Inbox{}, err
	}
	defer s.mu.RUnlock()
	u := s.users[user]
	if u == nil {
		return Inbox{}, nil
	}
	inbox := Inbox{Rev: u.rev, Rooms: make([]InboxEntry, 0, len(u.rooms))}
	for _, id := range slices.Sorted(maps.Keys(u.rooms)) {
		r := u.rooms[id]
		m := r.member(user)
		entry := InboxEntry{
			RoomInfo: r.describe(user), Role: m.Role, Read: m.Read, Since: m.Since, VisibleFrom: m.VisibleFrom, Access: r.access,
			Unread: r.messages(r.head()) - m.messages,
		}
		if r.last > 0 && r.last >= m.VisibleFrom {
			last := r.read(r.at(r.last))
			entry.Last = &last
		}
		inbox.Rooms = append(inbox.Rooms, entry)
	}
	return inbox, nil
}

// Rooms is part of [Directory].
func (s *MemoryStore) Rooms(ctx context.Context, user UserID, after RoomID, limit int) ([]RoomInfo, error) {
	if err := s.rlock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	limit = max(1, min(limit, memPageMax))
	var found []*memRoom
	if u := s.users[user]; u != nil {
		for id, r := range u.rooms {
			if id > after {
				found = append(found, r)
			}
		}
	}
	first, here := memSearch(s.public, after)
	if here {
		first++
	}
	joinable := 0
	for _, r := range s.public[first:] {
		if joinable == limit {
			break
		}
		if !r.info.Archived && r.known(user) == nil {
			found = append(found, r)
			joinable++
		}
	}
	slices.SortFunc(found, func(a, b *memRoom) int { return cmp.Compare(a.info.ID, b.info.ID) })
	var rooms []RoomInfo
	for _, r := range found[:min(limit, len(found))] {
		rooms = append(rooms, r.describe(user))
	}
	return rooms, nil
}

// Members is part of [Directory].
func (s *MemoryStore) Members(ctx context.Context, viewer UserID, room RoomID, after UserID, limit int) ([]Member, error) {
	if err := s.rlock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	r := s.rooms[room]
	if r == nil {
		return nil, ErrNotFound
	}
	seesBanned := viewer == System
	if !seesBanned {
		v := r.member(viewer)
		if v == nil {
			return nil, ErrNotFound
		}
		seesBanned = v.Role == Owner || v.Role == Admin
	}
	limit = max(1, min(limit, memPageMax))
	first, here := r.place(after)
	if here {
		first++
	}
	var members []Member
	for _, m := range r.members[first:] {
		if len(members) == limit {
			break
		}
		if !m.Banned || seesBanned {
			members = append(members, m.read())
		}
	}
	return members, nil
}

// MarkRead is part of [Directory].
func (s *MemoryStore) MarkRead(ctx context.Context, marks []ReadMark) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, mark := range marks {
		if r := s.rooms[mark.Room]; r != nil {
			if m := r.member(mark.User); m != nil {
				if seq := min(mark.Seq, r.head()); seq > m.Read {
					m.Read = seq
					if seq > m.Since {
						m.messages = max(m.messages, r.messages(seq))
					}
				}
			}
		}
	}
	return nil
}
