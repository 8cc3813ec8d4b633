package chattest_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// node begins a node that ends with the test.
func node(t *testing.T, o chat.Options) *chat.Node {
	t.Helper()
	n, err := chat.New(&o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := n.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return n
}

func oneNode(t *testing.T, o chat.Options) []chat.Hub { return []chat.Hub{node(t, o)} }

// twoNodes begins two nodes over one store and one broker.
func twoNodes(t *testing.T, o chat.Options) []chat.Hub { return twoNodesOver(t, o, nil) }

// twoNodesOver is twoNodes with a wrapper around what each has of the store.
func twoNodesOver(t *testing.T, o chat.Options, wrap func(chat.Store) chat.Store) []chat.Hub {
	one := memory.New(nil)
	two := one.Connect()
	t.Cleanup(func() { one.Close(); two.Close() })
	return nodesOver(t, o, wrap, one, two)
}

// nodesOver begins two nodes over one store, each with a broker or none.
func nodesOver(t *testing.T, o chat.Options, wrap func(chat.Store) chat.Store, one, two *memory.Broker) []chat.Hub {
	store := new(twins)
	var hubs []chat.Hub
	for _, connection := range []*memory.Broker{one, two} {
		s, err := store.open(nil)
		if err != nil {
			t.Fatal(err)
		}
		if o.Store = s; wrap != nil {
			o.Store = wrap(s)
		}
		if connection == nil {
			hubs = append(hubs, node(t, o))
			continue
		}
		broker := heard{connection, make(chan struct{}), new(sync.Once)}
		o.Broker = broker
		hubs = append(hubs, node(t, o))
		<-broker.live
	}
	return hubs
}

// heard is a broker that tells when its node hears what others publish.
type heard struct {
	transport.Broker
	live chan struct{}
	once *sync.Once
}

func (h heard) Subscribe(ctx context.Context, store string, fn func(transport.Batch)) error {
	return h.Broker.Subscribe(ctx, store, func(b transport.Batch) {
		fn(b)
		h.once.Do(func() { close(h.live) })
	})
}

func TestOneNode(t *testing.T)  { chattest.TestHub(t, oneNode, nil) }
func TestTwoNodes(t *testing.T) { chattest.TestHub(t, twoNodes, nil) }

// audited is a decorator as a host would write one: it notes who posts.
type audited struct {
	chat.Hub
	posts *atomic.Int64
}

type auditedRoom struct {
	chat.Room
	posts *atomic.Int64
}

func (a audited) CreateRoom(ctx context.Context, by chat.UserID, r chat.NewRoom) (chat.Room, error) {
	return a.room(a.Hub.CreateRoom(ctx, by, r))
}

func (a audited) Direct(ctx context.Context, by, with chat.UserID, id string) (chat.Room, error) {
	return a.room(a.Hub.Direct(ctx, by, with, id))
}

func (a audited) Room(ctx context.Context, by chat.UserID, id chat.RoomID) (chat.Room, error) {
	return a.room(a.Hub.Room(ctx, by, id))
}

func (a audited) room(r chat.Room, err error) (chat.Room, error) {
	if err != nil {
		return nil, fmt.Errorf("audited: %w", err)
	}
	return auditedRoom{r, a.posts}, nil
}

func (a auditedRoom) Post(ctx context.Context, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
	rc, err := a.Room.Post(ctx, by, d)
	if err == nil && !rc.Duplicate {
		a.posts.Add(1)
	}
	return rc, err
}

func TestDecorator(t *testing.T) {
	var posts atomic.Int64
	chattest.TestHub(t, func(t *testing.T, o chat.Options) []chat.Hub {
		return []chat.Hub{audited{node(t, o), &posts}}
	}, nil)
	if posts.Load() == 0 {
		t.Error("the suite went past the decorator")
	}
}
