package chattest

import (
	"fmt"
	"slices"

	"github.com/carlware/gochat/chat"
)

var inboxCases = []storeCase{
	{"Entries", testInbox, nil},
	{"Unread", testUnread, nil},
	{"Last", testLast, nil},
	{"ReadMarks", testReadMarks, nil},
	{"Many", testInboxOf200, nil},
	{"OneMoment", testInboxIsOneMoment, nil},
}

// entry is one room of somebody's inbox.
func (w *world) entry(user chat.User, room chat.RoomID) chat.InboxEntry {
	w.Helper()
	inbox, err := w.s.Inbox(w.Context(), user.ID)
	w.ok(err, "Inbox")
	i := slices.IndexFunc(inbox.Rooms, func(e chat.InboxEntry) bool { return e.ID == room })
	if i < 0 {
		w.Fatalf("the Inbox of %s lacks room %s: it has all rooms that the user is a member of", user.ID, room)
	}
	return inbox.Rooms[i]
}

func (w *world) unread(user chat.User, room chat.RoomID, want int64, why string) {
	w.Helper()
	if got := w.entry(user, room).Unread; got != want {
		w.Errorf("unread of %s is %d, want %d: %s", user.ID, got, want, why)
	}
}

func testInbox(w *world) {
	first := w.room(ann, bob)
	hides := w.roomOf(chat.Private, "Hides", ann, bob)
	hides.Hides = true
	second := w.create(hides).ID
	third := w.room(ann) // not bob's
	w.room(bob)
	w.do(w.upon(second, ann, chat.RoleChanged, bob, chat.Admin))

	inbox, err := w.s.Inbox(w.Context(), bob.ID)
	w.ok(err, "Inbox")
	if len(inbox.Rooms) != 3 || inbox.Rooms[0].ID != first || inbox.Rooms[1].ID != second {
		w.Fatalf("Inbox is %s: all rooms that the user is a member of, in the order of their ids", show(inbox))
	}
	for i, want := range []struct {
		role                   chat.Role
		since, visible, access chat.Seq
	}{{chat.Participant, 3, 0, 3}, {chat.Admin, 3, 3, 4}} {
		e := inbox.Rooms[i]
		if e.Role != want.role || e.Since != want.since || e.VisibleFrom != want.visible || e.Access != want.access {
			w.Errorf("entry %d is %s, since %d, visible from %d, access %d, want %+v", i, show(e), e.Since, e.VisibleFrom, e.Access, want)
		}
		if info := w.snapshot(e.ID).Info; show(info) != show(e.RoomInfo) {
			w.Errorf("Inbox describes the room as\n%s, Snapshot as\n%s", show(e.RoomInfo), show(info))
		}
	}
	w.do(w.upon(first, ann, chat.Left, bob, ""))
	w.do(w.upon(second, ann, chat.Banned, bob, ""))
	w.do(w.write(third, ann, chat.Archived))
	if inbox, err = w.s.Inbox(w.Context(), bob.ID); err != nil || len(inbox.Rooms) != 1 {
		w.Errorf("Inbox is %s, %v: rooms that the user left or is banned from are not in it", show(inbox), err)
	}
	if inbox, err = w.s.Inbox(w.Context(), ann.ID); err != nil || len(inbox.Rooms) != 3 || !inbox.Rooms[2].Archived {
		w.Errorf("Inbox is %s, %v: archived rooms are in it", show(inbox), err)
	}
	if inbox, err = w.s.Inbox(w.Context(), "nobody"); err != nil || len(inbox.Rooms) != 0 {
		w.Errorf("Inbox of an unknown user is %s, %v, want an empty one", show(inbox), err)
	}
}

func testUnread(w *world) {
	room := w.room(ann)
	w.post(room, ann, "before bob")
	w.post(room, ann, "before bob, too")
	join := w.do(w.upon(room, ann, chat.Joined, bob, chat.Participant))
	w.unread(bob, room, 0, "what was before the join is not unread")
	first := w.post(room, ann, "one")
	own := w.post(room, bob, "own")
	w.unread(bob, room, 2, "unread is the number of messages after the marker; whose they are does not matter to the store")
	w.do(w.about(room, ann, chat.Edited, first.Seq, "one, edited"))
	w.do(w.about(room, ann, chat.Reacted, first.Seq, "👍"))
	w.do(w.upon(room, ann, chat.Joined, cyd, chat.Participant))
	w.unread(bob, room, 2, "only messages count, not the other events")
	w.do(w.about(room, ann, chat.Deleted, first.Seq, ""))
	w.unread(bob, room, 2, "a deleted message keeps its place and its number")
	w.unread(cyd, room, 0, "what was before the join is not unread")

	mark := func(user chat.User, seq chat.Seq) {
		w.Helper()
		w.ok(w.s.MarkRead(w.Context(), []chat.ReadMark{{Room: room, User: user.ID, Seq: seq}}), "MarkRead")
	}
	mark(bob, first.Seq)
	w.unread(bob, room, 1, "a message is after the marker")
	mark(bob, own.Seq)
	w.unread(bob, room, 0, "all is read")
	w.unread(ann, room, 4, "markers are one's own")
	mark(bob, join.Seq)
	w.unread(bob, room, 0, "markers do not move back")

	w.do(w.upon(room, ann, chat.Left, bob, ""))
	w.post(room, ann, "while bob is away")
	w.do(w.upon(room, ann, chat.Joined, bob, chat.Participant))
	w.unread(bob, room, 0, "what was before the new join is not unread")
	w.post(room, ann, "with bob")
	w.unread(bob, room, 1, "a message after the new join is")
}

func testLast(w *world) {
	create := w.roomOf(chat.Private, "Last", ann)
	create.Hides = true
	room := w.create(create).ID
	last := func(user chat.User, want *chat.Event, why string) {
		w.Helper()
		if got := w.entry(user, room).Last; show(got) != show(want) {
			w.Errorf("Last for %s is\n%s, want\n%s: it is the newest message that the user may see; %s", user.ID, show(got), show(want), why)
		}
	}
	last(ann, nil, "there is none")
	first := w.post(room, ann, "first")
	last(ann, &first, "")
	w.do(w.upon(room, ann, chat.Joined, bob, chat.Participant))
	last(ann, &first, "other events do not count")
	last(bob, nil, "the room hides what was before the join")
	edited := w.do(w.about(room, ann, chat.Edited, first.Seq, "edited"))
	first.Text, first.EditedBy = "edited", edited.Seq
	last(ann, &first, "with its present text")
	second := w.post(room, ann, "second")
	last(bob, &second, "")
	deleted := w.do(w.about(room, ann, chat.Deleted, second.Seq, ""))
	second.Text, second.DeletedBy = "", deleted.Seq
	last(bob, &second, "also when it is deleted")
}

func testReadMarks(w *world) {
	room, other := w.room(ann, bob), w.room(ann, bob)
	for range 5 {
		w.post(room, ann, "hello") // 4 to 8
	}
	read := func(want chat.Seq, why string, marks ...chat.ReadMark) {
		w.Helper()
		w.ok(w.s.MarkRead(w.Context(), marks), "MarkRead")
		if got := w.entry(bob, room).Read; got != want {
			w.Errorf("the marker is %d, want %d: %s", got, want, why)
		}
		if m := w.snapshot(room).Members[bob.ID]; m.Read != want {
			w.Errorf("Snapshot has the marker %d, want %d as the Inbox has", m.Read, want)
		}
	}
	mark := func(seq chat.Seq) chat.ReadMark { return chat.ReadMark{Room: room, User: bob.ID, Seq: seq} }
	read(5, "it moves forward", mark(5))
	read(5, "it never moves back", mark(4))
	read(5, "nor to zero", mark(0))
	read(5, "no marks change nothing")
	read(7, "in one call the highest wins", mark(6), mark(7), mark(4))
	read(8, "it never moves beyond the head", mark(1<<39))
	w.post(room, ann, "the next")
	w.unread(bob, room, 1, "a marker that came too early did not mark what came later")
	read(9, "marks of users that are not members, and of rooms that are not there, are ignored",
		chat.ReadMark{Room: room, User: cyd.ID, Seq: 9}, chat.ReadMark{Room: room, User: "nobody", Seq: 9},
		chat.ReadMark{Room: "nowhere", User: bob.ID, Seq: 9}, mark(9), chat.ReadMark{Room: other, User: bob.ID, Seq: 2})
	if e := w.entry(bob, other); e.Read != 2 {
		w.Errorf("the marker in another room is %d, want 2: a call has marks of many rooms", e.Read)
	}
	together(20, func(i int) {
		if err := w.s.MarkRead(w.Context(), []chat.ReadMark{{Room: other, User: ann.ID, Seq: chat.Seq(i%3 + 1)}}); err != nil {
			w.Errorf("MarkRead: %v", err)
		}
	})
	if e := w.entry(ann, other); e.Read != 3 {
		w.Errorf("after marks 1 to 3 in any order the marker is %d, want 3", e.Read)
	}
}

func testInboxOf200(w *world) {
	const rooms = 200
	for i := range rooms {
		create := w.roomOf(chat.Public, fmt.Sprint("Room ", i), ann, bob)
		create.Room = chat.RoomID(fmt.Sprintf("many_%03d", (i*37)%rooms))
		w.create(create)
		for n := range i % 3 {
			m := chat.Write{Room: create.Room, User: ann, Kind: chat.Message, ID: fmt.Sprint("m", n), Text: "hello", Basis: 3}
			if _, err := w.append(w.Context(), m); err != nil {
				w.Fatalf("Append: %v", err)
			}
		}
	}
	inbox, err := w.s.Inbox(w.Context(), bob.ID)
	w.ok(err, "Inbox")
	if len(inbox.Rooms) != rooms {
		w.Fatalf("Inbox has %d rooms, want all %d", len(inbox.Rooms), rooms)
	}
	var unread int64
	for i, r := range inbox.Rooms {
		unread += r.Unread
		if r.ID != chat.RoomID(fmt.Sprintf("many_%03d", i)) || r.Head != chat.Seq(3+r.Unread) || (r.Last != nil) != (r.Unread > 0) {
			w.Errorf("entry %d is %s", i, show(r))
		}
	}
	if unread != 199 {
		w.Errorf("%d messages are unread in all rooms, want 199", unread)
	}
}

// testInboxIsOneMoment reads while others write.
func testInboxIsOneMoment(w *world) {
	room := w.room(ann, bob)
	m := w.message(room, ann, "hello")
	write := func() {
		for i := range 60 {
			m := m
			m.ID = fmt.Sprint("message_", i)
			if _, err := w.append(w.Context(), m); err != nil {
				w.Errorf("Append: %v", err)
			}
		}
	}
	meanwhile(write, func() {
		inbox, err := w.s.Inbox(w.Context(), bob.ID)
		if err != nil || len(inbox.Rooms) != 1 {
			w.Errorf("Inbox is %s, %v", show(inbox), err)
			return
		}
		e := inbox.Rooms[0]
		if e.Unread != int64(e.Head-3) || e.Head > 3 && (e.Last == nil || e.Last.Seq != e.Head) {
			w.Errorf("Inbox has head %d, unread %d, last %s: all is read at one moment", e.Head, e.Unread, show(e.Last))
		}
	})
}
