package chat_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport"
	broker "github.com/carlware/gochat/transport/memory"
)

// late is a broker that keeps what a node publishes for a while.
type late struct {
	transport.Broker
	by atomic.Int64 // a time.Duration
}

func (l *late) Publish(ctx context.Context, store, key string, body []byte) error {
	time.Sleep(time.Duration(l.by.Load()))
	return l.Broker.Publish(ctx, store, key, body)
}

// lateNodes returns two nodes, the second of which can hear late of what the
// first one does.
func lateNodes(t *testing.T) (a, b *chat.Node, l *late) {
	s := newShared()
	one := broker.New(nil)
	two := one.Connect()
	t.Cleanup(func() { one.Close(); two.Close() })
	l = &late{Broker: one}
	a = newNode(t, &chat.Options{Store: s.connect(), Broker: l})
	b = newNode(t, &chat.Options{Store: s.connect(), Broker: two})
	time.Sleep(2500 * time.Millisecond) // until after a sweep
	return a, b, l
}

func TestOwnMessageComesWithTheNewsOfTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, l := lateNodes(t)
		connect(t, a, "ana", nil)
		bob := connect(t, b, "bob", nil)
		began := time.Now()
		l.by.Store(int64(200 * time.Millisecond))
		_, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		r, err := b.Room(t.Context(), "bob", id)
		require.NoError(t, err)
		post(t, r, "bob", "I am quick")
		require.Equal(t, chat.Joined, nextEvent(t, bob).Kind)
		require.Equal(t, "I am quick", nextEvent(t, bob).Text)
		require.Less(t, time.Since(began), time.Second, "and not with the next sweep")
	})
}

func TestOldNewsRefuseNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, l := lateNodes(t)
		connect(t, a, "ana", nil)
		connect(t, b, "bob", nil)
		r, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		change(t, r, "ana", chat.Change{Kind: chat.Archive})
		rb, err := b.Room(t.Context(), "bob", id)
		require.NoError(t, err)
		synctest.Wait()
		_, err = rb.Post(t.Context(), "bob", chat.Draft{ID: chat.NewID(), Text: "x"})
		require.ErrorIs(t, err, chat.ErrForbidden)
		l.by.Store(int64(200 * time.Millisecond))
		change(t, r, "ana", chat.Change{Kind: chat.Restore})
		post(t, rb, "bob", "again") // b has not heard of it
	})
}

// What was lost while the broker was away is looked for when it is back, and when
// it says that something was lost, not with the next sweep.
func TestLossesAreLookedForAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, ba, bb, _ := two(t)
		connect(t, a, "ana", nil)
		bob := connect(t, b, "bob", nil)
		r, _ := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		nextEvent(t, bob)
		for name, loss := range map[string]func(func()){
			"cut":  func(f func()) { bb.Disconnect(nil); f(); bb.Reconnect() },
			"lost": func(f func()) { ba.DropEvents(1); f(); synctest.Wait(); bb.Gap() },
		} {
			for range 5 { // by chance a sweep comes at once
				loss(func() { post(t, r, "ana", name) })
				began := time.Now()
				require.Equal(t, name, nextEvent(t, bob).Text)
				require.Less(t, time.Since(began), 100*time.Millisecond, name)
				time.Sleep(700 * time.Millisecond)
			}
		}
	})
}
