package chattest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/carlware/gochat/chat"
)

var roomCases = []storeCase{
	{"Create", testCreate, nil},
	{"CreateAgain", testCreateAgain, nil},
	{"CreateRace", testCreateRace, nil},
	{"NameConflict", testNameConflict, nil},
	{"NameRace", testNameRace, nil},
	{"Direct", testDirect, nil},
	{"DirectRace", testDirectRace, nil},
	{"DirectSelf", testDirectSelf, nil},
	{"Snapshot", testSnapshot, nil},
	{"MemberCount", testMemberCount, nil},
	{"List", testList, nil},
	{"ListPages", testListPages, nil},
}

func testCreate(w *world) {
	create := w.roomOf(chat.Private, "Ñandú 👩‍🚀", ann, bob)
	create.Data = json.RawMessage(`{"topic": "x"}`)
	info := w.create(create)
	create.Data[2] = 'X'
	create.Members[1].User.Name = "Changed"
	want := chat.RoomInfo{
		ID: create.Room, Name: "Ñandú 👩‍🚀", Kind: chat.Private, Created: info.Created,
		Data: json.RawMessage(`{"topic": "x"}`), Head: 3, Floor: 1, Members: 2,
	}
	if show(info) != show(want) || string(info.Data) != string(want.Data) {
		w.Errorf("CreateRoom returned\n%s, want\n%s", show(info), show(want))
	}
	if got := w.snapshot(info.ID); show(got.Info) != show(want) || got.Access != 3 {
		w.Errorf("Snapshot is\n%s, access %d, want\n%s, access 3", show(got.Info), got.Access, show(want))
	}
	events := w.all(chat.System, info.ID)
	if len(events) != 3 {
		w.Fatalf("a new room with two members has the events %s, want Created and Joined for each", show(events))
	}
	c := events[0]
	if c.Kind != chat.Created || c.User != ann || c.Text != create.Name || c.ID != create.ID || !c.Time.Equal(info.Created) {
		w.Errorf("the first event is %s: Created, by its creator, with the name as Text and the id of the request", show(c))
	}
	for i, m := range []chat.NewMember{{User: ann, Role: chat.Owner}, {User: bob, Role: chat.Participant}} {
		e := events[i+1]
		if e.Kind != chat.Joined || e.User != ann || e.Target == nil || *e.Target != m.User || e.Role != m.Role || e.ID != fmt.Sprintf("%s.%d", create.ID, i+1) {
			w.Errorf("event %d is %s: Joined by the creator, in the order of Members, with ids %s.1 and so on", i+2, show(e), create.ID)
		}
		got := w.snapshot(info.ID).Members[m.User.ID]
		if got.User != m.User || got.Role != m.Role || got.Since != e.Seq || got.VisibleFrom != 0 {
			w.Errorf("the member is %s, want %s with role %s since %d", show(got), m.User.ID, m.Role, e.Seq)
		}
	}

	none := w.roomOf(chat.Public, "Without its creator", ann, bob)
	none.Members = none.Members[1:]
	w.place(w.create(none).ID, ann, "", "By is only a member if listed")
	none = w.roomOf(chat.Public, "Without members", ann)
	none.Members = nil
	if info := w.create(none); info.Head != 1 {
		w.Errorf("a room without members has head %d, want 1", info.Head)
	}
	if access := w.snapshot(none.Room).Access; access != 1 {
		w.Errorf("a room without members has access seq %d, want 1: Created moves it", access)
	}
}

func testCreateAgain(w *world) {
	create := w.roomOf(chat.Public, "Again", ann, bob)
	first := w.create(create)
	rename := w.write(first.ID, ann, chat.Renamed)
	rename.Text = "Renamed"
	w.do(rename)

	again := create
	again.Room = "another_id_of_the_node"
	c, err := w.s.CreateRoom(w.Context(), again)
	w.ok(err, "CreateRoom again")
	if !c.Duplicate || c.Info.ID != first.ID || c.Info.Name != "Renamed" || c.Info.Head != 4 {
		w.Errorf("CreateRoom again returned %s, duplicate=%v: a second call with the same By and ID returns the room that is stored, as it is now", show(c.Info), c.Duplicate)
	}
	_, err = w.s.Snapshot(w.Context(), again.Room, nil)
	w.fails(err, chat.ErrNotFound, "a duplicate stores nothing")

	again.Hash = hash("something else")
	_, err = w.s.CreateRoom(w.Context(), again)
	w.fails(err, chat.ErrIDReused, "the same By and ID with another Hash")

	again = w.roomOf(chat.Public, "By another", bob)
	again.ID = create.ID
	w.create(again) // the id is only unique for By

	clash := w.roomOf(chat.Public, "Same room id", bob)
	clash.Room = first.ID
	if c, err := w.s.CreateRoom(w.Context(), clash); err == nil {
		w.Errorf("CreateRoom with the RoomID of another room returned %s: it must fail", show(c.Info))
	}
	if n := len(w.all(chat.System, first.ID)); n != 4 {
		w.Errorf("the room has %d events after that, want 4", n)
	}
}

func testCreateRace(w *world) {
	create := w.roomOf(chat.Public, "Race", ann, bob)
	var made atomic.Int64
	var id atomic.Value
	together(20, func(i int) {
		create := create
		create.Room = chat.RoomID(fmt.Sprintf("race_%d", i))
		c, err := w.s.CreateRoom(w.Context(), create)
		if err != nil {
			w.Errorf("one of 20 equal CreateRooms: %v", err)
			return
		}
		if !c.Duplicate {
			made.Add(1)
		}
		if old := id.Swap(c.Info.ID); old != nil && old != c.Info.ID {
			w.Errorf("equal CreateRooms returned %s and %s: it is one room", old, c.Info.ID)
		}
	})
	if n := made.Load(); n != 1 {
		w.Errorf("%d of 20 equal CreateRooms made a room, want 1", n)
	}
}

func testNameConflict(w *world) {
	for _, n := range []struct{ name, same, other string }{
		{"General", "gENERAL", "General 2"},
		{"Ñandú", "ñandÚ", "Nandu"},
		{"ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφο"},
		{"Жуков", "жУКОВ", "Жукоб"},
	} {
		first := w.create(w.roomOf(chat.Public, n.name, ann))
		other := w.create(w.roomOf(chat.Public, n.other, ann))
		for _, name := range []string{n.name, n.same} {
			_, err := w.s.CreateRoom(w.Context(), w.roomOf(chat.Public, name, bob))
			w.fails(err, chat.ErrConflict, fmt.Sprintf("a public room %q when there is one called %q: names are compared as strings.EqualFold does", name, n.name))
			m := w.write(other.ID, ann, chat.Renamed)
			m.Text = name
			_, err = w.append(w.Context(), m)
			w.fails(err, chat.ErrConflict, fmt.Sprintf("renaming to %q when there is a public room called %q", name, n.name))
			info, err := w.s.RoomNamed(w.Context(), name)
			if err != nil || info.ID != first.ID || info.Name != n.name {
				w.Errorf("RoomNamed(%q) is %v, %v, want %s", name, info.Name, err, n.name)
			}
		}
		if w.head(other.ID) != 2 || w.snapshot(other.ID).Info.Name != n.other {
			w.Errorf("a renaming that fails changes nothing")
		}
		for range 2 { // private rooms may have any name
			w.create(w.roomOf(chat.Private, n.same, bob))
		}
		private := w.create(w.roomOf(chat.Private, "private "+n.name, bob))
		m := w.write(private.ID, bob, chat.Renamed)
		m.Text = n.name
		w.do(m)
		if info, err := w.s.RoomNamed(w.Context(), n.same); err != nil || info.ID != first.ID {
			w.Errorf("RoomNamed(%q) is %s, %v: it finds the public room", n.same, info.ID, err)
		}
	}
	_, err := w.s.RoomNamed(w.Context(), "private General")
	w.fails(err, chat.ErrNotFound, "RoomNamed of a name that only a private room ever had")
	archived := w.create(w.roomOf(chat.Public, "Archived", ann))
	w.do(w.write(archived.ID, ann, chat.Archived))
	_, err = w.s.CreateRoom(w.Context(), w.roomOf(chat.Public, "archived", bob))
	w.fails(err, chat.ErrConflict, "an archived public room keeps its name")
}

func testNameRace(w *world) {
	other := w.room(ann)
	rename := w.write(other, ann, chat.Renamed)
	rename.Text = "THE NAME"
	var won atomic.Int64
	together(20, func(i int) {
		var err error
		if i == 0 {
			_, err = w.append(w.Context(), rename)
		} else {
			_, err = w.s.CreateRoom(w.Context(), w.roomOf(chat.Public, "the name", bob))
		}
		if err == nil {
			won.Add(1)
		} else if !errors.Is(err, chat.ErrConflict) {
			w.Errorf("one of 20 who want the same name: %v, want ErrConflict", err)
		}
	})
	if n := won.Load(); n != 1 {
		w.Errorf("%d rooms have the same name, want 1", n)
	}
}

func testDirect(w *world) {
	create := w.roomOf(chat.Direct, "", ann, bob)
	info := w.create(create)
	other := w.roomOf(chat.Direct, "", bob, ann)
	other.Hash = hash("as the other one asked")
	c, err := w.s.CreateRoom(w.Context(), other)
	w.ok(err, "CreateRoom of a direct room from the other side")
	if !c.Duplicate || c.Info.ID != info.ID {
		w.Errorf("CreateRoom returned %s, duplicate=%v, want %s: a direct room for the same people is the one that is stored", c.Info.ID, c.Duplicate, info.ID)
	}
	third := w.create(w.roomOf(chat.Direct, "", ann, cyd))
	if third.ID == info.ID {
		w.Errorf("ann's direct rooms with bob and with cyd are the same")
	}
	for _, v := range []struct{ viewer, with chat.User }{{ann, bob}, {bob, ann}} {
		inbox, err := w.s.Inbox(w.Context(), v.viewer.ID)
		w.ok(err, "Inbox")
		rooms, err := w.s.Rooms(w.Context(), v.viewer.ID, "", 200)
		w.ok(err, "Rooms")
		if r := inbox.Rooms[0]; r.ID != info.ID || r.With == nil || *r.With != v.with {
			w.Errorf("in the Inbox of %s With is %s, want %s", v.viewer.ID, show(r.With), v.with.ID)
		}
		if r := rooms[0]; r.ID != info.ID || r.With == nil || *r.With != v.with {
			w.Errorf("in the Rooms of %s With is %s, want %s", v.viewer.ID, show(r.With), v.with.ID)
		}
	}
	if snap := w.snapshot(info.ID); snap.Info.With != nil || snap.Info.Kind != chat.Direct {
		w.Errorf("Snapshot is %s: With is nil where nobody asked", show(snap.Info))
	}
}

func testDirectRace(w *world) {
	var ids atomic.Value
	var made atomic.Int64
	together(20, func(i int) {
		create := w.roomOf(chat.Direct, "", ann, bob)
		if i%2 == 1 {
			create = w.roomOf(chat.Direct, "", bob, ann)
		}
		c, err := w.s.CreateRoom(w.Context(), create)
		if err != nil {
			w.Errorf("CreateRoom of a direct room: %v", err)
			return
		}
		if !c.Duplicate {
			made.Add(1)
		}
		if old := ids.Swap(c.Info.ID); old != nil && old != c.Info.ID {
			w.Errorf("ann and bob have the direct rooms %s and %s: it is the same for both, whoever asks first", old, c.Info.ID)
		}
	})
	if n := made.Load(); n != 1 {
		w.Errorf("%d direct rooms were made, want 1", n)
	}
}

func testDirectSelf(w *world) {
	info := w.create(w.roomOf(chat.Direct, "", ann))
	w.create(w.roomOf(chat.Direct, "", ann, bob)) // another room
	c, err := w.s.CreateRoom(w.Context(), w.roomOf(chat.Direct, "", ann))
	w.ok(err, "CreateRoom of one's own direct room again")
	if !c.Duplicate || c.Info.ID != info.ID {
		w.Errorf("CreateRoom returned %s, duplicate=%v, want %s: one's own direct room is one, too", c.Info.ID, c.Duplicate, info.ID)
	}
	w.create(w.roomOf(chat.Direct, "", bob))
	w.post(info.ID, ann, "note to myself")
	inbox, err := w.s.Inbox(w.Context(), ann.ID)
	w.ok(err, "Inbox")
	i := slices.IndexFunc(inbox.Rooms, func(r chat.InboxEntry) bool { return r.ID == info.ID })
	if i < 0 || inbox.Rooms[i].With == nil || *inbox.Rooms[i].With != ann {
		w.Errorf("the Inbox is %s: one's own direct room is there, shared with oneself", show(inbox))
	}
}

func testSnapshot(w *world) {
	room := w.room(ann, bob)
	w.do(w.upon(room, ann, chat.Banned, cyd, ""))
	snap, err := w.s.Snapshot(w.Context(), room, []chat.UserID{bob.ID, cyd.ID, "nobody", bob.ID})
	w.ok(err, "Snapshot")
	if len(snap.Members) != 2 || snap.Members[bob.ID].Role != chat.Participant || !snap.Members[cyd.ID].Banned {
		w.Errorf("Snapshot has the places %s: those of the users asked for that are members or banned", show(snap.Members))
	}
	snap, err = w.s.Snapshot(w.Context(), room, nil)
	w.ok(err, "Snapshot without users")
	if len(snap.Members) != 0 || snap.Info.ID != room || snap.Info.Head != 4 || snap.Access != 4 {
		w.Errorf("Snapshot without users is %s", show(snap))
	}
	_, err = w.s.Snapshot(w.Context(), "nowhere", []chat.UserID{ann.ID})
	w.fails(err, chat.ErrNotFound, "Snapshot of a room that does not exist")
}
