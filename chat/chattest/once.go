package chattest

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/carlware/gochat/chat"
)

var onceCases = []storeCase{
	{"Again", testAgain, nil},
	{"Concurrent", testConcurrentDuplicates, nil},
	{"ConcurrentlyReused", testConcurrentlyReused, nil},
	{"OtherUserOtherRoom", testOtherUserOtherRoom, nil},
	{"Reused", testReused, nil},
	{"BeforeAllElse", testDuplicateBeforeAllElse, nil},
	{"PresentText", testDuplicatePresentText, nil},
	{"Reopened", testDuplicateReopened, persistent},
	{"TwoStores", testDuplicateTwoStores, shared},
}

const rule = "a second Append with the same Room, User and ID returns the event that is stored, with Duplicate set, and changes nothing"

// again appends m, which is stored as want, again.
func (w *world) again(m chat.Write, want chat.Event) {
	w.Helper()
	head := w.head(m.Room)
	a, err := w.append(w.Context(), m)
	if err != nil {
		w.Fatalf("Append again: %v: %s", err, rule)
	}
	if !a.Duplicate || show(a.Event) != show(want) {
		w.Errorf("Append again returned duplicate=%v\n%s, want\n%s: %s", a.Duplicate, show(a.Event), show(want), rule)
	}
	if now := w.head(m.Room); now != head {
		w.Errorf("the head went from %d to %d: %s", head, now, rule)
	}
}

func testAgain(w *world) {
	room := w.room(ann, bob)
	m := w.message(room, ann, "hello")
	posted := w.do(m)
	w.again(m, posted)
	if w.clock != nil {
		w.clock.move(1e12)
	}
	for range 20 {
		w.post(room, bob, "more")
	}
	w.again(m, posted)

	// What is compared is the hash of the request, not what it became.
	m.Text = "changed on its way by a filter"
	w.again(m, posted)
}

func testConcurrentDuplicates(w *world) {
	room := w.room(ann, bob)
	m := w.message(room, ann, "hello")
	other := w.message(room, bob, "other")
	var stored, seq atomic.Int64
	together(100, func(i int) {
		if i%2 == 1 { // others, so that the batch is a mixed one
			o := other
			o.ID = fmt.Sprintf("other_%d", i)
			if _, err := w.append(w.Context(), o); err != nil {
				w.Errorf("Append: %v", err)
			}
			return
		}
		a, err := w.append(w.Context(), m)
		if err != nil {
			w.Errorf("one of 50 equal writes: %v: %s", err, rule)
			return
		}
		if !a.Duplicate {
			stored.Add(1)
		}
		if old := seq.Swap(int64(a.Event.Seq)); old != 0 && old != int64(a.Event.Seq) {
			w.Errorf("two of 50 equal writes got seq %d and %d: %s", old, a.Event.Seq, rule)
		}
	})
	if n := stored.Load(); n != 1 {
		w.Errorf("%d of 50 equal writes came back without Duplicate, want 1: %s", n, rule)
	}
	if head := w.head(room); head != 3+1+50 {
		w.Errorf("the head is %d, want 54: a duplicate takes no number", head)
	}
}

func testConcurrentlyReused(w *world) {
	room := w.room(ann, bob)
	m := w.message(room, ann, "hello")
	var stored atomic.Int64
	together(50, func(i int) {
		m := m
		m.Hash, m.Text = hash(fmt.Sprint(i)), fmt.Sprint(i)
		_, err := w.append(w.Context(), m)
		if err == nil {
			stored.Add(1)
		} else if !errors.Is(err, chat.ErrIDReused) {
			w.Errorf("Append of a used id with another hash: %v, want ErrIDReused", err)
		}
	})
	if n := stored.Load(); n != 1 {
		w.Errorf("%d of 50 different writes with one id were stored, want 1", n)
	}
}

func testOtherUserOtherRoom(w *world) {
	a, b := w.room(ann, bob), w.room(ann, bob)
	m := w.message(a, ann, "hello")
	first := w.do(m)
	m.User = bob
	second := w.do(m)
	m.Room = b
	third := w.do(m)
	if first.Seq != 4 || second.Seq != 5 || third.Seq != 4 {
		w.Errorf("the same id got seq %d, %d by another user, %d in another room: ids are unique for a user in a room only", first.Seq, second.Seq, third.Seq)
	}
}

func testReused(w *world) {
	room := w.room(ann, bob)
	m := w.message(room, ann, "hello")
	posted := w.do(m)
	other := m
	other.Hash, other.Text = hash("other"), "other"
	_, err := w.append(w.Context(), other)
	w.fails(err, chat.ErrIDReused, "the same id with another hash is ErrIDReused")
	other.Kind, other.Ref = chat.Edited, posted.Seq
	_, err = w.append(w.Context(), other)
	w.fails(err, chat.ErrIDReused, "an id is used whatever the kind of the event was")
	w.again(m, posted)
}

// testDuplicateBeforeAllElse resends writes that would be refused by now.
func testDuplicateBeforeAllElse(w *world) {
	room := w.room(ann, bob)
	info := w.snapshot(room).Info
	type sent struct {
		write chat.Write
		event func(chat.Event) chat.Event
	}
	same := func(e chat.Event) chat.Event { return e }
	var writes []sent
	var events []chat.Event
	send := func(m chat.Write, event func(chat.Event) chat.Event) {
		writes = append(writes, sent{m, event})
		events = append(events, w.do(m))
	}
	text := w.message(room, ann, "hello")
	send(text, func(e chat.Event) chat.Event { e.Text, e.DeletedBy = "", 6; return e })
	send(w.about(room, ann, chat.Edited, 4, "edited"), func(e chat.Event) chat.Event { e.Text = ""; return e })
	send(w.about(room, ann, chat.Deleted, 4, ""), same)
	rename := w.write(room, ann, chat.Renamed)
	rename.Text = "A better name"
	send(rename, same)
	send(w.upon(room, ann, chat.Left, bob, ""), same)
	send(w.upon(room, ann, chat.Joined, bob, chat.Participant), same)

	// Let another room take the new name, after a third one.
	back := w.write(room, ann, chat.Renamed)
	back.Text = info.Name
	w.do(back)
	w.create(w.roomOf(chat.Public, "A better name", ann))

	for i, s := range writes {
		w.again(s.write, s.event(events[i]))
		reused := s.write
		reused.Hash = hash("something else")
		_, err := w.append(w.Context(), reused)
		w.fails(err, chat.ErrIDReused, "that an id was used is decided before all else")
	}
}

func testDuplicatePresentText(w *world) {
	room := w.room(ann, bob)
	m := w.message(room, ann, "first")
	posted := w.do(m)
	edit := w.about(room, ann, chat.Edited, posted.Seq, "second")
	edited := w.do(edit)

	want := posted
	want.Text, want.EditedBy = "second", edited.Seq
	w.again(m, want)
	w.again(edit, edited)
}

func testDuplicateReopened(w *world) {
	room := w.room(ann, bob)
	m := w.message(room, ann, "hello")
	posted := w.do(m)
	w.reopen()
	w.again(m, posted)
	m.Hash = hash("other")
	_, err := w.append(w.Context(), m)
	w.fails(err, chat.ErrIDReused, "the hash survives as the event does")
	if e := w.post(room, bob, "next"); e.Seq != posted.Seq+1 {
		w.Errorf("the next seq after reopening is %d, want %d", e.Seq, posted.Seq+1)
	}
}

// testDuplicateTwoStores sends the same write through two stores at once.
func testDuplicateTwoStores(w *world) {
	room := w.room(ann, bob)
	other, _, _ := w.open()
	for round := range 20 {
		m := w.message(room, ann, fmt.Sprint("round ", round))
		var got [2]chat.Appended
		together(2, func(i int) {
			var err error
			if got[i], err = []chat.Store{w.s, other}[i].Append(w.Context(), m); err != nil {
				w.Errorf("Append: %v", err)
			}
		})
		if got[0].Duplicate == got[1].Duplicate || show(got[0].Event) != show(got[1].Event) {
			w.Errorf("two stores returned\n%s, duplicate=%v\n%s, duplicate=%v: %s", show(got[0].Event), got[0].Duplicate, show(got[1].Event), got[1].Duplicate, rule)
		}
	}
}
