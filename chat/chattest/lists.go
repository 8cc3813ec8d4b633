package chattest

import (
	"fmt"
	"slices"

	"github.com/carlware/gochat/chat"
)

var memberCases = []storeCase{
	{"Pages", testMembers, nil},
	{"Banned", testMembersBanned, nil},
}

// ids of rooms, in the order of the answers.
func roomIDs(rooms []chat.RoomInfo) []chat.RoomID {
	var ids []chat.RoomID
	for _, r := range rooms {
		ids = append(ids, r.ID)
	}
	return ids
}

// listed reads the ids of all rooms that user finds.
func (w *world) listed(user chat.UserID) []chat.RoomID {
	w.Helper()
	rooms, err := w.s.Rooms(w.Context(), user, "", 200)
	w.ok(err, "Rooms")
	return roomIDs(rooms)
}

func testList(w *world) {
	public := w.room(ann)
	private := w.create(w.roomOf(chat.Private, "Private", ann)).ID
	direct := w.create(w.roomOf(chat.Direct, "", ann, bob)).ID
	shut := w.room(ann)
	check := func(user chat.User, when string, want ...chat.RoomID) {
		w.Helper()
		if got := w.listed(user.ID); !slices.Equal(got, want) {
			w.Errorf("%s: Rooms of %s is %v, want %v: one's own, and the public ones that one could join", when, user.ID, got, want)
		}
	}
	check(ann, "at first", public, private, direct, shut)
	check(bob, "at first", public, direct, shut)
	check(cyd, "at first", public, shut)
	check(chat.User{ID: "nobody"}, "an unknown user", public, shut)

	w.do(w.upon(shut, ann, chat.Joined, bob, chat.Participant))
	w.do(w.write(shut, ann, chat.Archived))
	check(ann, "archived", public, private, direct, shut)
	check(bob, "archived", public, direct, shut)
	check(cyd, "archived, which nobody can join", public)

	w.do(w.upon(public, ann, chat.Banned, cyd, ""))
	check(cyd, "banned from it")
	unban := w.upon(public, ann, chat.Banned, cyd, "")
	unban.Off = true
	w.do(unban)
	check(cyd, "not banned any more", public)
	w.do(w.upon(private, ann, chat.Joined, cyd, chat.Participant))
	check(cyd, "added to the private room", public, private)
	w.do(w.upon(private, ann, chat.Left, cyd, ""))
	check(cyd, "removed from it", public)

	rooms, err := w.s.Rooms(w.Context(), cyd.ID, "", 1)
	w.ok(err, "Rooms")
	if want := w.snapshot(public).Info; show(rooms[0]) != show(want) {
		w.Errorf("Rooms returned %s, want %s", show(rooms[0]), show(want))
	}
}

// testListPages makes rooms whose ids are not in the order of their creation,
// nor in the order in which people sort words.
func testListPages(w *world) {
	names := []chat.RoomID{"b", "B", "_a", "-a", "a1", "a", "Z9", "0", "zz", "a-b", "a_b", "aB", "Ab"}
	for i, id := range names {
		room := w.roomOf(chat.Public, fmt.Sprint("Room ", i), ann)
		if i%3 == 0 {
			room.Kind, room.Members = chat.Private, []chat.NewMember{{User: bob, Role: chat.Owner}}
		}
		room.Room = id
		w.create(room)
	}
	slices.Sort(names)
	for _, limit := range []int{1, 2, 5, 12, 13, 14, 200} {
		var found []chat.RoomID
		for after := chat.RoomID(""); ; after = found[len(found)-1] {
			rooms, err := w.s.Rooms(w.Context(), bob.ID, after, limit)
			w.ok(err, "Rooms")
			if len(rooms) > limit {
				w.Errorf("Rooms with limit %d returned %d", limit, len(rooms))
			}
			if len(rooms) == 0 {
				break
			}
			found = append(found, roomIDs(rooms)...)
		}
		if !slices.Equal(found, names) {
			w.Errorf("with limit %d Rooms found %q, want %q: the order is that of the bytes of the ids", limit, found, names)
		}
	}
	if rooms, err := w.s.Rooms(w.Context(), bob.ID, "a0", 2); err != nil || !slices.Equal(roomIDs(rooms), []chat.RoomID{"a1", "aB"}) {
		w.Errorf("Rooms after an id that no room has: %q, %v, want those that follow it", roomIDs(rooms), err)
	}
	inbox, err := w.s.Inbox(w.Context(), bob.ID)
	w.ok(err, "Inbox")
	var got []chat.RoomID
	for _, r := range inbox.Rooms {
		got = append(got, r.ID)
	}
	if want := []chat.RoomID{"-a", "Ab", "Z9", "a-b", "b"}; !slices.Equal(got, want) {
		w.Errorf("Inbox has %q, want %q: the order is that of the bytes of the ids", got, want)
	}
}

// userIDs reads all pages of Members.
func (w *world) userIDs(viewer chat.UserID, room chat.RoomID, limit int) []chat.UserID {
	w.Helper()
	var ids []chat.UserID
	for after := chat.UserID(""); ; after = ids[len(ids)-1] {
		members, err := w.s.Members(w.Context(), viewer, room, after, limit)
		w.ok(err, "Members")
		if len(members) > limit {
			w.Errorf("Members with limit %d returned %d", limit, len(members))
		}
		if len(members) == 0 {
			return ids
		}
		for _, m := range members {
			ids = append(ids, m.User.ID)
		}
	}
}

func testMembers(w *world) {
	ids := []chat.UserID{"ann", "Bob", "_x", "éa", "eb", "ea", "ann@example.org", "0", "zoë", "ann b"}
	create := w.roomOf(chat.Public, "Many", ann)
	for _, id := range ids[1:] {
		create.Members = append(create.Members, chat.NewMember{User: chat.User{ID: id, Name: "Name of " + string(id)}, Role: chat.Participant})
	}
	room := w.create(create).ID
	slices.Sort(ids)
	for _, limit := range []int{1, 3, 9, 10, 11, 200} {
		if got := w.userIDs(ann.ID, room, limit); !slices.Equal(got, ids) {
			w.Errorf("with limit %d Members found %q, want %q: the order is that of the bytes of the ids", limit, got, ids)
		}
	}
	w.ok(w.s.MarkRead(w.Context(), []chat.ReadMark{{Room: room, User: "zoë", Seq: 7}}), "MarkRead")
	members, err := w.s.Members(w.Context(), "zoë", room, "zo", 1)
	w.ok(err, "Members")
	m := members[0]
	if m.User != (chat.User{ID: "zoë", Name: "Name of zoë"}) || m.Role != chat.Participant || m.Since != 10 || m.Read != 7 || m.Banned {
		w.Errorf("a member is %s: with its name, role, join and read marker", show(m))
	}
	if got := w.userIDs(chat.System, room, 200); !slices.Equal(got, ids) {
		w.Errorf("Members for System is %q: it sees everything", got)
	}
}

func testMembersBanned(w *world) {
	room := w.room(bob, ann)
	w.do(w.upon(room, bob, chat.Banned, cyd, ""))
	w.do(w.upon(room, bob, chat.Banned, chat.User{ID: "aaron", Name: "Aaron"}, ""))
	w.do(w.upon(room, bob, chat.Left, bot, ""))
	all := []chat.UserID{"aaron", "ann", "bob", "cyd"}
	for _, limit := range []int{1, 2, 200} {
		for _, v := range []struct {
			viewer chat.UserID
			want   []chat.UserID
		}{{bob.ID, all}, {chat.System, all}, {ann.ID, []chat.UserID{"ann", "bob"}}} {
			if got := w.userIDs(v.viewer, room, limit); !slices.Equal(got, v.want) {
				w.Errorf("Members for %s, limit %d, is %q, want %q: banned users are listed only for owners, admins and System", v.viewer, limit, got, v.want)
			}
		}
	}
	w.do(w.upon(room, bob, chat.RoleChanged, ann, chat.Admin))
	if got := w.userIDs(ann.ID, room, 200); !slices.Equal(got, all) {
		w.Errorf("Members for an admin is %q, want %q", got, all)
	}
	members, err := w.s.Members(w.Context(), bob.ID, room, "bob", 1)
	w.ok(err, "Members")
	if m := members[0]; m.User != cyd || !m.Banned || m.Role != "" {
		w.Errorf("a banned user is listed as %s: banned, without a role", show(m))
	}
}
