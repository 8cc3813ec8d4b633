package chattest

import (
	"encoding/json"
	"slices"

	"github.com/carlware/gochat/chat"
)

var kindCases = []storeCase{
	{"Joined", testJoined, nil},
	{"Left", testLeft, nil},
	{"Banned", testBanned, nil},
	{"RoleChanged", testRoleChanged, nil},
	{"Renamed", testRenamed, nil},
	{"Archived", testArchived, nil},
	{"Updated", testUpdated, nil},
	{"Reacted", testReacted, nil},
	{"RoomsRev", testRoomsRev, nil},
}

// stored reads event seq of a room back.
func (w *world) stored(room chat.RoomID, seq chat.Seq) chat.Event {
	w.Helper()
	p := w.page(chat.System, room, chat.Range{After: seq - 1, Forward: true, Limit: 1})
	if len(p.Events) != 1 || p.Events[0].Seq != seq {
		w.Fatalf("Page after %d with limit 1 returned %v", seq-1, seqs(p.Events))
	}
	return p.Events[0]
}

// place checks where a user is in a room: role "" is nowhere.
func (w *world) place(room chat.RoomID, user chat.User, role chat.Role, why string) {
	w.Helper()
	m, ok := w.snapshot(room).Members[user.ID]
	if ok != (role != "") || m.Role != role || m.Banned {
		w.Errorf("the place of %s is %s, want role %q: %s", user.ID, show(m), role, why)
	}
}

func testJoined(w *world) {
	room := w.room(ann)
	e := w.do(w.upon(room, ann, chat.Joined, bob, chat.Admin))
	if s := w.stored(room, e.Seq); show(s) != show(e) || s.Target == nil || *s.Target != bob || s.Role != chat.Admin {
		w.Errorf("stored is %s: it has the Target and the Role", show(s))
	}
	w.place(room, bob, chat.Admin, "Joined makes the Target a member with the Role")
	m := w.snapshot(room).Members[bob.ID]
	if m.User != bob || m.Since != e.Seq || m.VisibleFrom != 0 {
		w.Errorf("the member is %s, visible from %d, want since %d, visible from 0", show(m), m.VisibleFrom, e.Seq)
	}
}

func testLeft(w *world) {
	room := w.room(ann, bob)
	w.do(w.upon(room, ann, chat.Left, bob, ""))
	w.place(room, bob, "", "Left ends the membership")
	e := w.do(w.upon(room, ann, chat.Joined, bob, chat.Admin))
	w.place(room, bob, chat.Admin, "who left can be a member again")
	if m := w.snapshot(room).Members[bob.ID]; m.Since != e.Seq {
		w.Errorf("after joining again Since is %d, want %d", m.Since, e.Seq)
	}
}

func testBanned(w *world) {
	room := w.room(ann, bob)
	for _, user := range []chat.User{bob, cyd} { // a member, and somebody who was none
		w.do(w.upon(room, ann, chat.Banned, user, ""))
		m, ok := w.snapshot(room).Members[user.ID]
		if !ok || !m.Banned || m.Role != "" {
			w.Errorf("the place of %s is %s, want banned and without a role", user.ID, show(m))
		}
		unban := w.upon(room, ann, chat.Banned, user, "")
		unban.Off = true
		if e := w.do(unban); !w.stored(room, e.Seq).Off {
			w.Errorf("the Off of an event is not stored")
		}
		w.place(room, user, "", "Banned with Off removes the mark, and makes nobody a member")
	}
	w.do(w.upon(room, ann, chat.Joined, bob, chat.Participant))
	unban := w.upon(room, ann, chat.Banned, bob, "")
	unban.Off = true
	w.do(unban)
	w.place(room, bob, chat.Participant, "Banned with Off removes the mark if there is one, and ends no membership")
}

func testRoleChanged(w *world) {
	room := w.room(ann, bob)
	since := w.snapshot(room).Members[bob.ID].Since
	e := w.do(w.upon(room, ann, chat.RoleChanged, bob, chat.Owner))
	if s := w.stored(room, e.Seq); s.Role != chat.Owner || *s.Target != bob {
		w.Errorf("stored is %s: it has the Target and the Role", show(s))
	}
	w.place(room, bob, chat.Owner, "RoleChanged gives the Target the Role")
	w.place(room, ann, chat.Owner, "RoleChanged concerns the Target only")
	if m := w.snapshot(room).Members[bob.ID]; m.Since != since {
		w.Errorf("Since went from %d to %d: a change of role is no new joining", since, m.Since)
	}
}

func testRenamed(w *world) {
	room := w.room(ann)
	old := w.snapshot(room).Info.Name
	m := w.write(room, ann, chat.Renamed)
	m.Text = "New Name"
	e := w.do(m)
	if s := w.stored(room, e.Seq); s.Text != "New Name" {
		w.Errorf("stored is %s: the Text is the new name", show(s))
	}
	if name := w.snapshot(room).Info.Name; name != "New Name" {
		w.Errorf("the room is called %q after Renamed", name)
	}
	info, err := w.s.RoomNamed(w.Context(), "NEW name")
	if err != nil || info.ID != room {
		w.Errorf("RoomNamed by the new name: %v, %s", err, info.ID)
	}
	_, err = w.s.RoomNamed(w.Context(), old)
	w.fails(err, chat.ErrNotFound, "the old name names the room no more")
	w.create(w.roomOf(chat.Public, old, bob)) // the old name is free

	same := w.write(room, ann, chat.Renamed)
	same.Text = "new NAME"
	w.do(same) // its own name in other letters is no conflict
}

func testArchived(w *world) {
	room := w.room(ann)
	w.do(w.write(room, ann, chat.Archived))
	if !w.snapshot(room).Info.Archived {
		w.Errorf("Archived archives the room")
	}
	restore := w.write(room, ann, chat.Archived)
	restore.Off = true
	e := w.do(restore)
	if w.snapshot(room).Info.Archived || !w.stored(room, e.Seq).Off {
		w.Errorf("Archived with Off ends that")
	}
}

func testUpdated(w *world) {
	room := w.room(ann)
	for _, data := range []string{`{"topic": "one"}`, `{"topic":"two","n":1.50}`} {
		m := w.write(room, ann, chat.Updated)
		m.Data = json.RawMessage(data)
		e := w.do(m)
		m.Data[2] = 'X'
		info := w.snapshot(room).Info
		if string(info.Data) != data || string(w.stored(room, e.Seq).Data) != data {
			w.Errorf("after Updated with %s the room has %s: it has the Data as it is", data, info.Data)
		}
		info.Data[2] = 'Y'
		if again := w.snapshot(room).Info.Data; string(again) != data {
			w.Errorf("the room has %s: what Snapshot returned belongs to the caller", again)
		}
	}
}

func testReacted(w *world) {
	room := w.room(ann, bob)
	e := w.post(room, ann, "hello")
	r := w.do(w.about(room, bob, chat.Reacted, e.Seq, "👩‍🚀"))
	if s := w.stored(room, r.Seq); s.Ref != e.Seq || s.Text != "👩‍🚀" || s.User != bob || s.Off {
		w.Errorf("stored is %s: it has the message, the emoji and who it was", show(s))
	}
	off := w.about(room, bob, chat.Reacted, e.Seq, "👩‍🚀")
	off.Off = true
	if s := w.stored(room, w.do(off).Seq); !s.Off {
		w.Errorf("stored is %s, want Off", show(s))
	}
	if now := w.stored(room, e.Seq); show(now) != show(e) {
		w.Errorf("the message became %s: a reaction does not change it", show(now))
	}
}

// testRoomsRev checks that a user's node can tell from one number whether the
// user's rooms are still the same.
func testRoomsRev(w *world) {
	revs := func() map[chat.UserID]int64 {
		w.Helper()
		revs, err := w.s.RoomsRevs(w.Context(), []chat.UserID{ann.ID, bob.ID, "nobody", bob.ID})
		w.ok(err, "RoomsRevs")
		if _, ok := revs["nobody"]; ok || len(revs) != 2 {
			w.Fatalf("RoomsRevs is %v, want those of the two known users", revs)
		}
		return revs
	}
	before := revs()
	room := w.room(ann)
	if now := revs(); now[ann.ID] <= before[ann.ID] || now[bob.ID] != before[bob.ID] {
		w.Errorf("the revisions went from %v to %v when ann got a room: hers must grow, bob's not", before, now)
	}
	off := func(m chat.Write) chat.Write { m.Off = true; return m }
	for _, m := range []func() chat.Write{
		func() chat.Write { return w.upon(room, ann, chat.Joined, bob, chat.Participant) },
		func() chat.Write { return w.upon(room, ann, chat.RoleChanged, bob, chat.Admin) },
		func() chat.Write { return w.upon(room, ann, chat.Left, bob, "") },
		func() chat.Write { return w.upon(room, ann, chat.Joined, bob, chat.Participant) },
		func() chat.Write { return w.upon(room, ann, chat.Banned, bob, "") },
	} {
		before := revs()
		e := w.do(m())
		if now := revs(); now[bob.ID] <= before[bob.ID] || now[ann.ID] != before[ann.ID] {
			w.Errorf("the revisions went from %v to %v with %s of bob: his must grow, ann's not", before, now, e.Kind)
		}
	}
	w.do(off(w.upon(room, ann, chat.Banned, bob, "")))
	w.do(w.upon(room, ann, chat.Joined, bob, chat.Participant))

	before = revs()
	e := w.post(room, bob, "hello")
	w.do(w.about(room, bob, chat.Edited, e.Seq, "edited"))
	w.ok(w.s.MarkRead(w.Context(), []chat.ReadMark{{Room: room, User: bob.ID, Seq: e.Seq}}), "MarkRead")
	if now := revs(); !slices.Equal([]int64{now[ann.ID], now[bob.ID]}, []int64{before[ann.ID], before[bob.ID]}) {
		w.Errorf("the revisions went from %v to %v with a message: they would be read again for nothing", before, now)
	}
	inbox, err := w.s.Inbox(w.Context(), bob.ID)
	w.ok(err, "Inbox")
	if rev := revs()[bob.ID]; inbox.Rev != rev {
		w.Errorf("Inbox has revision %d, RoomsRevs %d: it is the same", inbox.Rev, rev)
	}
}
