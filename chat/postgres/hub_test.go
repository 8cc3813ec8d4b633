package postgres

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// begin begins a node over a store of its own on the database.
func begin(t *testing.T, db pgtest.Database, o chat.Options) *chat.Node {
	t.Helper()
	o.Store = reopen(t, db, &Options{Logger: silent})
	n, err := chat.New(&o)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		require.NoError(t, n.Shutdown(ctx))
	})
	return n
}

// One node does less of the same, and is tried on the other stores.
func TestHubOfTwoNodes(t *testing.T) {
	chattest.TestHub(t, func(t *testing.T, o chat.Options) []chat.Hub {
		one := memory.New(nil)
		two := one.Connect()
		t.Cleanup(func() { one.Close(); two.Close() })
		db := pgtest.New(t)
		var hubs []chat.Hub
		for _, b := range []transport.Broker{one, two} {
			l := listening{b, make(chan struct{}), new(sync.Once)}
			o.Broker = l
			hubs = append(hubs, begin(t, db, o))
			<-l.live
		}
		return hubs
	}, nil)
}

// listening is a broker that tells when its node hears what others publish.
type listening struct {
	transport.Broker
	live chan struct{}
	once *sync.Once
}

func (l listening) Subscribe(ctx context.Context, store string, fn func(transport.Batch)) error {
	return l.Broker.Subscribe(ctx, store, func(b transport.Batch) {
		fn(b)
		l.once.Do(func() { close(l.live) })
	})
}
