package chattest

import (
	"fmt"
	"sync/atomic"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

func testSettleNew(w *world) {
	room := w.room(ann, bob)
	open := w.call(room, bob)
	call := w.settles(chat.Settlement{New: &open, Answers: []string{"fast"}})
	found, h, err := w.s.FindCall(w.Context(), bob.ID, open.Key)
	if err != nil || !sameCall(found, call) || h != open.Hash {
		w.Errorf("FindCall returned %s with hash %x, %v: the call is stored with its end", show(found), h, err)
	}
	opened, there, err := w.s.OpenCall(w.Context(), open)
	if err != nil || !there || !sameCall(opened, call) {
		w.Errorf("OpenCall of it returned %v, %s, %v: it is there", there, show(opened), err)
	}

	stale := w.call(room, bob)
	w.do(w.upon(room, ann, chat.RoleChanged, bob, chat.Admin))
	_, _, err = w.s.SettleCall(w.Context(), chat.Settlement{New: &stale, Answers: []string{"x"}})
	w.fails(err, chat.ErrStale, "a New call is checked as by OpenCall")
	stale.Room = "nowhere"
	_, _, err = w.s.SettleCall(w.Context(), chat.Settlement{New: &stale, Answers: []string{"x"}})
	w.fails(err, chat.ErrNotFound, "a New call in a room that does not exist")
	_, err = w.s.Call(w.Context(), stale.ID)
	w.fails(err, chat.ErrNotFound, "what fails stores nothing")
	if head := w.head(room); head != 5 {
		w.Errorf("the head is %d, want 5: what fails stores nothing", head)
	}
}

func testSettleNewAgain(w *world) {
	room := w.room(ann, bob)
	open := w.call(room, bob)
	call := w.settles(chat.Settlement{New: &open, Answers: []string{"fast"}})
	w.do(w.upon(room, ann, chat.RoleChanged, bob, chat.Admin)) // Basis is old now
	again := open
	again.ID = "another id of the node"
	w.late(chat.Settlement{New: &again, Answers: []string{"run again, with another answer"}}, call)
	w.late(chat.Settlement{New: &again, Err: &command.Error{Code: "usage", Message: "x"}}, call)
	again.Hash = hash("something else")
	_, _, err := w.s.SettleCall(w.Context(), chat.Settlement{New: &again, Answers: []string{"x"}})
	w.fails(err, chat.ErrIDReused, "the same caller and Key with another Hash")

	// The same Key can be on its way through a queue.
	pending := w.call(room, bob)
	opened := w.opens(pending)
	again = pending
	again.ID = "yet another id of the node"
	w.late(chat.Settlement{New: &again, Answers: []string{"fast"}}, opened) // the one that is there wins, pending as it is
	w.settles(chat.Settlement{ID: pending.ID, Answers: []string{"queued"}})
}

func testSettleNewRace(w *world) {
	room := w.room(ann)
	open := w.call(room, ann)
	var won atomic.Int64
	together(50, func(i int) {
		open := open
		open.ID = fmt.Sprint("race_", i)
		call, first, err := w.s.SettleCall(w.Context(), chat.Settlement{New: &open, Answers: []string{fmt.Sprint(i)}})
		switch {
		case err != nil:
			w.Errorf("SettleCall: %v", err)
		case first:
			won.Add(1)
		case len(call.Seqs) != 1 || call.Status != chat.CallDone:
			w.Errorf("who lost got %s, want the stored one", show(call))
		}
	})
	if n := won.Load(); n != 1 {
		w.Errorf("%d of 50 equal New calls won, want 1", n)
	}
	if head := w.head(room); head != 3 {
		w.Errorf("the head is %d, want 3: one answer", head)
	}
}

func testSettleNewForbidden(w *world) {
	room := w.room(ann)
	outside := w.call(room, bob)
	w.forbidden(w.settles(chat.Settlement{New: &outside, Answers: []string{"x"}}), "the caller is not a member")
	w.do(w.write(room, ann, chat.Archived))
	inside := w.call(room, ann)
	w.forbidden(w.settles(chat.Settlement{New: &inside, Answers: []string{"x"}}), "the room is archived")
	if head := w.head(room); head != 3 {
		w.Errorf("the head is %d, want 3: no answers", head)
	}
}
