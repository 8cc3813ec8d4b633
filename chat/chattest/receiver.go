package chattest

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/chat"
)

// receiver is what a store's commits are handed to.
type receiver struct {
	calls  atomic.Int32 // under way
	closed atomic.Bool  // the store's Close has returned

	mu    sync.Mutex
	rooms map[chat.RoomID][]chat.Event
	wrong []string // what broke a rule
}

func newReceiver() *receiver {
	return &receiver{rooms: make(map[chat.RoomID][]chat.Event)}
}

func (r *receiver) receive(batch []chat.Event) {
	others := r.calls.Add(1) - 1
	defer r.calls.Add(-1)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case others > 0:
		r.wrong = append(r.wrong, "committed was called while another call was under way: it is called one at a time")
	case r.closed.Load():
		r.wrong = append(r.wrong, "committed was called after Close had returned")
	case len(batch) == 0:
		r.wrong = append(r.wrong, "committed was called without events")
	}
	for _, e := range batch {
		r.rooms[e.Room] = append(r.rooms[e.Room], e)
	}
}

// event returns the event that was received as that one of the room.
func (r *receiver) event(room chat.RoomID, seq chat.Seq) (chat.Event, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range slices.Backward(r.rooms[room]) {
		if e.Seq == seq {
			return e, true
		}
	}
	return chat.Event{}, false
}

// finish closes the store and checks that its receivers were given the log as
// it is stored: every event once, in order; and that each room tells how many
// members it lists. A case that has closed the store sets it to nil.
func (w *world) finish() {
	w.Helper()
	if w.Failed() {
		return // one reason is enough
	}
	rooms := make(map[chat.RoomID][]chat.Event)
	for _, log := range w.logs {
		log.mu.Lock()
		for _, wrong := range log.wrong {
			w.Error(wrong)
		}
		for room, events := range log.rooms {
			if !slices.IsSortedFunc(events, func(a, b chat.Event) int { return int(a.Seq) - int(b.Seq) }) {
				w.Errorf("committed was given the events of a room in the order %v: it must be the order of Seq", seqs(events))
			}
			rooms[room] = append(rooms[room], events...)
		}
		log.mu.Unlock()
	}
	for room, received := range rooms {
		slices.SortStableFunc(received, func(a, b chat.Event) int { return int(a.Seq) - int(b.Seq) })
		stored := received
		floor := chat.Seq(1)
		if w.s != nil {
			stored = w.all(chat.System, room)
			w.counted(room)
			floor = max(floor, w.floors[room])
			received = received[min(int(floor)-1, len(received)):]
		}
		if !slices.Equal(seqs(received), seqs(stored)) {
			w.Errorf("room %s: the receivers were given %v, stored is %v: they get each committed event once, and no duplicates", room, seqs(received), seqs(stored))
			continue
		}
		for i, e := range stored {
			if r := received[i]; e.Seq != floor+chat.Seq(i) || e.ID != r.ID || e.Kind != r.Kind || e.User.ID != r.User.ID || !e.Time.Equal(r.Time) {
				w.Errorf("room %s: event %d of the log is %s, received was %s: the log is 1, 2, 3 … as it was committed", room, floor+chat.Seq(i), show(e), show(r))
			}
		}
	}
	if w.s != nil {
		w.close()
	}
}

// close closes the store, twice as its contract says it can be.
func (w *world) close() {
	w.Helper()
	w.ok(w.s.Close(), "Close")
	w.log.closed.Store(true)
	w.ok(w.s.Close(), "Close again, which is a no-op")
}

func seqs(events []chat.Event) []chat.Seq {
	s := make([]chat.Seq, 0, len(events))
	for _, e := range events {
		s = append(s, e.Seq)
	}
	return s
}

// clock is a clock in the hand of the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	east := time.FixedZone("east", 5*60*60+30*60)
	return &clock{now: time.Date(2031, 3, 4, 5, 6, 7, 123_456_789, east)}
}

// Now is the time.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// move moves the time on, or back.
func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
