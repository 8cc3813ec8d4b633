package ws

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// keptStore lets another node go on with a store in memory, as after a restart.
type keptStore struct {
	*chat.MemoryStore
	mu        sync.Mutex
	identity  chat.Identity
	committed func([]chat.Event)
}

func keep(t *testing.T) *keptStore {
	k := &keptStore{MemoryStore: chat.NewMemoryStore(nil)}
	var err error
	k.identity, err = k.MemoryStore.Attach(func(events []chat.Event) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.committed != nil {
			k.committed(events)
		}
	})
	require.NoError(t, err)
	return k
}

func (k *keptStore) Attach(committed func([]chat.Event)) (chat.Identity, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.committed = committed
	return k.identity, nil
}

func (k *keptStore) Close() error { return nil }

// kill ends the server as if its process had died: no farewell, nothing
// flushed.
func (s *testServer) kill() {
	s.end.Do(func() {
		s.hs.Close()
		s.h.mu.Lock()
		s.h.draining = true
		for c := range s.h.conns {
			c.cut()
		}
		s.h.mu.Unlock()
		s.h.tasks.Wait()
		s.node.Shutdown(context.Background())
	})
}

// A server is killed again and again while clients post: in the end everybody
// has everything once, in the same order.
func TestServerKilled(t *testing.T) {
	const posters, posts, kills = 4, 60, 6
	store := keep(t)
	defer store.MemoryStore.Close()
	s := start(t, &chat.Options{Store: store}, nil)
	// Each life has a port of its own, behind one name.
	var addr atomic.Value
	addr.Store(s.ln.Addr().String())
	s.http.Transport = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr.Load().(string))
	}}
	defer s.http.CloseIdleConnections()

	var clients []*Client
	var mu sync.Mutex
	got := make([][]string, posters)
	var waits []func()
	for i := range posters {
		c := s.client(fmt.Sprintf("user%d", i), nil)
		clients = append(clients, c)
		waits = append(waits, follow(c, func(u Update) {
			if u.Gap != nil {
				t.Errorf("a gap: %+v", u.Gap)
			}
			if u.Event != nil && u.Event.Kind == chat.Message {
				mu.Lock()
				defer mu.Unlock()
				got[i] = append(got[i], fmt.Sprintf("%d %s", u.Event.Seq, u.Event.Text))
			}
		}))
	}
	rooms, _, err := clients[0].Rooms(t.Context(), "", 0)
	require.NoError(t, err)
	lobby := rooms[0].ID

	acked := map[string]bool{}
	progress := make(chan struct{}, posters*posts)
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			for n := range posts {
				text := fmt.Sprintf("%d/%d", i, n)
				st, err := c.Post(context.Background(), lobby, chat.Draft{Text: text})
				if err != nil {
					t.Errorf("post: %v", err)
					return
				}
				mu.Lock()
				acked[fmt.Sprintf("%d %s", st.Seq, text)] = true
				mu.Unlock()
				progress <- struct{}{}
			}
		})
	}
	for range kills {
		for range posters * posts / (kills + 1) {
			<-progress
		}
		s.kill()
		s = start(t, &chat.Options{Store: store}, nil)
		addr.Store(s.ln.Addr().String())
	}
	wg.Wait()
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, list := range got {
			if len(list) < posters*posts {
				return false
			}
		}
		return true
	}, 20*time.Second, 10*time.Millisecond)
	for i, c := range clients {
		c.Close()
		waits[i]()
	}
	require.Len(t, acked, posters*posts)
	for i, list := range got {
		require.Len(t, list, posters*posts, "client %d", i)
		require.Equal(t, got[0], list)
		for _, m := range list {
			require.True(t, acked[m], m)
		}
	}
}
