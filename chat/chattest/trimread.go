package chattest

import (
	"fmt"
	"slices"
	"time"

	"github.com/carlware/gochat/chat"
)

// What is read of rooms that were trimmed.

func testTrimFloor(w *world) {
	room := w.room(ann, bob)
	w.posts(room, 12) // up to 15
	w.clock.move(old)
	w.posts(room, 2)
	w.do(w.upon(room, ann, chat.Joined, cyd, chat.Participant)) // 18
	w.trims(room, chat.Retention{Age: time.Hour}, 15, "the old ones")
	for _, c := range []struct {
		name        string
		r           chat.Range
		first, last chat.Seq
		more        bool
	}{
		{"the newest", chat.Range{}, 16, 18, false},
		{"the newest two", chat.Range{Limit: 2}, 17, 18, true},
		{"from the beginning", chat.Range{Forward: true}, 16, 18, false},
		{"the first two", chat.Range{Forward: true, Limit: 2}, 16, 17, true},
		{"after one that is gone", chat.Range{After: 3}, 16, 18, false},
		{"one after one that is gone", chat.Range{After: 3, Limit: 1}, 16, 16, true},
		{"after the last one that is gone", chat.Range{After: 15}, 16, 18, false},
		{"after the floor", chat.Range{After: 16}, 17, 18, false},
		{"before the floor", chat.Range{Before: 16}, 0, 0, false},
		{"before one that is gone", chat.Range{Before: 10}, 0, 0, false},
		{"between two that are gone", chat.Range{After: 3, Before: 10}, 0, 0, false},
		{"one before the head", chat.Range{Before: 18, Limit: 1}, 17, 17, true},
		{"the last one before", chat.Range{Before: 17, Limit: 1}, 16, 16, false},
		{"up to an event", chat.Range{Before: 18, Forward: true}, 16, 17, false},
	} {
		for _, viewer := range []chat.UserID{ann.ID, chat.System} {
			p := w.page(viewer, room, c.r)
			var want []chat.Seq
			for seq := c.first; seq > 0 && seq <= c.last; seq++ {
				want = append(want, seq)
			}
			if !slices.Equal(seqs(p.Events), want) || p.More != c.more {
				w.Errorf("%s: Page %+v of a log from 16 to 18 is %v, more=%v, want %v, more=%v: below the floor there is nothing, and no more", c.name, c.r, seqs(p.Events), p.More, want, c.more)
			}
			if p.Head != 18 || p.Floor != 16 {
				w.Errorf("%s: Page has head %d and floor %d, want 18 and 16", c.name, p.Head, p.Floor)
			}
		}
	}
	w.told(room, ann, 16)
	other := w.room(ann)
	w.told(other, ann, 1)
}

// told checks the floor of a room wherever it is told.
func (w *world) told(room chat.RoomID, user chat.User, floor chat.Seq) {
	w.Helper()
	info := w.snapshot(room).Info
	named, err := w.s.RoomNamed(w.Context(), info.Name)
	w.ok(err, "RoomNamed")
	rooms, err := w.s.Rooms(w.Context(), user.ID, "", 200)
	w.ok(err, "Rooms")
	i := slices.IndexFunc(rooms, func(r chat.RoomInfo) bool { return r.ID == room })
	for where, got := range map[string]chat.Seq{
		"Snapshot": info.Floor, "RoomNamed": named.Floor, "Rooms": rooms[i].Floor, "Inbox": w.entry(user, room).Floor,
	} {
		if got != floor {
			w.Errorf("%s tells the floor %d, want %d", where, got, floor)
		}
	}
}

func testTrimHiddenHistory(w *world) {
	create := w.roomOf(chat.Public, "Hides", ann)
	create.Hides = true
	room := w.create(create).ID
	w.posts(room, 3)
	w.do(w.upon(room, ann, chat.Joined, bob, chat.Participant)) // 6
	w.posts(room, 4)                                            // up to 10
	w.clock.move(old)
	for _, c := range []struct {
		limit    int
		ann, bob chat.Seq
	}{{3, 4, 6}, {2, 6, 6}, {2, 8, 8}} {
		w.trim(room, chat.Retention{Age: time.Hour}, c.limit)
		for user, floor := range map[chat.UserID]chat.Seq{ann.ID: c.ann, bob.ID: c.bob} {
			p := w.page(user, room, chat.Range{Forward: true})
			if p.Floor != floor || p.Events[0].Seq != floor || p.More {
				w.Errorf("the floor of %s is %d, the log begins at %d, want %d: the oldest event that the reader can get", user, p.Floor, p.Events[0].Seq, floor)
			}
		}
		if m := w.snapshot(room).Members[bob.ID]; m.VisibleFrom != 6 || m.Since != 6 {
			w.Errorf("bob is a member since %d and sees from %d, want 6: places of members stay", m.Since, m.VisibleFrom)
		}
		w.told(room, bob, c.ann)
	}
}

func testTrimUnread(w *world) {
	room := w.room(ann, bob)
	w.posts(room, 10) // 4 to 13
	mark := func(user chat.User, seq chat.Seq) {
		w.Helper()
		w.ok(w.s.MarkRead(w.Context(), []chat.ReadMark{{Room: room, User: user.ID, Seq: seq}}), "MarkRead")
	}
	mark(bob, 6)
	w.do(w.upon(room, ann, chat.Joined, cyd, chat.Participant)) // 14
	w.posts(room, 2)                                            // 15 and 16
	w.clock.move(old)
	w.posts(room, 1) // 17
	check := func(annUnread, bobUnread, cydUnread int64, when string) {
		w.Helper()
		rule := when + ": the number of unread messages does not depend on which of them are kept"
		w.unread(ann, room, annUnread, rule)
		w.unread(bob, room, bobUnread, rule)
		w.unread(cyd, room, cydUnread, rule)
	}
	check(13, 10, 3, "before")
	for _, limit := range []int{1, 4, 1, 2, 6, 100} { // past ann's join, bob's marker, and cyd's join
		w.trim(room, chat.Retention{Age: time.Hour}, limit)
		check(13, 10, 3, fmt.Sprint("the floor is ", w.floors[room]))
	}
	if w.floors[room] != 17 {
		w.Errorf("the floor is %d after all of that, want 17", w.floors[room])
	}
	for user, read := range map[chat.UserID]chat.Seq{ann.ID: 0, bob.ID: 6, cyd.ID: 0} {
		if m := w.snapshot(room).Members[user]; m.Read != read {
			w.Errorf("the read marker of %s is at %d, want %d: markers stay", user, m.Read, read)
		}
	}
	w.posts(room, 1) // 18
	check(14, 11, 4, "one more came")
	mark(bob, 17)
	mark(ann, 18)
	mark(cyd, 3) // before the join: it is a marker, too
	check(0, 1, 4, "two have read")
	w.do(w.upon(room, ann, chat.Left, bob, ""))
	w.do(w.upon(room, ann, chat.Joined, bob, chat.Participant))
	check(0, 0, 4, "bob came again")
	w.posts(room, 1)
	check(1, 1, 5, "one more came")
}

// testTrimMarkBelow moves a marker to where the log is gone. How many messages
// there were between it and the floor may be forgotten.
func testTrimMarkBelow(w *world) {
	room := w.room(ann, bob)
	w.posts(room, 10) // 4 to 13
	w.clock.move(old)
	w.posts(room, 2)
	w.trims(room, chat.Retention{Age: time.Hour}, 13, "the old ones")
	w.unread(bob, room, 12, "before")
	w.ok(w.s.MarkRead(w.Context(), []chat.ReadMark{{Room: room, User: bob.ID, Seq: 8}}), "MarkRead")
	if e := w.entry(bob, room); e.Read != 8 || e.Unread < 2 || e.Unread > 7 {
		w.Errorf("with a marker at 8 and the floor at 14 the marker is %d and unread %d, want 8 and from 2, which are kept, to 7, which there were", e.Read, e.Unread)
	}
	w.ok(w.s.MarkRead(w.Context(), []chat.ReadMark{{Room: room, User: bob.ID, Seq: 14}}), "MarkRead")
	w.unread(bob, room, 1, "a marker within what is kept")
}

func testTrimLast(w *world) {
	room := w.room(ann)
	e := w.post(room, ann, "the last message")                  // 3
	w.do(w.upon(room, ann, chat.Joined, bob, chat.Participant)) // 4
	w.do(w.upon(room, ann, chat.Joined, cyd, chat.Participant)) // 5
	w.clock.move(old)
	w.trim(room, chat.Retention{Age: time.Hour}, 2)
	if last := w.entry(ann, room).Last; last == nil || last.Seq != e.Seq {
		w.Errorf("Last is %s, want the message, which is kept", show(last))
	}
	w.trim(room, chat.Retention{Age: time.Hour}, 1)
	if last := w.entry(ann, room).Last; last != nil {
		w.Errorf("Last is %s: that message was removed, and there is no other", show(last))
	}
	w.unread(ann, room, 1, "it was not read")
	next := w.post(room, ann, "another")
	if last := w.entry(ann, room).Last; last == nil || last.Seq != next.Seq {
		w.Errorf("Last is %s, want the newest message", show(last))
	}
}

// testTrimTheRest looks at what has nothing to do with old events.
func testTrimTheRest(w *world) {
	create := w.roomOf(chat.Public, "The rest", ann, bob)
	room := w.create(create).ID
	w.posts(room, 5)
	w.do(w.upon(room, ann, chat.Banned, cyd, ""))
	open := w.call(room, bob)
	w.opens(open)
	write := w.message(room, ann, "authorised before")
	w.posts(room, 1) // 10
	w.clock.move(old)
	ended := w.settles(chat.Settlement{ID: open.ID, Answers: []string{"answer"}}) // 11
	state := func() string {
		snap := w.snapshot(room)
		members, err := w.s.Members(w.Context(), chat.System, room, "", 200)
		w.ok(err, "Members")
		revs, err := w.s.RoomsRevs(w.Context(), []chat.UserID{ann.ID, bob.ID, cyd.ID})
		w.ok(err, "RoomsRevs")
		call, err := w.s.Call(w.Context(), open.ID)
		w.ok(err, "Call")
		call.Remaining = 0
		info := snap.Info
		info.Floor = 0
		return show([]any{info, snap.Access, snap.Members, members, revs, call, w.listed(cyd.ID), w.listed(bob.ID), w.id})
	}
	before := state()
	w.trims(room, chat.Retention{Age: time.Hour}, 10, "the old ones")
	if after := state(); after != before {
		w.Errorf("after Trim the store reads as\n%s, before\n%s: only events are removed", after, before)
	}
	w.late(chat.Settlement{ID: open.ID, Answers: []string{"again"}}, ended)
	w.do(write) // and is not stale
	if again, err := w.s.CreateRoom(w.Context(), create); err != nil || !again.Duplicate || again.Info.ID != room || again.Info.Floor != 11 {
		w.Errorf("CreateRoom again returned %s, %v: the room is there, though its first event is not", show(again), err)
	}
	w.do(w.upon(room, ann, chat.RoleChanged, bob, chat.Admin))
	w.place(room, bob, chat.Admin, "members whose Joined event is gone are members")
}
