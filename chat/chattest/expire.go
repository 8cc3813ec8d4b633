package chattest

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

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
	var all []string
	for range 110 {
		open := w.call(room, ann)
		w.settles(chat.Settlement{New: &open})
		all = append(all, open.ID)
	}
	ended, err := w.s.EndedCalls(w.Context(), ann.ID, time.Hour)
	w.ok(err, "EndedCalls")
	var got []string
	for _, c := range ended {
		got = append(got, c.ID)
	}
	if !slices.Equal(got, all[10:]) {
		w.Errorf("EndedCalls of 110 returned %d, %v, want the last 100, oldest first", len(got), got)
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
