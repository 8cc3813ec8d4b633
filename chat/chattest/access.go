package chattest

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/carlware/gochat/chat"
)

var accessCases = []storeCase{
	{"Stale", testStale, nil},
	{"Behind", testBehind, nil},
	{"KindsThatMoveIt", testKindsThatMoveAccess, nil},
	{"KindsThatDoNot", testKindsThatDoNotMoveAccess, nil},
	{"Race", testAccessRace, nil},
	{"OneMoment", testSnapshotIsOneMoment, nil},
}

// testStale tries every kind with the basis of before.
func testStale(w *world) {
	room := w.room(ann, bob)
	e := w.post(room, bob, "hello")
	old := w.snapshot(room).Access
	w.do(w.upon(room, ann, chat.RoleChanged, bob, chat.Admin))
	head := w.head(room)

	rename := w.write(room, ann, chat.Renamed)
	rename.Text = "Renamed"
	for _, m := range []chat.Write{
		w.message(room, bob, "late"),
		w.about(room, bob, chat.Edited, e.Seq, "late"),
		w.about(room, bob, chat.Deleted, e.Seq, ""),
		w.about(room, bob, chat.Reacted, e.Seq, "👍"),
		w.upon(room, ann, chat.Joined, cyd, chat.Participant),
		w.upon(room, ann, chat.Left, bob, ""),
		w.upon(room, ann, chat.Banned, bob, ""),
		w.upon(room, ann, chat.RoleChanged, bob, chat.Owner),
		w.write(room, ann, chat.Archived),
		w.write(room, ann, chat.Updated),
		rename,
	} {
		m.Basis = old
		_, err := w.append(w.Context(), m)
		w.fails(err, chat.ErrStale, fmt.Sprintf("a %s that was authorised before the access of the room changed", m.Kind))
		_, _, err = w.s.Find(w.Context(), room, m.User.ID, m.ID)
		w.fails(err, chat.ErrNotFound, "a write that fails with ErrStale is not stored")
	}
	snap := w.snapshot(room)
	if w.head(room) != head || snap.Members[bob.ID].Role != chat.Admin || len(snap.Members) != 2 || snap.Info.Archived || snap.Info.Name == "Renamed" {
		w.Errorf("after writes that failed with ErrStale the room is %s: they change nothing", show(snap))
	}
	_, _, err := w.s.OpenCall(w.Context(), chat.NewCall{
		ID: w.newID(), Key: w.newID(), Room: room, User: bob, Bot: bot, Name: "stock", Line: "/stock", Timeout: 1e9, Basis: old,
	})
	w.fails(err, chat.ErrStale, "OpenCall checks the access seq as Append does")
}

// testBehind writes what was authorised by a log that went further than this one.
func testBehind(w *world) {
	room := w.room(ann, bob)
	e := w.post(room, bob, "hello")
	head := w.head(room)
	for _, m := range []chat.Write{
		w.message(room, bob, "of another life"),
		w.about(room, bob, chat.Edited, e.Seq, "of another life"),
		w.upon(room, ann, chat.Joined, cyd, chat.Participant),
	} {
		m.Known = head + 1
		_, err := w.append(w.Context(), m)
		w.fails(err, chat.ErrStale, fmt.Sprintf("a %s whose Known is beyond the head: who may do what is not known for this log", m.Kind))
		if now := w.head(room); now != head {
			w.Errorf("a %s that failed with ErrStale moved the head from %d to %d", m.Kind, head, now)
		}
	}
	again := w.message(room, bob, "as far as this log goes")
	again.Known = head
	a, err := w.append(w.Context(), again)
	w.ok(err, "Append with Known at the head")
	again.Known = head + 9
	b, err := w.append(w.Context(), again)
	w.ok(err, "Append again, with Known beyond the head")
	if !b.Duplicate || b.Event.Seq != a.Event.Seq {
		w.Errorf("Append again, with Known beyond the head, returned %s: what is stored is returned before Known is looked at", show(b))
	}
}

func testKindsThatMoveAccess(w *world) {
	room := w.room(ann, bob)
	if access := w.snapshot(room).Access; access != 3 {
		w.Errorf("the access seq of a new room with two members is %d, want 3: Created and Joined move it", access)
	}
	off := func(m chat.Write) chat.Write { m.Off = true; return m }
	for _, next := range []func() chat.Write{
		func() chat.Write { return w.upon(room, ann, chat.Joined, cyd, chat.Participant) },
		func() chat.Write { return w.upon(room, ann, chat.RoleChanged, cyd, chat.Admin) },
		func() chat.Write { return w.upon(room, cyd, chat.Left, cyd, "") },
		func() chat.Write { return w.upon(room, ann, chat.Banned, bob, "") },
		func() chat.Write { return off(w.upon(room, ann, chat.Banned, bob, "")) },
		func() chat.Write { return w.write(room, ann, chat.Archived) },
		func() chat.Write { return off(w.write(room, ann, chat.Archived)) },
	} {
		e := w.do(next())
		if access := w.snapshot(room).Access; access != e.Seq {
			w.Errorf("after %s at %d the access seq is %d: an event that may change who may do what moves it to its own seq", e.Kind, e.Seq, access)
		}
	}
}

func testKindsThatDoNotMoveAccess(w *world) {
	room := w.room(ann, bob)
	basis := w.snapshot(room).Access
	e := w.post(room, ann, "hello")
	rename := w.write(room, ann, chat.Renamed)
	rename.Text = "Renamed " + string(room)
	update := w.write(room, ann, chat.Updated)
	update.Data = json.RawMessage(`{"topic":"x"}`)
	for _, m := range []chat.Write{
		w.about(room, ann, chat.Edited, e.Seq, "edited"),
		w.about(room, ann, chat.Reacted, e.Seq, "👍"),
		w.about(room, ann, chat.Deleted, e.Seq, ""),
		rename, update,
		w.message(room, bob, "still fine"),
	} {
		m.Basis = basis
		if _, err := w.append(w.Context(), m); err != nil {
			w.Errorf("%s: %v: only events that may change who may do what make a basis old", m.Kind, err)
		}
		if access := w.snapshot(room).Access; access != basis {
			w.Errorf("after %s the access seq is %d, want %d as before", m.Kind, access, basis)
		}
	}
}

// testAccessRace lets 50 changes of access race that were authorised by the
// same snapshot: had two of them won, the second would be unauthorised.
func testAccessRace(w *world) {
	room := w.room(ann, bob)
	m := w.upon(room, ann, chat.RoleChanged, bob, chat.Admin)
	var won atomic.Int64
	together(50, func(i int) {
		m := m
		m.ID = fmt.Sprintf("race_%d", i)
		_, err := w.append(w.Context(), m)
		if err == nil {
			won.Add(1)
		} else if !errors.Is(err, chat.ErrStale) {
			w.Errorf("Append: %v, want ErrStale", err)
		}
	})
	if n := won.Load(); n != 1 {
		w.Errorf("%d of 50 changes with the same Basis were stored, want 1: the first one makes the others stale", n)
	}
}

// testSnapshotIsOneMoment reads while somebody comes and goes.
func testSnapshotIsOneMoment(w *world) {
	room := w.room(ann)
	meanwhile(func() { w.comeAndGo(room, cyd, 25) }, func() {
		snap, err := w.s.Snapshot(w.Context(), room, []chat.UserID{cyd.ID})
		if err != nil {
			w.Errorf("Snapshot: %v", err)
			return
		}
		// Each joining is followed by a leaving: cyd joins at 3, 6, 9 …,
		// posts, and leaves at 5, 8, 11 …
		m, member := snap.Members[cyd.ID]
		if member != (snap.Access%3 == 0) || member && m.Since != snap.Access {
			w.Errorf("Snapshot has access seq %d and for cyd %s: both are read at one moment", snap.Access, show(m))
		}
		if snap.Info.Head < snap.Access {
			w.Errorf("Snapshot has head %d and access seq %d: both are read at one moment", snap.Info.Head, snap.Access)
		}
	})
}

// comeAndGo lets somebody join, post and leave a room again and again. Any
// goroutine may call it, nobody else may write.
func (w *world) comeAndGo(room chat.RoomID, who chat.User, rounds int) {
	basis := w.head(room)
	for n := range rounds {
		for _, kind := range []chat.EventKind{chat.Joined, chat.Message, chat.Left} {
			m := chat.Write{Room: room, User: who, Kind: kind, ID: fmt.Sprintf("%s_%d", kind, n), Basis: basis}
			if kind == chat.Message {
				m.Text = "here"
			} else {
				m.Target, m.Role = &who, chat.Participant
			}
			a, err := w.append(w.Context(), m)
			if err != nil {
				w.Errorf("%s: %v", kind, err)
				return
			}
			basis = a.Event.Seq
		}
	}
}
