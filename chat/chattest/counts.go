package chattest

import "github.com/carlware/gochat/chat"

// count checks how many members a room has, wherever that is told.
func (w *world) count(room chat.RoomID, want int, when string) {
	w.Helper()
	told := map[string]int{"Snapshot": w.snapshot(room).Info.Members}
	for _, user := range []chat.User{ann, bob, cyd} {
		inbox, err := w.s.Inbox(w.Context(), user.ID)
		w.ok(err, "Inbox")
		for _, e := range inbox.Rooms {
			if e.ID == room {
				told["Inbox of "+string(user.ID)] = e.Members
			}
		}
		rooms, err := w.s.Rooms(w.Context(), user.ID, "", 200)
		w.ok(err, "Rooms")
		for _, info := range rooms {
			if info.ID == room {
				told["Rooms of "+string(user.ID)] = info.Members
			}
		}
	}
	if name := w.snapshot(room).Info.Name; name != "" {
		if info, err := w.s.RoomNamed(w.Context(), name); err == nil {
			told["RoomNamed"] = info.Members
		}
	}
	for by, got := range told {
		if got != want {
			w.Errorf("%s: %s tells %d members, want %d", when, by, got, want)
		}
	}
}

func testMemberCount(w *world) {
	create := w.roomOf(chat.Public, "Counted", ann)
	room := w.create(create).ID
	other := w.room(ann, bob, cyd)
	w.count(room, 1, "a new room")
	off := func(m chat.Write) chat.Write { m.Off = true; return m }
	for _, c := range []struct {
		when string
		m    func() chat.Write
		want int
	}{
		{"bob joined", func() chat.Write { return w.upon(room, bob, chat.Joined, bob, chat.Participant) }, 2},
		{"cyd joined", func() chat.Write { return w.upon(room, ann, chat.Joined, cyd, chat.Admin) }, 3},
		{"bob joined, who is a member", func() chat.Write { return w.upon(room, bob, chat.Joined, bob, chat.Admin) }, 3},
		{"a role changed", func() chat.Write { return w.upon(room, ann, chat.RoleChanged, bob, chat.Participant) }, 3},
		{"a role of nobody changed", func() chat.Write { return w.upon(room, ann, chat.RoleChanged, bot, chat.Participant) }, 3},
		{"bob left", func() chat.Write { return w.upon(room, bob, chat.Left, bob, "") }, 2},
		{"bob left, who was no member", func() chat.Write { return w.upon(room, bob, chat.Left, bob, "") }, 2},
		{"bob is banned, who was no member", func() chat.Write { return w.upon(room, ann, chat.Banned, bob, "") }, 2},
		{"bob is banned again", func() chat.Write { return w.upon(room, ann, chat.Banned, bob, "") }, 2},
		{"cyd is banned", func() chat.Write { return w.upon(room, ann, chat.Banned, cyd, "") }, 1},
		{"cyd left, who is banned", func() chat.Write { return w.upon(room, ann, chat.Left, cyd, "") }, 1},
		{"bob's ban ended", func() chat.Write { return off(w.upon(room, ann, chat.Banned, bob, "")) }, 1},
		{"bob joined again", func() chat.Write { return w.upon(room, bob, chat.Joined, bob, chat.Participant) }, 2},
		{"a ban of a member ended", func() chat.Write { return off(w.upon(room, ann, chat.Banned, bob, "")) }, 2},
		{"cyd joined in spite of the ban", func() chat.Write { return w.upon(room, ann, chat.Joined, cyd, chat.Participant) }, 3},
		{"a message was posted", func() chat.Write { return w.message(room, ann, "hello") }, 3},
		{"the room is archived", func() chat.Write { return w.write(room, ann, chat.Archived) }, 3},
		{"the owner left", func() chat.Write { return w.upon(room, ann, chat.Left, ann, "") }, 2},
	} {
		m := c.m()
		w.again(m, w.do(m))
		w.count(room, c.want, c.when+", and the same was sent again")
	}
	w.count(other, 3, "another room")
	if again, err := w.s.CreateRoom(w.Context(), create); err != nil || again.Info.Members != 2 {
		w.Errorf("CreateRoom again tells %d members, %v, want 2: the room as it is now", again.Info.Members, err)
	}
	failed := w.upon(other, ann, chat.Left, bob, "")
	failed.Basis--
	_, err := w.append(w.Context(), failed)
	w.fails(err, chat.ErrStale, "what was authorised before")
	w.count(other, 3, "after a change that failed")

	w.count(w.create(w.roomOf(chat.Direct, "", ann, bob)).ID, 2, "a direct room")
	w.count(w.create(w.roomOf(chat.Direct, "", ann)).ID, 1, "a room of one's own")
	none := w.roomOf(chat.Private, "Without members", ann)
	none.Members = nil
	w.count(w.create(none).ID, 0, "a room without members")
}

// counted checks a room that some case has used: it tells as many members as it
// lists.
func (w *world) counted(room chat.RoomID) {
	w.Helper()
	members := 0
	for after := chat.UserID(""); ; {
		page, err := w.s.Members(w.Context(), chat.System, room, after, 200)
		w.ok(err, "Members")
		for _, m := range page {
			after = m.User.ID
			if !m.Banned {
				members++
			}
		}
		if len(page) < 200 {
			break
		}
	}
	if told := w.snapshot(room).Info.Members; told != members {
		w.Errorf("Snapshot of room %s tells %d members, and Members lists %d", room, told, members)
	}
}
