package chattest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/carlware/gochat/chat"
)

var sharedCases = []storeCase{
	{"Identity", testSharedIdentity, shared},
	{"Sequence", testSharedSequence, shared},
	{"Access", testSharedAccess, shared},
	{"Direct", testSharedDirect, shared},
	{"Calls", testSharedCalls, shared},
}

func testSharedIdentity(w *world) {
	other, id, _ := w.open()
	if id != w.id {
		w.Errorf("two stores over the same data are %+v and %+v: it is one store", w.id, id)
	}
	epoch, err := w.s.RotateEpoch(w.Context(), w.id.Epoch)
	w.ok(err, "RotateEpoch")
	same, err := other.RotateEpoch(w.Context(), w.id.Epoch)
	if err != nil || same != epoch {
		w.Errorf("RotateEpoch of an old epoch at the other store returned %q, %v, want %q, which holds now", same, err, epoch)
	}
}

// testSharedSequence writes to the same rooms through four stores.
func testSharedSequence(w *world) {
	stores := []chat.Store{w.s}
	for range 3 {
		s, _, _ := w.open()
		stores = append(stores, s)
	}
	rooms := []chat.RoomID{w.room(ann), w.room(ann), w.room(ann)}
	var mu sync.Mutex
	given := make(map[string]bool)
	together(64, func(i int) {
		for n := range 6 {
			m := chat.Write{
				Room: rooms[(i+n)%len(rooms)], User: ann, Kind: chat.Message, ID: fmt.Sprintf("writer_%d_%d", i, n), Text: "hello", Basis: 2,
			}
			a, err := stores[i%len(stores)].Append(w.Context(), m)
			if err != nil {
				w.Errorf("Append: %v", err)
				return
			}
			mu.Lock()
			place := fmt.Sprint(m.Room, a.Event.Seq)
			if given[place] {
				w.Errorf("seq %d of a room was given twice", a.Event.Seq)
			}
			given[place] = true
			mu.Unlock()
		}
	})
	total := 0
	for _, room := range rooms {
		total += len(w.all(ann.ID, room)) - 2
		for _, s := range stores {
			heads, err := s.Heads(w.Context(), map[chat.RoomID]chat.Seq{room: 0})
			if err != nil || heads[room] != w.head(room) {
				w.Errorf("two stores have the heads %d and %d, %v: what is committed is seen by all", heads[room], w.head(room), err)
			}
		}
	}
	if total != 64*6 {
		w.Errorf("%d messages are stored, want %d", total, 64*6)
	}
}

// testSharedAccess removes a user through one store and writes as that user
// through the other.
func testSharedAccess(w *world) {
	other, _, _ := w.open()
	for range 10 {
		room := w.room(ann, bob)
		m := w.message(room, bob, "still there?")
		w.do(w.upon(room, ann, chat.Left, bob, ""))
		_, err := other.Append(w.Context(), m)
		w.fails(err, chat.ErrStale, "what was authorised before the removal, which another store has committed")
		_, err = other.Page(w.Context(), bob.ID, room, chat.Range{})
		w.fails(err, chat.ErrNotFound, "Page for somebody whose removal another store has committed")
	}
	room := w.room(ann, bob)
	race := w.upon(room, ann, chat.RoleChanged, bob, chat.Admin)
	var won atomic.Int64
	together(20, func(i int) {
		m := race
		m.ID = fmt.Sprint("race_", i)
		_, err := []chat.Store{w.s, other}[i%2].Append(w.Context(), m)
		if err == nil {
			won.Add(1)
		} else if !errors.Is(err, chat.ErrStale) {
			w.Errorf("Append: %v, want ErrStale", err)
		}
	})
	if n := won.Load(); n != 1 {
		w.Errorf("%d of 20 changes with the same Basis were stored by two stores, want 1", n)
	}
}

func testSharedDirect(w *world) {
	other, _, _ := w.open()
	var made atomic.Int64
	together(20, func(i int) {
		create := w.roomOf(chat.Direct, "", []chat.User{ann, bob}[i%2], []chat.User{bob, ann}[i%2])
		c, err := []chat.Store{w.s, other}[i%2].CreateRoom(w.Context(), create)
		if err != nil {
			w.Errorf("CreateRoom: %v", err)
		} else if !c.Duplicate {
			made.Add(1)
		}
	})
	if n := made.Load(); n != 1 {
		w.Errorf("%d direct rooms were made by two stores, want 1", n)
	}
	made.Store(0)
	together(20, func(i int) {
		_, err := []chat.Store{w.s, other}[i%2].CreateRoom(w.Context(), w.roomOf(chat.Public, "One name", ann))
		if err == nil {
			made.Add(1)
		} else if !errors.Is(err, chat.ErrConflict) {
			w.Errorf("CreateRoom: %v, want ErrConflict", err)
		}
	})
	if n := made.Load(); n != 1 {
		w.Errorf("%d public rooms of one name were made by two stores, want 1", n)
	}
}

func testSharedCalls(w *world) {
	other, _, _ := w.open()
	stores := []chat.Store{w.s, other}
	room := w.room(ann)
	for range 10 {
		open := w.call(room, ann)
		w.opens(open)
		head := w.head(room)
		var won atomic.Int64
		together(8, func(i int) {
			_, first, err := stores[i%2].SettleCall(w.Context(), chat.Settlement{ID: open.ID, Answers: []string{fmt.Sprint(i)}})
			if err != nil {
				w.Errorf("SettleCall: %v", err)
			}
			if first {
				won.Add(1)
			}
		})
		if n := won.Load(); n != 1 || w.head(room) != head+1 {
			w.Errorf("%d of 8 settlements won at two stores, and the head went from %d to %d: want one winner and one answer", n, head, w.head(room))
		}
		fast := w.call(room, ann)
		won.Store(0)
		together(8, func(i int) {
			fast := fast
			fast.ID = fmt.Sprintf("%s_%d", fast.ID, i)
			_, first, err := stores[i%2].SettleCall(w.Context(), chat.Settlement{New: &fast, Answers: []string{fmt.Sprint(i)}})
			if err != nil {
				w.Errorf("SettleCall: %v", err)
			}
			if first {
				won.Add(1)
			}
		})
		if n := won.Load(); n != 1 || w.head(room) != head+2 {
			w.Errorf("%d of 8 New calls won at two stores: want one winner and one answer", n)
		}
	}
}
