package storm

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// slot is a place where one node after the other lives.
type slot struct {
	s    *storm
	rng  *rand.Rand  // guarded by mu
	deaf atomic.Bool // it loses half of what it publishes
	mute atomic.Bool // it loses all of it

	mu   sync.Mutex
	life *life // nil while there is none
}

// life is one node with what it is connected to.
type life struct {
	node   *chat.Node
	store  *mortal
	broker *memory.Broker
}

// node returns the node, or nil.
func (sl *slot) node() *chat.Node {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	if sl.life == nil {
		return nil
	}
	return sl.life.node
}

func (sl *slot) connection() *memory.Broker {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	return sl.life.broker
}

// rise begins a node.
func (sl *slot) rise() {
	sl.s.Helper()
	store, err := sl.s.o.Open(sl.s.clock)
	if err != nil {
		sl.s.Fatalf("open the store: %v", err)
	}
	l := &life{store: &mortal{Store: store}, broker: sl.s.broker.Connect()}
	l.node, err = chat.New(&chat.Options{
		Store: l.store, Broker: lossy{l.broker, sl}, Commands: sl.s.bot, Logger: quiet,
		Limits: chat.Limits{
			Messages: chat.Unlimited, Commands: chat.Unlimited, Joins: chat.Unlimited, Rooms: chat.Unlimited, Requests: chat.Unlimited,
			SessionBytes: 8 << 10, Replay: 60, UserCalls: 1000, CallTimeout: 5 * time.Second,
		},
	})
	if err != nil {
		sl.s.Fatalf("begin a node: %v", err)
	}
	sl.mu.Lock()
	defer sl.mu.Unlock()
	sl.life = l
}

// kill ends the node with its next commit, of which nobody is told, or soon.
func (sl *slot) kill() {
	sl.mu.Lock()
	l := sl.life
	sl.mu.Unlock()
	died := l.store.doom()
	select {
	case <-died:
	case <-time.After(200 * time.Millisecond):
		l.store.die()
	}
	sl.mu.Lock()
	sl.life = nil
	sl.mu.Unlock()
	l.broker.Close()
	sl.s.funerals.Go(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = l.node.Shutdown(ctx) // what is left of it; it can't store anything
	})
	// All calls of the store that are under way end here, so that another one
	// can be opened.
	if err := l.store.Store.Close(); err != nil {
		sl.s.Errorf("close the store: %v", err)
	}
}

// stop ends the node as an operator does.
func (sl *slot) stop() {
	l := sl.life
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := l.node.Shutdown(ctx); err != nil {
		sl.s.Errorf("Shutdown: %v", err)
	}
	l.broker.Close()
	if err := l.store.Store.Close(); err != nil {
		sl.s.Errorf("close the store: %v", err)
	}
}

// lossy is a broker that loses half of what its node publishes while the slot is
// deaf, and always half of the notices that somebody was added.
type lossy struct {
	*memory.Broker
	sl *slot
}

func (l lossy) Publish(ctx context.Context, store, key string, body []byte) error {
	if l.sl.mute.Load() {
		return transport.ErrOverloaded
	}
	lose := l.sl.deaf.Load()
	if key == "notice" {
		var e struct {
			Notice struct {
				Notice chat.Notice `json:"notice"`
			} `json:"notice"`
		}
		lose = lose || json.Unmarshal(body, &e) == nil && e.Notice.Notice.Kind == chat.Added
	}
	if lose && l.sl.odd() {
		return transport.ErrOverloaded
	}
	return l.Broker.Publish(ctx, store, key, body)
}

func (sl *slot) odd() bool {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	return sl.rng.IntN(2) == 0
}
