package chat_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport"
	broker "github.com/carlware/gochat/transport/memory"
)

// The timers of a node that no other test is about, each by the clock.

// asked is a store that notes which rooms' heads it is asked for.
type asked struct {
	*chat.MemoryStore
	mu    sync.Mutex
	rooms []chat.RoomID
}

func (a *asked) Heads(ctx context.Context, known map[chat.RoomID]chat.Seq) (map[chat.RoomID]chat.Seq, error) {
	a.mu.Lock()
	a.rooms = slices.Collect(maps.Keys(known))
	a.mu.Unlock()
	return a.MemoryStore.Heads(ctx, known)
}

func (a *asked) take() []chat.RoomID {
	a.mu.Lock()
	defer a.mu.Unlock()
	rooms := a.rooms
	a.rooms = nil
	return rooms
}

func TestRoomWithoutSessionsIsForgottenAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &asked{MemoryStore: chat.NewMemoryStore(nil)}
		n := newNode(t, &chat.Options{Store: store})
		ana := connect(t, n, "ana", nil)
		_, id := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		time.Sleep(5 * time.Second)
		require.Equal(t, []chat.RoomID{id}, store.take())
		ana.Close()
		time.Sleep(25 * time.Second)
		require.Equal(t, []chat.RoomID{id}, store.take(), "it may come back soon")
		time.Sleep(10 * time.Second)
		store.take()
		time.Sleep(time.Minute)
		require.Empty(t, store.take())
	})
}

func TestReadingOnIsTriedAgainAfterASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Int64
		store := &faulty{Store: chat.NewMemoryStore(nil)}
		store.page = func(_ chat.UserID, read func() (chat.Page, error)) (chat.Page, error) {
			if fails.Add(-1) >= 0 {
				return chat.Page{}, chat.ErrUnavailable
			}
			return read()
		}
		n := newNode(t, &chat.Options{Store: store})
		ana := connect(t, n, "ana", nil)
		r, id := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		epoch := ana.Welcome().Epoch
		ana.Close()
		post(t, r, "ana", "x")
		fails.Store(3)
		began := time.Now()
		ana = connect(t, n, "ana", &chat.SessionOptions{Epoch: epoch, Rooms: map[chat.RoomID]chat.Seq{id: 2}})
		require.Equal(t, "x", nextEvent(t, ana).Text)
		require.Equal(t, 3*time.Second, time.Since(began))
	})
}

func TestWhatIsMissedIsReadAgainAfterASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f faulty
		var fails atomic.Int64
		f.page = func(viewer chat.UserID, read func() (chat.Page, error)) (chat.Page, error) {
			if viewer == chat.System && fails.Add(-1) >= 0 {
				return chat.Page{}, chat.ErrUnavailable
			}
			return read()
		}
		a, b := twoWith(t, &f)
		connect(t, a, "ana", nil)
		bob := connect(t, b, "bob", nil)
		ra, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		nextEvent(t, bob) // b hosts it since the sweep
		fails.Store(3)
		post(t, ra, "ana", "x")
		began := time.Now()
		rb, err := b.Room(t.Context(), "bob", id)
		require.NoError(t, err)
		_, err = rb.History(t.Context(), "bob", chat.Range{Limit: 1}) // b learns of it
		require.NoError(t, err)
		require.Equal(t, "x", nextEvent(t, bob).Text)
		require.Equal(t, 3*time.Second, time.Since(began))
	})
}

func TestEventWaitsFiftyMillisecondsForTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		one := broker.New(nil)
		two := one.Connect()
		t.Cleanup(func() { one.Close(); two.Close() })
		drops := &dropping{Broker: one}
		a := newNode(t, &chat.Options{Store: s.connect(), Broker: drops})
		b := newNode(t, &chat.Options{Store: s.connect(), Broker: two})
		connect(t, a, "ana", nil)
		bob := connect(t, b, "bob", nil)
		r, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		time.Sleep(4500 * time.Millisecond)
		seqs(t, bob, id, 2)
		for { // until just after a sweep
			synctest.Wait()
			drops.next.Store(true)
			began := time.Now()
			post(t, r, "ana", "lost")
			last := post(t, r, "ana", "told").Seq
			for nextEvent(t, bob).Seq != last {
			}
			if took := time.Since(began); took > 0 { // else the sweep came first
				require.Equal(t, 50*time.Millisecond, took)
				return
			}
		}
	})
}

// dropping is a broker that loses the next thing it is to publish.
type dropping struct {
	transport.Broker
	next atomic.Bool
}

func (d *dropping) Publish(ctx context.Context, store, key string, body []byte) error {
	if d.next.Swap(false) {
		return transport.ErrOverloaded
	}
	return d.Broker.Publish(ctx, store, key, body)
}

func TestOutcomesAreToldAgainForTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, nil)
		ana := connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		line := chat.CommandLine{ID: chat.NewID(), Text: "/help"}
		_, err := r.Command(t.Context(), "ana", line)
		require.NoError(t, err)
		nextOutcome(t, ana)
		time.Sleep(9 * time.Minute)
		require.Equal(t, line.ID, nextOutcome(t, connect(t, n, "ana", nil)).ID)
		time.Sleep(2 * time.Minute)
		late := connect(t, n, "ana", nil)
		synctest.Wait()
		for _, d := range late.Take(nil, 1<<20) {
			require.Nil(t, d.Outcome)
		}
	})
}

func TestEndOfACommandIsStoredAgainAfterASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := 4
		store := &faulty{Store: chat.NewMemoryStore(nil)}
		store.settle = func(_ chat.Settlement, settle func() (chat.Call, bool, error)) (chat.Call, bool, error) {
			if fails--; fails >= 0 {
				return chat.Call{}, false, chat.ErrUnavailable
			}
			return settle()
		}
		n := newNode(t, &chat.Options{Store: store})
		ana := connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		began := time.Now()
		_, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/help"})
		require.NoError(t, err)
		nextOutcome(t, ana)
		require.Equal(t, 4*time.Second, time.Since(began))
	})
}

// stuck is a broker that takes no requests, and whose first subscription fails.
type stuck struct {
	transport.Broker
	subscribed atomic.Int64
}

func (s *stuck) Send(ctx context.Context, _ transport.Request) error {
	<-ctx.Done()
	return transport.ErrUnavailable
}

func (s *stuck) Subscribe(ctx context.Context, store string, fn func(transport.Batch)) error {
	if s.subscribed.Add(1) == 1 {
		return errors.New("no")
	}
	return s.Broker.Subscribe(ctx, store, fn)
}

func TestCommandIsSentWithinFiveSecondsOrNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := broker.New(nil)
		t.Cleanup(func() { one.Close() })
		s := &stuck{Broker: one}
		n := newNode(t, &chat.Options{Broker: s})
		var runs atomic.Int64
		serve(t, echo(&runs), one)
		synctest.Wait()
		require.EqualValues(t, 1, s.subscribed.Load())
		time.Sleep(time.Second)
		synctest.Wait()
		require.EqualValues(t, 2, s.subscribed.Load(), "a loop that failed begins again after a second")

		ana := connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		began := time.Now()
		_, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/echo"})
		require.NoError(t, err)
		require.Equal(t, "unavailable", nextOutcome(t, ana).Error.Code)
		require.Equal(t, 5*time.Second, time.Since(began))
	})
}

func TestStoreThatHangsIsGivenTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hang atomic.Bool
		store := &hanging{MemoryStore: chat.NewMemoryStore(nil), hang: &hang}
		n := newNode(t, &chat.Options{Store: store})
		ana := connect(t, n, "ana", nil)
		r, id := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		epoch := ana.Welcome().Epoch
		ana.Close()
		post(t, r, "ana", "x")
		hang.Store(true)
		began := time.Now()
		ana = connect(t, n, "ana", &chat.SessionOptions{Epoch: epoch, Rooms: map[chat.RoomID]chat.Seq{id: 2}})
		require.Equal(t, "x", nextEvent(t, ana).Text)
		require.Equal(t, 11*time.Second, time.Since(began), "10 s for the page that hangs, and one until the next")
	})
}

// hanging is a store of which one page takes for ever.
type hanging struct {
	*chat.MemoryStore
	hang *atomic.Bool
}

func (h *hanging) Page(ctx context.Context, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
	if h.hang.Swap(false) {
		<-ctx.Done()
		return chat.Page{}, ctx.Err()
	}
	return h.MemoryStore.Page(ctx, viewer, room, r)
}

func TestRetentionIsLookedAfterEveryMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, &chat.Options{Retention: chat.Retention{Age: 48 * time.Hour}})
		connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		post(t, r, "ana", "old")
		floor := func() chat.Seq {
			p, err := r.History(t.Context(), "ana", chat.Range{})
			require.NoError(t, err)
			return p.Floor
		}
		time.Sleep(24 * time.Hour)
		post(t, r, "ana", "new") // 4
		time.Sleep(24*time.Hour - time.Second)
		require.EqualValues(t, 1, floor())
		time.Sleep(time.Minute + 2*time.Second)
		require.EqualValues(t, 4, floor(), "what is older than two days is gone")
	})
}
