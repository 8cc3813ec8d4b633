package chattest

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
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

// expire runs ExpireCalls and returns the ids of the calls that it ended.
func (w *world) expire(grace time.Duration, limit int) []string {
	w.Helper()
	calls, err := w.s.ExpireCalls(w.Context(), grace, limit)
	w.ok(err, "ExpireCalls")
	var ids []string
	for _, c := range calls {
		if c.Status != chat.CallFailed || c.Err == nil || c.Err.Code != command.CodeTimeout || c.User != ann {
			w.Errorf("ExpireCalls returned %s: the calls as they ended, failed with code timeout", show(c))
		}
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	return ids
}

func testExpire(w *world) {
	room := w.room(ann)
	var calls []string
	for i := range 6 {
		open := w.call(room, ann)
		open.Timeout = time.Duration(10+i) * time.Second
		w.opens(open)
		calls = append(calls, open.ID)
	}
	w.settles(chat.Settlement{ID: calls[0]})
	is := func(what string, got []string, want ...string) {
		w.Helper()
		if !slices.Equal(got, want) {
			w.Errorf("%s: ExpireCalls ended %v, want %v", what, got, want)
		}
	}
	is("before any deadline", w.expire(0, 100))
	w.clock.move(11900 * time.Millisecond)
	is("after a deadline, within its grace", w.expire(time.Second, 100))
	is("after a deadline; the call that was settled is not pending", w.expire(0, 100), calls[1])
	is("again", w.expire(0, 100))
	w.clock.move(1200 * time.Millisecond) // 13.1 s
	is("after a deadline and its grace", w.expire(time.Second, 100), calls[2])
	w.clock.move(time.Minute)
	if a, b := w.expire(time.Second, 2), w.expire(time.Second, 2); len(a) != 2 || len(b) != 1 {
		w.Errorf("ExpireCalls with limit 2 ended %v, then %v, of three", a, b)
	}
	for _, id := range calls[1:] {
		call, first, err := w.s.SettleCall(w.Context(), chat.Settlement{ID: id, Answers: []string{"too late"}})
		w.ok(err, "SettleCall")
		if first || call.Status != chat.CallFailed || call.Err.Code != command.CodeTimeout {
			w.Errorf("SettleCall after the end returned %v and %s: the first end stays", first, show(call))
		}
	}
	if head := w.head(room); head != 2 {
		w.Errorf("the head is %d, want 2: a timeout is no event", head)
	}
}

// testExpireSoon waits for a real deadline, so that it runs on every store.
func testExpireSoon(w *world) {
	room := w.room(ann)
	due, later := w.call(room, ann), w.call(room, ann)
	due.Timeout, later.Timeout = time.Millisecond, time.Hour
	w.opens(due)
	w.opens(later)
	var ended []string
	w.eventually("ExpireCalls ends a call soon after its deadline", func() bool {
		if w.clock != nil {
			w.clock.move(time.Millisecond)
		}
		ended = append(ended, w.expire(0, 10)...)
		return len(ended) > 0
	})
	if !slices.Equal(ended, []string{due.ID}) {
		w.Errorf("ExpireCalls ended %v, want only %s whose deadline was", ended, due.ID)
	}
}

// eventually waits until done returns true.
func (w *world) eventually(what string, done func() bool) {
	w.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); !done(); <-tick.C {
		if time.Since(begin) > 5*time.Second {
			w.Fatalf("not after 5 seconds: %s", what)
		}
	}
}

// testExpireRace lets sweeps of many nodes race with results.
func testExpireRace(w *world) {
	room := w.room(ann)
	var calls []string
	for range 40 {
		open := w.call(room, ann)
		open.Timeout = 0
		w.opens(open)
		calls = append(calls, open.ID)
	}
	if w.clock != nil {
		w.clock.move(time.Minute)
	}
	var ended [40]atomic.Int32
	together(12, func(g int) {
		for i, id := range calls {
			if g%3 == 0 {
				_, first, err := w.s.SettleCall(w.Context(), chat.Settlement{ID: id, Answers: []string{"answer"}})
				if err != nil {
					w.Errorf("SettleCall: %v", err)
				}
				if first {
					ended[i].Add(1)
				}
				continue
			}
			expired, err := w.s.ExpireCalls(w.Context(), 0, 5)
			if err != nil {
				w.Errorf("ExpireCalls: %v", err)
			}
			for _, c := range expired {
				ended[slices.Index(calls, c.ID)].Add(1)
			}
		}
	})
	answers := 0
	for i, id := range calls {
		call, err := w.s.Call(w.Context(), id)
		w.ok(err, "Call")
		if n := ended[i].Load(); n != 1 || call.Status == chat.CallPending {
			w.Errorf("a call was ended by %d, and is %s: exactly one of a result and a timeout wins", n, call.Status)
		}
		answers += len(call.Seqs)
	}
	if head := w.head(room); head != chat.Seq(2+answers) {
		w.Errorf("the head is %d with %d answers that won: who loses leaves nothing in the room", head, answers)
	}
}

func testEnded(w *world) {
	room := w.room(ann, bob)
	var want []chat.Call
	for i, s := range []chat.Settlement{
		{Answers: []string{"an answer"}}, {Private: []string{"for you"}}, {Err: &command.Error{Code: "usage", Message: "no"}}, {},
	} {
		open := w.call(room, bob)
		if i%2 == 0 {
			w.opens(open)
			s.ID = open.ID
		} else {
			s.New = &open
		}
		want = append(want, w.settles(s))
		if w.clock != nil {
			w.clock.move(time.Second)
		}
	}
	w.opens(w.call(room, bob)) // pending
	other := w.call(room, ann)
	w.opens(other)
	w.settles(chat.Settlement{ID: other.ID})
	got, err := w.s.EndedCalls(w.Context(), bob.ID, time.Hour)
	w.ok(err, "EndedCalls")
	if !slices.EqualFunc(got, want, sameCall) {
		w.Errorf("EndedCalls is\n%s, want\n%s: all of the user's that ended, whichever way, oldest first", show(got), show(want))
	}
}

func testEndedByAge(w *world) {
	room := w.room(ann)
	var calls []string
	for range 3 {
		open := w.call(room, ann)
		w.opens(open)
		calls = append(calls, open.ID)
	}
	for _, id := range []string{calls[2], calls[0], calls[1]} { // not in the order of their begin
		w.settles(chat.Settlement{ID: id})
		w.clock.move(time.Minute)
	}
	for age, want := range map[time.Duration][]string{
		30 * time.Second: nil, 90 * time.Second: {calls[1]}, 150 * time.Second: {calls[0], calls[1]}, time.Hour: {calls[2], calls[0], calls[1]},
	} {
		ended, err := w.s.EndedCalls(w.Context(), ann.ID, age)
		w.ok(err, "EndedCalls")
		var got []string
		for _, c := range ended {
			got = append(got, c.ID)
		}
		if !slices.Equal(got, want) {
			w.Errorf("EndedCalls of %v is %v, want %v: those that ended less than that ago, in the order of their end", age, got, want)
		}
	}
}

func testEndedMany(w *world) {
	room := w.room(ann)
	for range 110 {
		open := w.call(room, ann)
		w.settles(chat.Settlement{New: &open})
	}
	ended, err := w.s.EndedCalls(w.Context(), ann.ID, time.Hour)
	if err != nil || len(ended) != 100 {
		w.Errorf("EndedCalls of 110 returned %d, %v, want 100", len(ended), err)
	}
}

func testCallsKept(w *world) {
	room := w.room(ann)
	open := w.call(room, ann)
	w.opens(open)
	w.clock.move(48 * time.Hour) // a pending call is never forgotten
	ended := w.settles(chat.Settlement{ID: open.ID, Private: []string{"for you"}})
	w.clock.move(24*time.Hour - time.Minute)
	w.opens(w.call(room, ann)) // a good moment for a store to clean up
	w.expire(time.Hour, 10)
	call, there, err := w.s.OpenCall(w.Context(), open)
	w.ok(err, "OpenCall again")
	if !there || !sameCall(call, ended) {
		w.Errorf("OpenCall again returned %v and %s: an outcome is kept for 24 hours", there, show(call))
	}
	call, err = w.s.Call(w.Context(), open.ID)
	if err != nil || !sameCall(call, ended) {
		w.Errorf("Call returned %s, %v: an outcome is kept for 24 hours", show(call), err)
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
