package chattest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/carlware/gochat/chat"
)

var appendCases = []storeCase{
	{"Sequence", testSequence, nil},
	{"Fields", testFields, nil},
	{"NothingIsKept", testNothingIsKept, nil},
	{"Unknown", testUnknown, nil},
	{"FailuresLeaveNoGap", testFailuresLeaveNoGap, nil},
	{"Heads", testHeads, nil},
	{"Flood", testFlood, nil},
	{"BadAmongGood", testBadAmongGood, nil},
}

func testSequence(w *world) {
	var rooms []chat.RoomID
	for range 8 {
		rooms = append(rooms, w.room(ann, bob))
	}
	type place struct {
		room chat.RoomID
		seq  chat.Seq
	}
	var mu sync.Mutex
	given := make(map[place]string)
	together(64, func(i int) {
		for n := range 10 {
			room := rooms[(i+n)%len(rooms)]
			a, err := w.append(w.Context(), chat.Write{
				Room: room, User: ann, Kind: chat.Message, ID: fmt.Sprintf("writer_%d_%d", i, n), Text: "hello", Basis: 3,
			})
			if err != nil {
				w.Errorf("Append: %v", err)
				return
			}
			mu.Lock()
			p := place{room, a.Event.Seq}
			if other, taken := given[p]; taken {
				w.Errorf("seq %d of a room was given to %s and to %s: no number is used twice", p.seq, other, a.Event.ID)
			}
			given[p] = a.Event.ID
			mu.Unlock()
		}
	})
	for _, room := range rooms {
		events := w.all(ann.ID, room)
		if len(events) != 3+80 {
			w.Errorf("a room has %d events, want 83: three of its creation and 80 messages", len(events))
		}
		for i, e := range events {
			if e.Seq != chat.Seq(i+1) {
				w.Errorf("event %d of the log has seq %d: the log of a room is 1, 2, 3 … without gaps", i+1, e.Seq)
			}
			if id, ok := given[place{room, e.Seq}]; ok && id != e.ID {
				w.Errorf("seq %d is %s in the log, Append gave it to %s", e.Seq, e.ID, id)
			}
		}
	}
}

func testFields(w *world) {
	room := w.room(ann, bob)
	first := w.post(room, bob, "first")
	m := w.message(room, ann, "hello")
	m.Ref = first.Seq
	m.Mentions = []chat.UserID{bob.ID, cyd.ID}
	m.Data = json.RawMessage(`{"b":1,"a":{"x":[1,2.50,"é\u00e9"]}}`)
	m.Hash = hash("as its sender made it")
	posted := w.do(m)

	want := chat.Event{
		Room: room, Seq: 5, ID: m.ID, Kind: chat.Message, Time: posted.Time, User: ann,
		Ref: first.Seq, Text: "hello", Mentions: m.Mentions, Data: m.Data,
	}
	found, h, err := w.s.Find(w.Context(), room, ann.ID, m.ID)
	w.ok(err, "Find")
	again, err := w.append(w.Context(), m)
	w.ok(err, "Append again")
	all := w.all(bob.ID, room)
	for _, got := range []struct {
		where string
		event chat.Event
	}{
		{"Append", posted}, {"Find", found}, {"a repeated Append", again.Event}, {"Page", all[len(all)-1]},
	} {
		if show(got.event) != show(want) {
			w.Errorf("%s returned\n%s, want\n%s", got.where, show(got.event), show(want))
		}
		if string(got.event.Data) != string(m.Data) {
			w.Errorf("%s returned Data %s, want %s: it is stored as it is", got.where, got.event.Data, m.Data)
		}
	}
	if h != m.Hash {
		w.Errorf("Find returned hash %x, want %x: it is the one of the request", h, m.Hash)
	}
}

func testNothingIsKept(w *world) {
	room := w.room(ann, bob)
	m := w.message(room, ann, "hello")
	m.Mentions = []chat.UserID{bob.ID}
	m.Data = json.RawMessage(`{"a":1}`)
	posted := w.do(m)
	before := show(posted)
	m.Mentions[0], m.Data[2] = "zoe", 'z'
	if show(posted) != before {
		w.Errorf("the event changed with the writer's slices: what is passed in is not kept")
	}

	join := w.upon(room, ann, chat.Joined, cyd, chat.Participant)
	joined := w.do(join)
	join.Target.Name = "Zoe"
	if joined.Target.Name != cyd.Name {
		w.Errorf("the event changed with the writer's Target: what is passed in is not kept")
	}
	for _, e := range w.all(ann.ID, room) {
		if e.Seq == posted.Seq && show(e) != before {
			w.Errorf("stored is %s, posted was %s: what is passed in is not kept", show(e), before)
		}
		if e.Seq == joined.Seq && e.Target.Name != cyd.Name {
			w.Errorf("stored target is %s: what is passed in is not kept", show(e.Target))
		}
	}
}

func testUnknown(w *world) {
	room := w.room(ann)
	m := w.message(room, ann, "hello")
	w.do(m)

	lost := m
	lost.Room, lost.ID = "nowhere", w.newID()
	_, err := w.append(w.Context(), lost)
	w.fails(err, chat.ErrNotFound, "Append to a room that does not exist")
	for _, k := range []struct {
		room chat.RoomID
		user chat.UserID
		id   string
	}{
		{"nowhere", ann.ID, m.ID}, {room, bob.ID, m.ID}, {room, "nobody", m.ID}, {room, ann.ID, "other"},
	} {
		_, _, err := w.s.Find(w.Context(), k.room, k.user, k.id)
		w.fails(err, chat.ErrNotFound, fmt.Sprintf("Find of what was not stored: %+v", k))
	}
}

// testFailuresLeaveNoGap sends writes that must fail between others that must
// not, so that a store which commits in batches has both in one.
func testFailuresLeaveNoGap(w *world) {
	taken := w.create(w.roomOf(chat.Public, "Taken", ann)).Name
	room := w.room(ann, bob)
	used := w.message(room, ann, "used")
	w.do(used)
	used.Hash = hash("something else")
	stale := w.message(room, ann, "stale")
	stale.Basis--
	rename := w.write(room, ann, chat.Renamed)
	rename.Text = taken
	noRef := w.about(room, ann, chat.Edited, 999, "no such message")
	nowhere := w.message(room, ann, "nowhere")
	nowhere.Room = "nowhere"
	bad := []struct {
		m    chat.Write
		want error
	}{
		{used, chat.ErrIDReused}, {stale, chat.ErrStale}, {rename, chat.ErrConflict}, {noRef, chat.ErrNotFound}, {nowhere, chat.ErrNotFound},
	}
	good := w.message(room, bob, "good")
	together(100, func(i int) {
		if i%2 == 0 {
			b := bad[(i/2)%len(bad)]
			_, err := w.append(w.Context(), b.m)
			w.fails(err, b.want, "a faulty write among good ones fails by its own reason")
			return
		}
		m := good
		m.ID = fmt.Sprintf("good_%d", i)
		if _, err := w.append(w.Context(), m); err != nil {
			w.Errorf("Append: %v: a faulty write fails alone", err)
		}
	})
	if head := w.head(room); head != 3+1+50 {
		w.Errorf("the head is %d, want 54: a write that fails takes no number", head)
	}
}

func testHeads(w *world) {
	a, b := w.room(ann), w.room(ann, bob)
	w.post(a, ann, "one")
	for _, known := range []struct {
		name       string
		is, differ map[chat.RoomID]chat.Seq
	}{
		{"nothing", map[chat.RoomID]chat.Seq{a: 0, "nowhere": 0, b: 0}, map[chat.RoomID]chat.Seq{a: 3, b: 3}},
		{"all", map[chat.RoomID]chat.Seq{a: 3, "nowhere": 0, b: 3}, map[chat.RoomID]chat.Seq{}},
		{"too little and too much", map[chat.RoomID]chat.Seq{a: 2, b: 4}, map[chat.RoomID]chat.Seq{a: 3, b: 3}},
		{"one of two", map[chat.RoomID]chat.Seq{a: 3, b: 1}, map[chat.RoomID]chat.Seq{b: 3}},
		{"what is not there", map[chat.RoomID]chat.Seq{a: 3, "nowhere": 7}, map[chat.RoomID]chat.Seq{"nowhere": 0}},
	} {
		heads, err := w.s.Heads(w.Context(), known.is)
		w.ok(err, "Heads")
		if !maps.Equal(heads, known.differ) {
			w.Errorf("Heads, when %s is known, is %v, want %v", known.name, heads, known.differ)
		}
	}
	heads, err := w.s.Heads(w.Context(), nil)
	w.ok(err, "Heads of no rooms")
	if len(heads) != 0 {
		w.Errorf("Heads of no rooms is %v", heads)
	}
}

// testFlood sends more at once than a bounded queue holds.
// testBadAmongGood sends writes that must fail among many that must not, all at
// once: a store that commits them together must not let them fail together.
func testBadAmongGood(w *world) {
	room := w.room(ann)
	old := w.snapshot(room).Access
	w.do(w.upon(room, ann, chat.Joined, bob, chat.Participant))
	basis, head := w.snapshot(room).Access, w.head(room)
	const n, every = 256, 50
	together(n, func(i int) {
		m := chat.Write{Room: room, User: ann, Kind: chat.Message, ID: fmt.Sprintf("among_%d", i), Text: "good", Basis: basis}
		var want error
		switch i {
		case every:
			m.Basis, want = old, chat.ErrStale
		case 2 * every:
			m.Room, want = "nowhere", chat.ErrNotFound
		case 3 * every:
			m.Kind, m.Ref, want = chat.Deleted, 1, chat.ErrNotFound
		case 4 * every:
			m.Kind, m.Ref, m.Text, want = chat.Reacted, 1<<30, "👍", chat.ErrNotFound
		}
		_, err := w.append(w.Context(), m)
		if want == nil && err != nil || !errors.Is(err, want) {
			w.Errorf("write %d of %d at once: error is %v, want %v: a bad write fails alone", i, n, err, want)
		}
	})
	log := w.all(ann.ID, room)
	if len(log) != int(head)+n-4 {
		w.Errorf("%d good writes and 4 bad ones at once stored %d events: a bad write fails alone", n-4, len(log)-int(head))
	}
	for i, e := range log {
		if e.Seq != chat.Seq(i+1) {
			w.Errorf("seq %d stands at place %d: a write that fails takes no number", e.Seq, i+1)
			return
		}
	}
}

func testFlood(w *world) {
	room := w.room(ann)
	var mu sync.Mutex
	var stored, refused []string
	together(1500, func(i int) {
		id := fmt.Sprintf("flood_%d", i)
		_, err := w.append(w.Context(), chat.Write{Room: room, User: ann, Kind: chat.Message, ID: id, Text: "drop", Basis: 2})
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			stored = append(stored, id)
		case errors.Is(err, chat.ErrBusy):
			refused = append(refused, id)
		default:
			w.Errorf("Append: %v: a store with too much to do makes its callers wait or returns ErrBusy", err)
		}
	})
	var found []string
	for _, e := range w.all(ann.ID, room)[2:] {
		found = append(found, e.ID)
	}
	slices.Sort(stored)
	slices.Sort(found)
	if !slices.Equal(stored, found) {
		w.Errorf("%d writes were accepted and %d are stored: accepted means kept, and ErrBusy means not stored", len(stored), len(found))
	}
	for _, id := range refused {
		if _, _, err := w.s.Find(context.Background(), room, ann.ID, id); !errors.Is(err, chat.ErrNotFound) {
			w.Errorf("Find of a write that got ErrBusy: %v, want ErrNotFound: ErrBusy means not stored", err)
		}
	}
}
