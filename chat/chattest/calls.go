package chattest

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/chat"
)

var callCases = []storeCase{
	{"Open", testOpen, nil},
	{"OpenAgain", testOpenAgain, nil},
	{"OpenRace", testOpenRace, nil},
	{"Unknown", testCallUnknown, nil},
	{"Remaining", testRemaining, clocked},
	{"Expire", testExpire, clocked},
	{"ExpireSoon", testExpireSoon, nil},
	{"ExpireRace", testExpireRace, nil},
	{"Ended", testEnded, nil},
	{"EndedByAge", testEndedByAge, clocked},
	{"EndedMany", testEndedMany, nil},
	{"Kept", testCallsKept, clocked},
	{"Reopened", testCallsReopened, persistent},
}

// call is a call to be opened.
func (w *world) call(room chat.RoomID, by chat.User) chat.NewCall {
	w.Helper()
	key := w.newID()
	return chat.NewCall{
		ID: "call" + key, Key: key, Hash: hash(key), Room: room, User: by, Bot: bot,
		Name: "stock", Line: "/stock=aapl.us", Timeout: 10 * time.Second, Basis: w.snapshot(room).Access,
	}
}

// opens opens a new call.
func (w *world) opens(c chat.NewCall) chat.Call {
	w.Helper()
	call, there, err := w.s.OpenCall(w.Context(), c)
	w.ok(err, "OpenCall")
	if there {
		w.Fatalf("OpenCall of a new call returned %s and true", show(call))
	}
	return call
}

// sameCall compares two calls but for the time that remains.
func sameCall(a, b chat.Call) bool {
	a.Remaining, b.Remaining = 0, 0
	return show(a) == show(b)
}

func testOpen(w *world) {
	room := w.room(ann, bob)
	open := w.call(room, bob)
	call := w.opens(open)
	want := chat.Call{
		ID: open.ID, Key: open.Key, Room: room, User: bob, Bot: bot, Name: open.Name, Line: open.Line, Status: chat.CallPending,
	}
	if !sameCall(call, want) {
		w.Errorf("OpenCall returned\n%s, want\n%s", show(call), show(want))
	}
	if call.Remaining > open.Timeout || call.Remaining < open.Timeout-5*time.Second {
		w.Errorf("the call has %v left, want its Timeout %v", call.Remaining, open.Timeout)
	}
	read, err := w.s.Call(w.Context(), open.ID)
	w.ok(err, "Call")
	found, h, err := w.s.FindCall(w.Context(), bob.ID, open.Key)
	w.ok(err, "FindCall")
	if !sameCall(read, want) || !sameCall(found, want) || h != open.Hash {
		w.Errorf("Call returned\n%s, FindCall\n%s with hash %x, want\n%s", show(read), show(found), h, show(want))
	}
	if head := w.head(room); head != 3 {
		w.Errorf("the head is %d, want 3: opening a call is no event", head)
	}
}

func testOpenAgain(w *world) {
	room := w.room(ann, bob)
	open := w.call(room, bob)
	first := w.opens(open)
	w.do(w.upon(room, ann, chat.Joined, cyd, chat.Participant)) // Basis is old now
	again := func(want chat.Call) {
		w.Helper()
		repeated := open
		repeated.ID = "another id of the node"
		call, there, err := w.s.OpenCall(w.Context(), repeated)
		w.ok(err, "OpenCall again")
		if !there || !sameCall(call, want) {
			w.Errorf("OpenCall again returned %v and\n%s, want true and\n%s: a second one with the same caller and Key returns the stored one, whatever its state, before Basis is looked at", there, show(call), show(want))
		}
		_, err = w.s.Call(w.Context(), repeated.ID)
		w.fails(err, chat.ErrNotFound, "a duplicate stores nothing")
		repeated.Hash = hash("something else")
		_, _, err = w.s.OpenCall(w.Context(), repeated)
		w.fails(err, chat.ErrIDReused, "the same caller and Key with another Hash")
	}
	again(first)
	again(w.settles(chat.Settlement{ID: open.ID, Answers: []string{"an answer"}}))

	other := w.call(room, ann)
	other.Key = open.Key
	w.opens(other) // keys are unique for their caller only
}

func testOpenRace(w *world) {
	room := w.room(ann)
	open := w.call(room, ann)
	var opened atomic.Int64
	var id atomic.Value
	together(50, func(i int) {
		open := open
		open.ID = fmt.Sprint("race_", i)
		call, there, err := w.s.OpenCall(w.Context(), open)
		if err != nil {
			w.Errorf("OpenCall: %v", err)
			return
		}
		if !there {
			opened.Add(1)
		}
		if old := id.Swap(call.ID); old != nil && old != call.ID {
			w.Errorf("equal OpenCalls returned the calls %s and %s: it is one call", old, call.ID)
		}
	})
	if n := opened.Load(); n != 1 {
		w.Errorf("%d of 50 equal OpenCalls opened a call, want 1", n)
	}
}

func testCallUnknown(w *world) {
	room := w.room(ann)
	w.opens(w.call(room, ann))
	_, err := w.s.Call(w.Context(), "no such call")
	w.fails(err, chat.ErrNotFound, "Call")
	for _, user := range []chat.UserID{ann.ID, "nobody"} {
		_, _, err = w.s.FindCall(w.Context(), user, "no such key")
		w.fails(err, chat.ErrNotFound, "FindCall")
	}
	_, _, err = w.s.SettleCall(w.Context(), chat.Settlement{ID: "no such call", Answers: []string{"forged"}})
	w.fails(err, chat.ErrNotFound, "SettleCall of a call that was never opened, without New")
	open := w.call(room, ann)
	open.Room = "nowhere"
	_, _, err = w.s.OpenCall(w.Context(), open)
	w.fails(err, chat.ErrNotFound, "OpenCall in a room that does not exist")
	for _, user := range []chat.UserID{bob.ID, "nobody"} {
		calls, err := w.s.EndedCalls(w.Context(), user, time.Hour)
		if err != nil || len(calls) != 0 {
			w.Errorf("EndedCalls of %s is %s, %v, want none", user, show(calls), err)
		}
	}
}

func testRemaining(w *world) {
	room := w.room(ann)
	open := w.call(room, ann)
	w.opens(open)
	for _, want := range []time.Duration{10 * time.Second, 7 * time.Second, 4 * time.Second, time.Second, -2 * time.Second} {
		call, err := w.s.Call(w.Context(), open.ID)
		w.ok(err, "Call")
		if diff := call.Remaining - want; diff.Abs() > time.Millisecond {
			w.Errorf("the call has %v left, want %v: by the store's clock when it is read, also when that is negative", call.Remaining, want)
		}
		w.clock.move(3 * time.Second)
	}
	if call := w.settles(chat.Settlement{ID: open.ID}); call.Status != chat.CallDone {
		w.Errorf("a late settlement returned %s: while the call is pending it still settles", show(call))
	}
}

func testCallsReopened(w *world) {
	room := w.room(ann)
	pending, done := w.call(room, ann), w.call(room, ann)
	w.opens(pending)
	w.opens(done)
	want := w.settles(chat.Settlement{ID: done.ID, Answers: []string{"an answer"}, Private: []string{"and more"}})
	w.reopen()
	call, err := w.s.Call(w.Context(), done.ID)
	if err != nil || !sameCall(call, want) {
		w.Errorf("the ended call is %s, %v, want %s", show(call), err, show(want))
	}
	ended, err := w.s.EndedCalls(w.Context(), ann.ID, time.Hour)
	if err != nil || len(ended) != 1 || !sameCall(ended[0], want) {
		w.Errorf("EndedCalls is %s, %v, want %s", show(ended), err, show(want))
	}
	call, there, err := w.s.OpenCall(w.Context(), pending)
	w.ok(err, "OpenCall again")
	if !there || call.Status != chat.CallPending || call.Remaining > pending.Timeout {
		w.Errorf("the pending call is %s", show(call))
	}
	if call := w.settles(chat.Settlement{ID: pending.ID, Answers: []string{"after the restart"}}); call.Status != chat.CallDone {
		w.Errorf("the pending call became %s", show(call))
	}
}
