package chattest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"sync"
	"time"

	"github.com/carlware/gochat/chat"
)

var lifeCases = []storeCase{
	{"Identity", testIdentity, nil},
	{"Epoch", testEpoch, nil},
	{"EndedContext", testEndedContext, nil},
	{"CancelledMeanwhile", testCancelledMeanwhile, nil},
	{"CloseMeanwhile", testCloseMeanwhile, nil},
	{"Closed", testClosed, nil},
	{"Goroutines", testGoroutines, nil},
	{"Stats", testStats, nil},
	{"Reopened", testReopened, persistent},
}

func testIdentity(w *world) {
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`).MatchString(w.id.Store) || w.id.Epoch == "" {
		w.Errorf("the identity is %+v, want 22 of A-Za-z0-9_- and an epoch", w.id)
	}
	if _, err := w.s.Attach(func([]chat.Event) {}); err == nil {
		w.Errorf("a second Attach is an error")
	}
	room := w.room(ann)
	w.post(room, ann, "hello") // the first receiver still gets it, which finish checks
}

func testEpoch(w *world) {
	epoch, err := w.s.RotateEpoch(w.Context(), "not the epoch")
	if err != nil || epoch != w.id.Epoch {
		w.Errorf("RotateEpoch of another epoch returned %q, %v, want %q: it only replaces the one that is named", epoch, err, w.id.Epoch)
	}
	var mu sync.Mutex
	got := make(map[string]int)
	together(20, func(int) {
		epoch, err := w.s.RotateEpoch(w.Context(), w.id.Epoch)
		if err != nil {
			w.Errorf("RotateEpoch: %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		got[epoch]++
	})
	if len(got) != 1 || got[w.id.Epoch] > 0 || got[""] > 0 {
		w.Fatalf("20 times RotateEpoch of the same epoch returned %v, want one new epoch for all", got)
	}
	if !w.o.Persistent {
		return
	}
	store := w.id.Store
	w.reopen()
	if w.id.Store != store || got[w.id.Epoch] != 20 {
		w.Errorf("reopened, the identity is %+v, want store %s and the epoch of before: the log goes on", w.id, store)
	}
}

// writes are all calls that store something, each in a form that would.
func (w *world) writes(room chat.RoomID) map[string]func(ctx context.Context) error {
	w.Helper()
	m := w.message(room, ann, "never")
	open, pending, fast := w.call(room, ann), w.call(room, ann), w.call(room, ann)
	w.opens(pending)
	create := w.roomOf(chat.Public, "Never "+string(room), ann)
	writes := map[string]func(ctx context.Context) error{
		"Append":      func(ctx context.Context) error { _, err := w.s.Append(ctx, m); return err },
		"CreateRoom":  func(ctx context.Context) error { _, err := w.s.CreateRoom(ctx, create); return err },
		"PutUsers":    func(ctx context.Context) error { return w.s.PutUsers(ctx, []chat.User{{ID: "never", Name: "Never"}}) },
		"OpenCall":    func(ctx context.Context) error { _, _, err := w.s.OpenCall(ctx, open); return err },
		"ExpireCalls": func(ctx context.Context) error { _, err := w.s.ExpireCalls(ctx, -time.Hour, 10); return err },
		"RotateEpoch": func(ctx context.Context) error { _, err := w.s.RotateEpoch(ctx, w.id.Epoch); return err },
		"MarkRead": func(ctx context.Context) error {
			return w.s.MarkRead(ctx, []chat.ReadMark{{Room: room, User: ann.ID, Seq: 2}})
		},
		"SettleCall": func(ctx context.Context) error {
			_, _, err := w.s.SettleCall(ctx, chat.Settlement{ID: pending.ID, Answers: []string{"never"}})
			return err
		},
		"SettleCall of a New call": func(ctx context.Context) error {
			_, _, err := w.s.SettleCall(ctx, chat.Settlement{New: &fast, Answers: []string{"never"}})
			return err
		},
	}
	if s, ok := w.s.(chat.Revoker); ok {
		writes["Revoke"] = func(ctx context.Context) error { return s.Revoke(ctx, w.revocation(ann, "never", time.Hour)) }
	}
	if s, ok := w.s.(chat.Trimmer); ok {
		writes["Trim"] = func(ctx context.Context) error { _, err := s.Trim(ctx, room, chat.Retention{Age: 1}, 10); return err }
	}
	return writes
}

// state is all that can be read of a room and its people.
func (w *world) state(room chat.RoomID) string {
	w.Helper()
	inbox, err := w.s.Inbox(w.Context(), ann.ID)
	w.ok(err, "Inbox")
	members, err := w.s.Members(w.Context(), chat.System, room, "", 200)
	w.ok(err, "Members")
	rooms, err := w.s.Rooms(w.Context(), bob.ID, "", 200)
	w.ok(err, "Rooms")
	revs, err := w.s.RoomsRevs(w.Context(), []chat.UserID{ann.ID, bob.ID, cyd.ID, "never"})
	w.ok(err, "RoomsRevs")
	ended, err := w.s.EndedCalls(w.Context(), ann.ID, time.Hour)
	w.ok(err, "EndedCalls")
	for i := range ended {
		ended[i].Remaining = 0
	}
	users := w.known(ann.ID, bob.ID, cyd.ID, bot.ID, "never")
	snap := w.snapshot(room)
	return show([]any{w.all(chat.System, room), inbox, members, rooms, revs, ended, users, snap, w.id, w.revocations()})
}

func testEndedContext(w *world) {
	room := w.room(ann)
	writes := w.writes(room)
	before := w.state(room)
	cancelled, cancel := context.WithCancel(w.Context())
	cancel()
	late, cancel := context.WithTimeout(w.Context(), -time.Second)
	defer cancel()
	for name, write := range writes {
		w.fails(write(cancelled), context.Canceled, name+" with a ctx that has ended: its error")
		w.fails(write(late), context.DeadlineExceeded, name+" with a deadline that has passed: its error")
	}
	if after := w.state(room); after != before {
		w.Errorf("after writes with an ended ctx the store reads as\n%s, before\n%s: nothing is stored", after, before)
	}
	epoch, err := w.s.RotateEpoch(w.Context(), "not the epoch")
	if err != nil || epoch != w.id.Epoch {
		w.Errorf("the epoch is %q, %v, want %q: nothing is stored", epoch, err, w.id.Epoch)
	}
}

// testCancelledMeanwhile ends the ctx of writes at any point of their way.
func testCancelledMeanwhile(w *world) {
	room := w.room(ann)
	m := w.message(room, ann, "hello")
	write := func(i int) chat.Write {
		m := m
		m.ID = fmt.Sprint("cancelled_", i)
		return m
	}
	const n = 200
	var result [n]error
	together(n, func(i int) {
		ctx, cancel := context.WithTimeout(w.Context(), time.Duration(i)*20*time.Microsecond)
		defer cancel()
		_, result[i] = w.append(ctx, write(i))
	})
	for i, err := range result {
		_, _, find := w.s.Find(w.Context(), room, ann.ID, write(i).ID)
		stored := find == nil
		switch {
		case err == nil && !stored:
			w.Errorf("Append returned no error, and the event is not there: %v", find)
		case err == nil, errors.Is(err, chat.ErrOutcomeUnknown), errors.Is(err, chat.ErrBusy) && !stored:
		case !errors.Is(err, context.DeadlineExceeded):
			w.Errorf("Append: %v, want the error of the ctx or ErrOutcomeUnknown", err)
		case stored:
			w.Errorf("Append: %v, and the event is stored: when that may be, the error is ErrOutcomeUnknown", err)
		}
	}
	for i, err := range result {
		a, again := w.append(w.Context(), write(i))
		if again != nil || err == nil && !a.Duplicate {
			w.Errorf("the write that got %v was sent again and got duplicate=%v, %v: the same call again gives the answer", err, a.Duplicate, again)
		}
	}
	if head := w.head(room); head != 2+n {
		w.Errorf("the head is %d after %d writes of which many were sent twice, want %d", head, n, 2+n)
	}
}

// testGoroutines opens, uses and closes a store several times.
func testGoroutines(w *world) {
	w.close()
	before := runtime.NumGoroutine()
	for range 5 {
		w.s, w.id, w.log = w.open()
		w.ok(w.s.PutUsers(w.Context(), []chat.User{ann}), "PutUsers")
		room := w.room(ann)
		m := w.message(room, ann, "hello")
		together(20, func(i int) {
			m := m
			m.ID = fmt.Sprint("leak_", i)
			ctx, cancel := context.WithTimeout(w.Context(), time.Duration(i)*time.Millisecond)
			defer cancel()
			w.append(ctx, m)
			w.s.Page(ctx, ann.ID, room, chat.Range{})
		})
		w.close()
	}
	w.eventually("a closed store leaves no goroutines behind", func() bool { return runtime.NumGoroutine() <= before })
	w.s, w.logs = nil, nil
}

func testReopened(w *world) {
	create := w.roomOf(chat.Private, "Ñandú", ann, bob)
	create.Hides = true
	room := w.create(create).ID
	e := w.post(room, ann, "hello")
	w.do(w.about(room, ann, chat.Edited, e.Seq, "edited"))
	w.reacts(bob, e, "👍", true)
	w.do(w.upon(room, ann, chat.Banned, cyd, ""))
	w.ok(w.s.MarkRead(w.Context(), []chat.ReadMark{{Room: room, User: ann.ID, Seq: e.Seq}}), "MarkRead")
	w.create(w.roomOf(chat.Direct, "", ann, bob))
	public := w.room(bob)
	w.do(w.write(public, bob, chat.Archived))
	open := w.call(room, ann)
	w.opens(open)
	w.settles(chat.Settlement{ID: open.ID, Answers: []string{"an answer"}, Private: []string{"for you"}})

	before := w.state(room)
	w.reopen()
	if after := w.state(room); after != before {
		w.Errorf("reopened, the store reads as\n%s, before\n%s", after, before)
	}
	c, err := w.s.CreateRoom(w.Context(), create)
	if err != nil || !c.Duplicate || c.Info.ID != room {
		w.Errorf("CreateRoom again returned %s, %v, %v: idempotency keys survive", show(c.Info), c.Duplicate, err)
	}
}

// testStats is for stores that are a [chat.Meter].
func testStats(w *world) {
	m, ok := w.s.(chat.Meter)
	if !ok {
		return
	}
	room := w.room(ann)
	before := m.Stats()
	const posts = 100
	together(10, func(g int) {
		for i := range posts / 10 {
			id := fmt.Sprintf("writer_%d_%d", g, i)
			if _, err := w.append(w.Context(), chat.Write{Room: room, User: ann, Kind: chat.Message, ID: id, Text: "hello", Basis: 2}); err != nil {
				w.Errorf("Append: %v", err)
			}
		}
	})
	after := m.Stats()
	writes, commits := after.Writes-before.Writes, after.Commits-before.Commits
	if writes != posts || commits == 0 || commits > writes {
		w.Errorf("Stats counted %d commits with %d writes for %d messages", commits, writes, posts)
	}
	if after.Waiting != 0 || after.Reading != 0 || after.Readers <= 0 {
		w.Errorf("Stats of an idle store are %+v, want nothing waiting and nothing reading", after)
	}
}
