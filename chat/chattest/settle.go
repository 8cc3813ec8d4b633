package chattest

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

var settleCases = []storeCase{
	{"Ways", testSettleWays, nil},
	{"Answers", testAnswers, nil},
	{"NothingIsKept", testSettleKeepsNothing, nil},
	{"Twice", testSettleTwice, nil},
	{"Race", testSettleRace, nil},
	{"Forbidden", testSettleForbidden, nil},
	{"System", testSettleSystem, nil},
	{"New", testSettleNew, nil},
	{"NewAgain", testSettleNewAgain, nil},
	{"NewRace", testSettleNewRace, nil},
	{"NewForbidden", testSettleNewForbidden, nil},
}

// settles settles a pending call.
func (w *world) settles(s chat.Settlement) chat.Call {
	w.Helper()
	call, first, err := w.s.SettleCall(w.Context(), s)
	w.ok(err, "SettleCall")
	if !first {
		w.Fatalf("SettleCall of a pending call returned false and %s", show(call))
	}
	for _, seq := range call.Seqs {
		if _, ok := w.log.event(call.Room, seq); !ok {
			w.Errorf("SettleCall returned before the receiver had answer %d", seq)
		}
	}
	if read, err := w.s.Call(w.Context(), call.ID); err != nil || !sameCall(read, call) {
		w.Errorf("SettleCall returned\n%s, Call\n%s, %v: it is the stored one", show(call), show(read), err)
	}
	return call
}

func testSettleWays(w *world) {
	room := w.room(ann)
	failed := &command.Error{Code: "usage", Message: "say /stock=aapl.us"}
	for _, c := range []struct {
		name    string
		s       chat.Settlement
		status  chat.CallStatus
		answers int
		private string
	}{
		{"answered", chat.Settlement{Answers: []string{"one"}}, chat.CallDone, 1, ""},
		{"answered in parts", chat.Settlement{Answers: []string{"one", "two", "three"}}, chat.CallDone, 3, ""},
		{"in silence", chat.Settlement{}, chat.CallDone, 0, ""},
		{"answered to the caller", chat.Settlement{Private: []string{"a", "b"}}, chat.CallEphemeral, 0, "a,b"},
		{"answered to all and to the caller", chat.Settlement{Answers: []string{"one"}, Private: []string{"a"}}, chat.CallDone, 1, "a"},
		{"failed", chat.Settlement{Err: failed}, chat.CallFailed, 0, ""},
		{"failed, with an answer", chat.Settlement{Err: failed, Answers: []string{"one"}}, chat.CallFailed, 0, ""},
	} {
		for _, fast := range []bool{false, true} {
			open, s, head := w.call(room, ann), c.s, w.head(room)
			if fast {
				s.New = &open
			} else {
				w.opens(open)
				s.ID = open.ID
			}
			call := w.settles(s)
			if call.ID != open.ID || call.Key != open.Key || call.User != ann || call.Bot != bot || call.Line != open.Line || call.Name != open.Name {
				w.Errorf("%s: SettleCall returned %s, another call than %+v", c.name, show(call), open)
			}
			if call.Status != c.status || len(call.Seqs) != c.answers || strings.Join(call.Private, ",") != c.private {
				w.Errorf("%s: SettleCall returned %s, want %s with %d answers and %q for the caller", c.name, show(call), c.status, c.answers, c.private)
			}
			if (call.Err != nil) != (c.s.Err != nil) || call.Err != nil && *call.Err != *failed {
				w.Errorf("%s: the call ended with the error %s", c.name, show(call.Err))
			}
			if now := w.head(room); now != head+chat.Seq(c.answers) {
				w.Errorf("%s: the head went from %d to %d, want %d answers: Err means without answers", c.name, head, now, c.answers)
			}
		}
	}
}

func testAnswers(w *world) {
	room := w.room(ann, bob)
	open := w.call(room, bob)
	w.opens(open)
	w.post(room, ann, "meanwhile")
	texts := []string{"first", "second\nwith a line", "third 👩‍🚀"}
	call := w.settles(chat.Settlement{ID: open.ID, Answers: texts})
	if !slices.Equal(call.Seqs, []chat.Seq{5, 6, 7}) {
		w.Fatalf("the answers are at %v, want 5, 6 and 7", call.Seqs)
	}
	for i, seq := range call.Seqs {
		e := w.stored(room, seq)
		want := chat.Event{
			Room: room, Seq: seq, ID: fmt.Sprintf("%s.%d", open.ID, i+1), Kind: chat.Message, Time: e.Time, User: bot,
			Text: texts[i], Call: &chat.CallRef{ID: open.ID, Name: open.Name, By: bob},
		}
		received, _ := w.log.event(room, seq)
		found, _, err := w.s.Find(w.Context(), room, bot.ID, want.ID)
		w.ok(err, "Find of an answer by the bot and <call>.%d", i+1)
		for _, got := range []chat.Event{e, received, found} {
			if show(got) != show(want) {
				w.Errorf("an answer is\n%s, want\n%s: a message of the bot that names the call and who asked", show(got), show(want))
			}
		}
	}
	w.unread(bob, room, 4, "answers are messages")
	if e := w.entry(bob, room); e.Last == nil || e.Last.Seq != 7 || e.Last.Call == nil {
		w.Errorf("Last is %s, want the last answer", show(e.Last))
	}
	if snap := w.snapshot(room); snap.Access != 3 {
		w.Errorf("the access seq is %d, want 3: answers do not move it", snap.Access)
	}
	w.do(w.about(room, ann, chat.Deleted, 5, "")) // they can be deleted as others
	if e := w.stored(room, 5); e.Text != "" || e.Call == nil || e.DeletedBy == 0 {
		w.Errorf("a deleted answer reads as %s", show(e))
	}
}

func testSettleKeepsNothing(w *world) {
	room := w.room(ann)
	open := w.call(room, ann)
	w.opens(open)
	s := chat.Settlement{ID: open.ID, Answers: []string{"answer"}, Private: []string{"private"}}
	call := w.settles(s)
	s.Answers[0], s.Private[0] = "changed", "changed"
	call.Private[0], call.Seqs[0] = "changed", 99
	if got, err := w.s.Call(w.Context(), open.ID); err != nil || got.Private[0] != "private" || got.Seqs[0] != 3 {
		w.Errorf("the call is %s, %v: what is passed in is not kept, and what is returned belongs to the caller", show(got), err)
	}
	open = w.call(room, ann)
	failed := &command.Error{Code: "usage", Message: "right"}
	call = w.settles(chat.Settlement{New: &open, Err: failed})
	open.Line, failed.Message, call.Err.Code = "changed", "changed", "changed"
	if got, err := w.s.Call(w.Context(), open.ID); err != nil || *got.Err != (command.Error{Code: "usage", Message: "right"}) || got.Line == "changed" {
		w.Errorf("the call is %s, %v: what is passed in is not kept, and what is returned belongs to the caller", show(got), err)
	}
}

const firstWins = "if the call has ended already, nothing changes and the stored one is returned with false: the first wins"

// late settles a call that has ended as want.
func (w *world) late(s chat.Settlement, want chat.Call) {
	w.Helper()
	head := w.head(want.Room)
	call, first, err := w.s.SettleCall(w.Context(), s)
	w.ok(err, "SettleCall again")
	if first || !sameCall(call, want) {
		w.Errorf("SettleCall again returned %v and\n%s, want false and\n%s: %s", first, show(call), show(want), firstWins)
	}
	if now := w.head(want.Room); now != head {
		w.Errorf("the head went from %d to %d: %s", head, now, firstWins)
	}
}

func testSettleTwice(w *world) {
	room := w.room(ann, bob)
	failed := &command.Error{Code: "bot_error", Message: "broken"}
	for _, s := range []chat.Settlement{
		{Answers: []string{"one", "two"}}, {Private: []string{"a"}}, {Err: failed}, {},
	} {
		open := w.call(room, bob)
		w.opens(open)
		s.ID = open.ID
		want := w.settles(s)
		w.late(s, want)
		w.late(chat.Settlement{ID: open.ID, Answers: []string{"another answer", "and more"}}, want)
		w.late(chat.Settlement{ID: open.ID, Err: &command.Error{Code: "timeout", Message: "late"}}, want)
		w.late(chat.Settlement{ID: open.ID}, want)
	}
	ended, err := w.s.EndedCalls(w.Context(), bob.ID, 1e12)
	w.ok(err, "EndedCalls")
	last := ended[len(ended)-1]
	w.do(w.upon(room, ann, chat.Left, bob, ""))
	w.late(chat.Settlement{ID: last.ID}, last) // and not forbidden by now
}

func testSettleRace(w *world) {
	room := w.room(ann)
	open := w.call(room, ann)
	w.opens(open)
	var won atomic.Int64
	var winner atomic.Value
	together(50, func(i int) {
		s := chat.Settlement{ID: open.ID, Answers: []string{fmt.Sprint(i), fmt.Sprint(i)}}
		if i%5 == 0 {
			s.Err = &command.Error{Code: "timeout", Message: "late"}
		}
		call, first, err := w.s.SettleCall(w.Context(), s)
		if err != nil {
			w.Errorf("SettleCall: %v", err)
		}
		if first {
			won.Add(1)
			winner.Store(call)
		}
	})
	if n := won.Load(); n != 1 {
		w.Fatalf("%d of 50 settlements won, want 1: %s", n, firstWins)
	}
	call := winner.Load().(chat.Call)
	if got, err := w.s.Call(w.Context(), open.ID); err != nil || !sameCall(got, call) {
		w.Errorf("the winner got\n%s, stored is\n%s, %v", show(call), show(got), err)
	}
	if head := w.head(room); head != chat.Seq(2+len(call.Seqs)) {
		w.Errorf("the head is %d after %d answers: %s", head, len(call.Seqs), firstWins)
	}
}

// forbidden checks that a call ended because it was not allowed any more.
func (w *world) forbidden(call chat.Call, why string) {
	w.Helper()
	if call.Status != chat.CallFailed || call.Err == nil || call.Err.Code != command.CodeForbidden || len(call.Seqs) != 0 {
		w.Errorf("%s: SettleCall returned %s, want failed with code forbidden, without answers", why, show(call))
	}
}

func testSettleForbidden(w *world) {
	for _, c := range []struct {
		why    string
		change func(room chat.RoomID) chat.Write
	}{
		{"the caller left", func(room chat.RoomID) chat.Write { return w.upon(room, bob, chat.Left, bob, "") }},
		{"the caller is banned", func(room chat.RoomID) chat.Write { return w.upon(room, ann, chat.Banned, bob, "") }},
		{"the room is archived", func(room chat.RoomID) chat.Write { return w.write(room, ann, chat.Archived) }},
	} {
		room := w.room(ann, bob)
		open := w.call(room, bob)
		w.opens(open)
		head := w.do(c.change(room)).Seq
		call := w.settles(chat.Settlement{ID: open.ID, Answers: []string{"too late"}, Private: []string{"secret"}})
		w.forbidden(call, c.why)
		if now := w.head(room); now != head {
			w.Errorf("%s: the head went from %d to %d, want no answer", c.why, head, now)
		}
		w.late(chat.Settlement{ID: open.ID, Answers: []string{"again"}}, call)
	}

	// Who is a member again by then gets the answer.
	room := w.room(ann, bob)
	open := w.call(room, bob)
	w.opens(open)
	w.do(w.upon(room, bob, chat.Left, bob, ""))
	w.do(w.upon(room, ann, chat.Joined, bob, chat.Participant))
	if call := w.settles(chat.Settlement{ID: open.ID, Answers: []string{"answer"}}); call.Status != chat.CallDone {
		w.Errorf("the caller is a member again, SettleCall returned %s", show(call))
	}
}

// testSettleSystem ends calls of the program itself, which is nowhere a member.
func testSettleSystem(w *world) {
	system := chat.User{ID: chat.System, Name: "System"}
	for _, kind := range []chat.RoomKind{chat.Public, chat.Private, chat.Direct} {
		name := ""
		if kind != chat.Direct {
			name = "System " + string(kind)
		}
		room := w.create(w.roomOf(kind, name, ann, bob)).ID
		queued, fast := w.call(room, system), w.call(room, system)
		w.opens(queued)
		for i, s := range []chat.Settlement{{ID: queued.ID, Answers: []string{"one", "two"}}, {New: &fast, Answers: []string{"three"}}} {
			call := w.settles(s)
			if call.Status != chat.CallDone || len(call.Seqs) != len(s.Answers) || call.User != system {
				w.Errorf("SettleCall returned %s: a call of System does not fail for not being a member", show(call))
				continue
			}
			if e := w.stored(room, call.Seqs[0]); e.Text != s.Answers[0] || e.Call == nil || e.Call.By != system {
				w.Errorf("answer %d is %s: it names System as who asked", i, show(e))
			}
		}
		if snap, err := w.s.Snapshot(w.Context(), room, []chat.UserID{chat.System}); err != nil || len(snap.Members) > 0 {
			w.Errorf("Snapshot has the place %s of System, %v: it does not become a member", show(snap.Members), err)
		}
		if kind == chat.Direct {
			continue
		}
		open := w.call(room, system)
		w.opens(open)
		w.do(w.write(room, ann, chat.Archived))
		w.forbidden(w.settles(chat.Settlement{ID: open.ID, Answers: []string{"too late"}}), "the room is archived, which holds for System, too")
	}
}
