package chat_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// aging returns a store whose clock a test puts forward: a day of a node's
// timers takes a while even where time is not real.
func aging() (store *chat.MemoryStore, pass func(time.Duration)) {
	var passed atomic.Int64
	store = chat.NewMemoryStore(&chat.MemoryOptions{Clock: func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }})
	return store, func(d time.Duration) { passed.Add(int64(d)) }
}

// got is what a session has received of one room by now: its gaps and its
// events, which go on where the one before ended.
func got(t *testing.T, s *chat.Session, id chat.RoomID, last chat.Seq) (gaps []chat.Gap, events []chat.Seq) {
	t.Helper()
	synctest.Wait()
	for _, d := range s.Take(nil, 1<<30) {
		switch {
		case d.Gap != nil && d.Gap.Room == id:
			require.Equal(t, last, d.Gap.After)
			gaps, last = append(gaps, *d.Gap), d.Gap.Head
		case d.Event != nil && d.Event.Room == id:
			require.Equal(t, last+1, d.Event.Seq)
			last++
			events = append(events, last)
		}
	}
	return gaps, events
}

func TestResumeBelowTheFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, pass := aging()
		n := newNode(t, &chat.Options{Store: store, Retention: chat.Retention{Age: 24 * time.Hour}, Limits: chat.Limits{Replay: 5}})
		ana := connect(t, n, "ana", nil)
		r, id := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		post(t, r, "ana", "old") // 3
		epoch := ana.Welcome().Epoch
		ana.Close()
		pass(25 * time.Hour)
		for range 3 {
			post(t, r, "ana", "new") // 4 to 6
		}
		time.Sleep(2 * time.Minute)

		for last, want := range map[chat.Seq]struct {
			gaps   []chat.Gap
			events []chat.Seq
		}{
			0: {gaps: []chat.Gap{{Room: id, After: 0, Head: 6, Floor: 4}}}, // more than Replay
			1: {[]chat.Gap{{Room: id, After: 1, Head: 3, Floor: 4}}, []chat.Seq{4, 5, 6}},
			2: {[]chat.Gap{{Room: id, After: 2, Head: 3, Floor: 4}}, []chat.Seq{4, 5, 6}},
			3: {events: []chat.Seq{4, 5, 6}}, // nothing is missing
			6: {},
		} {
			s := connect(t, n, "ana", &chat.SessionOptions{Epoch: epoch, Rooms: map[chat.RoomID]chat.Seq{id: last}})
			gaps, events := got(t, s, id, last)
			require.Equal(t, want.gaps, gaps, "after %d", last)
			require.Equal(t, want.events, events, "after %d", last)
			s.Close()
		}

		s := connect(t, n, "ana", &chat.SessionOptions{Epoch: epoch, Rooms: map[chat.RoomID]chat.Seq{id: 2}})
		got(t, s, id, 2)
		post(t, r, "ana", "live")
		_, events := got(t, s, id, 6)
		require.Equal(t, []chat.Seq{7}, events)
	})
}

// What a session has not received for a day may be removed while it waits.
func TestRetentionOvertakesASlowSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, pass := aging()
		n := newNode(t, &chat.Options{Store: store, Retention: chat.Retention{Age: 24 * time.Hour}, Limits: chat.Limits{SessionBytes: 1}})
		ana := connect(t, n, "ana", nil)
		r, id := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		for range 5 {
			post(t, r, "ana", "old") // 3 to 7
		}
		pass(25 * time.Hour)
		post(t, r, "ana", "new") // 8
		time.Sleep(2 * time.Minute)

		var gaps []chat.Gap
		var events []chat.Seq
		last := chat.Seq(1) // the room is the session's since the join, 2
		for {
			g, e := got(t, ana, id, last)
			if len(g)+len(e) == 0 {
				break
			}
			if len(g) > 0 {
				last = g[len(g)-1].Head
			}
			if len(e) > 0 {
				last = e[len(e)-1]
			}
			gaps, events = append(gaps, g...), append(events, e...)
		}
		require.Len(t, gaps, 1)
		require.EqualValues(t, 7, gaps[0].Head)
		require.EqualValues(t, 8, gaps[0].Floor)
		require.EqualValues(t, 8, events[len(events)-1])
		require.Less(t, len(events), 7, "or this test shows nothing")
	})
}

func TestRetentionByCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, pass := aging()
		n := newNode(t, &chat.Options{Store: store, Retention: chat.Retention{Count: 3}})
		connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		for range 5 {
			post(t, r, "ana", "x") // 3 to 7
		}
		floor := func() chat.Seq {
			p, err := r.History(t.Context(), "ana", chat.Range{})
			require.NoError(t, err)
			require.Equal(t, p.Floor, p.Events[0].Seq)
			return p.Floor
		}
		pass(chat.MinRetention - 3*time.Minute)
		time.Sleep(2 * time.Minute)
		require.EqualValues(t, 1, floor(), "nothing younger than a day is removed")
		time.Sleep(2*time.Minute + time.Second) // not just when the node looks
		require.EqualValues(t, 5, floor())
	})
}

func TestRetentionNeedsATrimmer(t *testing.T) {
	store := &faulty{Store: chat.NewMemoryStore(nil)} // hides what else the store can do
	_, err := chat.New(&chat.Options{Store: store, Retention: chat.Retention{Count: 1}, Logger: quiet})
	require.ErrorContains(t, err, "Trimmer")
	newNode(t, &chat.Options{Store: store}) // which the refusal has not taken
}

// cut is a store whose heads can't be asked for while off is set.
type cut struct {
	chat.Store
	off atomic.Bool
}

func (c *cut) Heads(ctx context.Context, known map[chat.RoomID]chat.Seq) (map[chat.RoomID]chat.Seq, error) {
	if c.off.Load() {
		return nil, chat.ErrUnavailable
	}
	return c.Store.Heads(ctx, known)
}

// A node that was away from its store for so long that the log has forgotten
// what it missed does not stay silent: its sessions end, and are told of the gap
// when they are back.
func TestNodeThatMissedWhatTheLogForgot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		var pass func(time.Duration)
		s.store, pass = aging()
		c := &cut{Store: s.connect()}
		a := newNode(t, &chat.Options{Store: s.connect(), Retention: chat.Retention{Age: 24 * time.Hour}})
		b := newNode(t, &chat.Options{Store: c})
		connect(t, a, "ana", nil)
		bob := connect(t, b, "bob", nil)
		r, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		time.Sleep(5 * time.Second)
		seqs(t, bob, id, 2)
		c.off.Store(true)
		post(t, r, "ana", "old")
		post(t, r, "ana", "old")
		pass(25 * time.Hour)
		post(t, r, "ana", "new")
		time.Sleep(2 * time.Minute)
		c.off.Store(false)
		time.Sleep(time.Minute)
		require.ErrorIs(t, bob.Err(), chat.ErrBusy)
		epoch := bob.Welcome().Epoch
		bob = connect(t, b, "bob", &chat.SessionOptions{Epoch: epoch, Rooms: map[chat.RoomID]chat.Seq{id: 3}})
		gaps, events := got(t, bob, id, 3)
		require.Equal(t, []chat.Gap{{Room: id, After: 3, Head: 5, Floor: 6}}, gaps)
		require.Equal(t, []chat.Seq{6}, events)
		post(t, r, "ana", "live")
		time.Sleep(5 * time.Second)
		require.Equal(t, []chat.Seq{7}, seqs(t, bob, id, 6))
	})
}
