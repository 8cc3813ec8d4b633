package chattest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/carlware/gochat/chat"
)

var trimCases = []storeCase{
	{"Young", testTrimYoung, nil},
	{"Age", testTrimAge, clocked},
	{"Count", testTrimCount, clocked},
	{"Both", testTrimBoth, clocked},
	{"Limit", testTrimLimit, clocked},
	{"Trimmable", testTrimmable, clocked},
	{"Sequence", testTrimSequence, clocked},
	{"Floor", testTrimFloor, clocked},
	{"HiddenHistory", testTrimHiddenHistory, clocked},
	{"Unread", testTrimUnread, clocked},
	{"MarkBelow", testTrimMarkBelow, clocked},
	{"Last", testTrimLast, clocked},
	{"Once", testTrimOnce, clocked},
	{"Refs", testTrimRefs, clocked},
	{"Reactions", testTrimReactions, clocked},
	{"TheRest", testTrimTheRest, clocked},
	{"WhileAppending", testTrimWhileAppending, clocked},
	{"Reopened", testTrimReopened, clockedPersistent},
	{"Shared", testTrimShared, clockedShared},
}

const old = 25 * time.Hour // enough to be removed

// trim trims a room, checks its floor, and returns how many events were
// removed.
func (w *world) trim(room chat.RoomID, keep chat.Retention, limit int) int {
	w.Helper()
	head := w.head(room)
	n, err := w.s.(chat.Trimmer).Trim(w.Context(), room, keep, limit)
	w.ok(err, "Trim")
	if n < 0 || n > limit {
		w.Fatalf("Trim with limit %d removed %d events", limit, n)
	}
	w.floors[room] = max(1, w.floors[room]) + chat.Seq(n)
	if info := w.snapshot(room).Info; info.Floor != w.floors[room] || info.Head != head || w.head(room) != head {
		w.Errorf("after Trim removed %d, floor and head are %d and %d, want %d and %d: the floor rises by what is removed, the head stays",
			n, info.Floor, info.Head, w.floors[room], head)
	}
	if first := w.page(chat.System, room, chat.Range{Forward: true, Limit: 1}); len(first.Events) != 1 || first.Events[0].Seq != w.floors[room] {
		w.Errorf("after Trim removed %d, the log begins with %v, want %d", n, seqs(first.Events), w.floors[room])
	}
	return n
}

// trims checks how many events of a room go.
func (w *world) trims(room chat.RoomID, keep chat.Retention, want int, rule string) {
	w.Helper()
	if n := w.trim(room, keep, 1000); n != want {
		w.Errorf("Trim %+v removed %d events, want %d: %s", keep, n, want, rule)
	}
}

// posts posts n messages by ann.
func (w *world) posts(room chat.RoomID, n int) {
	w.Helper()
	for i := range n {
		w.post(room, ann, fmt.Sprint("message ", i))
	}
}

// trimmable are the rooms that keep concerns, in the order of their ids.
func (w *world) trimmable(keep chat.Retention, limit int) []chat.RoomID {
	w.Helper()
	rooms, err := w.s.(chat.Trimmer).Trimmable(w.Context(), keep, limit)
	w.ok(err, "Trimmable")
	slices.Sort(rooms)
	return rooms
}

const young = "an event younger than MinRetention is never removed"

func testTrimYoung(w *world) {
	room := w.room(ann)
	w.posts(room, 10)
	for _, keep := range []chat.Retention{{Count: 1}, {Age: 1}, {Age: time.Hour, Count: 1}, {}} {
		w.trims(room, keep, 0, young)
		if rooms := w.trimmable(keep, 10); len(rooms) > 0 {
			w.Errorf("Trimmable %+v is %v: %s", keep, rooms, young)
		}
	}
	n, err := w.s.(chat.Trimmer).Trim(w.Context(), "nowhere", chat.Retention{Count: 1}, 10)
	if n != 0 || err != nil && !errors.Is(err, chat.ErrNotFound) {
		w.Errorf("Trim of a room that does not exist removed %d, %v", n, err)
	}
}

func testTrimAge(w *world) {
	room := w.room(ann)
	w.posts(room, 3) // up to 5
	w.clock.move(30 * time.Hour)
	w.posts(room, 3) // up to 8
	w.clock.move(20 * time.Hour)
	w.trims(room, chat.Retention{}, 0, "the zero Retention keeps all")
	w.trims(room, chat.Retention{Age: 60 * time.Hour}, 0, "all are younger")
	w.trims(room, chat.Retention{Age: 40 * time.Hour}, 5, "those that are older")
	w.trims(room, chat.Retention{Age: 40 * time.Hour}, 0, "again")
	w.trims(room, chat.Retention{Age: time.Hour}, 0, young)
	w.clock.move(5 * time.Hour)
	w.trims(room, chat.Retention{Age: time.Hour}, 2, "an Age less than MinRetention means that, and the newest event is never removed")
	w.clock.move(1000 * time.Hour)
	w.trims(room, chat.Retention{Age: time.Hour}, 0, "the newest event is never removed")
	w.posts(room, 1)
	w.trims(room, chat.Retention{Age: time.Hour}, 1, "what was the newest event")
}

func testTrimCount(w *world) {
	room := w.room(ann)
	w.posts(room, 10) // up to 12
	w.clock.move(23 * time.Hour)
	w.trims(room, chat.Retention{Count: 5}, 0, young)
	w.clock.move(2 * time.Hour)
	w.trims(room, chat.Retention{Count: 20}, 0, "there are less")
	w.trims(room, chat.Retention{Count: 12}, 0, "there are exactly so many")
	w.trims(room, chat.Retention{Count: 5}, 7, "not more than so many are kept")
	w.trims(room, chat.Retention{Count: 5}, 0, "again")
	w.posts(room, 2)
	w.trims(room, chat.Retention{Count: 5}, 2, "two more came")
	w.posts(room, 3) // 5 young ones, and 3 others
	w.trims(room, chat.Retention{Count: 1}, 3, young)
	w.clock.move(old)
	w.trims(room, chat.Retention{Count: 1}, 4, "all but one")
	w.trims(room, chat.Retention{Count: 1}, 0, "again")
}

func testTrimBoth(w *world) {
	rooms := []chat.RoomID{w.room(ann), w.room(ann)}
	for _, room := range rooms {
		w.posts(room, 3) // up to 5
	}
	w.clock.move(20 * time.Hour)
	for _, room := range rooms {
		w.posts(room, 5) // up to 10
	}
	w.clock.move(30 * time.Hour)
	const rule = "not older than Age, and not more than Count"
	w.trims(rooms[0], chat.Retention{Age: 40 * time.Hour, Count: 8}, 5, rule)
	w.trims(rooms[1], chat.Retention{Age: 400 * time.Hour, Count: 8}, 2, rule)
	w.trims(rooms[1], chat.Retention{Age: 40 * time.Hour, Count: 3}, 5, rule)
}

func testTrimLimit(w *world) {
	room := w.room(ann)
	w.posts(room, 8) // up to 10
	w.clock.move(old)
	for i, want := range []int{4, 4, 1, 0} {
		if n := w.trim(room, chat.Retention{Age: time.Hour}, 4); n != want {
			w.Errorf("Trim number %d with limit 4 removed %d of 10 events, want %d: the oldest ones, at most limit of them", i+1, n, want)
		}
	}
	w.posts(room, 1)
	if n := w.trim(room, chat.Retention{Age: time.Hour}, 0); n != 0 {
		w.Errorf("Trim with limit 0 removed %d events", n)
	}
	w.trims(room, chat.Retention{Age: time.Hour}, 1, "what the others left")
}

func testTrimmable(w *world) {
	none := w.roomOf(chat.Private, "One event", ann)
	none.Members = nil
	w.create(none)
	few, many := w.room(ann), w.room(ann)
	w.posts(many, 4)
	w.clock.move(old)
	late := w.room(ann)
	w.posts(late, 10)
	w.posts(few, 2)
	check := func(keep chat.Retention, rule string, want ...chat.RoomID) {
		w.Helper()
		if rooms := w.trimmable(keep, 10); !slices.Equal(rooms, want) {
			w.Errorf("Trimmable %+v is %v, want %v: %s", keep, rooms, want, rule)
		}
	}
	const rule = "the rooms that would lose events"
	check(chat.Retention{}, "the zero Retention keeps all")
	check(chat.Retention{Age: 100 * time.Hour}, rule)
	check(chat.Retention{Age: time.Hour}, rule, few, many)
	check(chat.Retention{Count: 5}, rule, many)
	check(chat.Retention{Count: 6}, rule)
	check(chat.Retention{Age: time.Hour, Count: 100}, rule, few, many)
	check(chat.Retention{Age: 100 * time.Hour, Count: 3}, rule, few, many)
	if rooms := w.trimmable(chat.Retention{Age: time.Hour}, 1); len(rooms) != 1 || rooms[0] != few && rooms[0] != many {
		w.Errorf("Trimmable with limit 1 is %v, want one of %v", rooms, []chat.RoomID{few, many})
	}
	if rooms := w.trimmable(chat.Retention{Age: time.Hour}, 0); len(rooms) != 0 {
		w.Errorf("Trimmable with limit 0 is %v", rooms)
	}
	w.trims(few, chat.Retention{Age: time.Hour}, 2, "the two that are old")
	check(chat.Retention{Age: time.Hour}, "a room that was trimmed is done", many)
	if n := w.trim(many, chat.Retention{Age: time.Hour}, 3); n != 3 {
		w.Errorf("Trim with limit 3 removed %d of 5", n)
	}
	check(chat.Retention{Age: time.Hour}, "a room that was trimmed in part is not done", many)
	w.trims(many, chat.Retention{Age: time.Hour}, 2, "the rest but the newest")
	check(chat.Retention{Age: time.Hour}, "all are done")
	w.clock.move(old)
	check(chat.Retention{Count: 1}, "later", few, late)
}

const onward = "the head never moves back, and no seq is used twice"

func testTrimSequence(w *world) {
	room := w.room(ann)
	w.posts(room, 5) // up to 7
	w.clock.move(old)
	w.trims(room, chat.Retention{Age: time.Hour}, 6, "all but the newest")
	e := w.post(room, ann, "next")
	if p := w.page(ann.ID, room, chat.Range{}); e.Seq != 8 || !slices.Equal(seqs(p.Events), []chat.Seq{7, 8}) {
		w.Errorf("after all but the newest of 7 were removed, the next is %d and the log %v: %s", e.Seq, seqs(p.Events), onward)
	}
	w.clock.move(old)
	w.trims(room, chat.Retention{Count: 1}, 1, "all but the newest")
	open := w.call(room, ann)
	if call := w.settles(chat.Settlement{New: &open, Answers: []string{"answer"}}); !slices.Equal(call.Seqs, []chat.Seq{9}) {
		w.Errorf("an answer in a trimmed room has the seqs %v, want 9: %s", call.Seqs, onward)
	}
}

// testTrimReopened reopens a store in which everything was removed that can be.
func testTrimReopened(w *world) {
	room := w.room(ann, bob)
	w.posts(room, 5) // up to 8
	w.do(w.upon(room, ann, chat.Joined, cyd, chat.Participant))
	m := w.message(room, ann, "the newest")
	newest := w.do(m)
	w.clock.move(old)
	w.trims(room, chat.Retention{Age: time.Hour}, 9, "all but the newest")
	before := w.state(room)
	w.reopen()
	if after := w.state(room); after != before {
		w.Errorf("reopened, the store reads as\n%s, before\n%s", after, before)
	}
	w.unread(bob, room, 6, "what is unread survives, though it is gone")
	w.again(m, newest)
	if e := w.post(room, ann, "next"); e.Seq != 11 {
		w.Errorf("the next seq after reopening is %d, want 11: %s", e.Seq, onward)
	}
	w.trims(room, chat.Retention{Age: time.Hour}, 1, "what was the newest")
}

// testTrimShared trims through two stores at once.
func testTrimShared(w *world) {
	other, _, _ := w.open()
	room := w.room(ann)
	w.posts(room, 40) // up to 42
	w.clock.move(old)
	var removed [4]int
	together(4, func(i int) {
		s := []chat.Store{w.s, other}[i%2].(chat.Trimmer)
		for {
			n, err := s.Trim(w.Context(), room, chat.Retention{Age: time.Hour}, 3)
			if err != nil {
				w.Errorf("Trim: %v", err)
			}
			if removed[i] += n; n == 0 {
				return
			}
		}
	})
	total := removed[0] + removed[1] + removed[2] + removed[3]
	if total != 41 {
		w.Errorf("four who trim at once removed %v of 42 events: each is removed once, and the newest not at all", removed)
	}
	w.floors[room] = 42
	a, err := other.Append(w.Context(), w.message(room, ann, "next"))
	if err != nil || a.Event.Seq != 43 {
		w.Errorf("the other store gave the next event seq %d, %v, want 43: %s", a.Event.Seq, err, onward)
	}
	p, err := other.Page(w.Context(), ann.ID, room, chat.Range{After: 7})
	if err != nil || p.Floor != 42 || !slices.Equal(seqs(p.Events), []chat.Seq{42, 43}) {
		w.Errorf("Page of the other store is %v with floor %d, %v, want 42 and 43", seqs(p.Events), p.Floor, err)
	}
}
