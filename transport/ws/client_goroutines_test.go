package ws

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// settled returns how many goroutines there are when no more come or go.
func settled() int {
	last, same := -1, 0
	for same < 5 {
		time.Sleep(10 * time.Millisecond)
		if now := runtime.NumGoroutine(); now == last {
			same++
		} else {
			last, same = now, 0
		}
	}
	return last
}

// A client has two goroutines at most, whether or not it has something to do.
func TestClientGoroutines(t *testing.T) {
	if !canWait {
		t.Skip("the server's connections have goroutines here")
	}
	const n = 20
	s := start(t, nil, &Options{Poll: true})
	s.client("first", nil)
	before := settled()
	var clients []*Client
	for i := range n {
		clients = append(clients, s.client(fmt.Sprint("user", i), nil))
	}
	require.LessOrEqual(t, settled()-before, 2*n)
	rooms, _, err := clients[0].Rooms(t.Context(), "", 0)
	require.NoError(t, err)
	for _, c := range clients {
		_, err := c.Post(t.Context(), rooms[0].ID, chat.Draft{Text: "hi"})
		require.NoError(t, err)
	}
	require.LessOrEqual(t, settled()-before, 2*n)
	for _, c := range clients {
		require.NoError(t, c.Close())
	}
	require.LessOrEqual(t, settled(), before)
}

// The token is asked for before each dial and for each renewal, by one call at
// a time.
func TestTokenOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, &Options{Reauthenticate: login})
		defer s.stop()
		var under, calls atomic.Int32
		c := s.client("", &DialOptions{Token: func(ctx context.Context) (string, error) {
			if under.Add(1) > 1 {
				t.Error("two calls at once")
			}
			defer under.Add(-1)
			time.Sleep(20 * time.Second) // a slow login service
			if calls.Add(1)%4 == 3 {
				return "", errors.New("not now")
			}
			return "ann|2m", nil
		}})
		welcomes := 0
		wait := follow(c, func(u Update) {
			if u.Welcome != nil {
				welcomes++
			}
		})
		for range 10 {
			time.Sleep(3 * time.Minute)
			s.h.mu.Lock()
			for conn := range s.h.conns {
				conn.end(farewell{codeGoingAway, ""})
			}
			s.h.mu.Unlock()
		}
		require.NoError(t, c.Err())
		c.Close()
		wait()
		require.GreaterOrEqual(t, int(calls.Load()), 20)
		require.GreaterOrEqual(t, welcomes, 10)
	})
}

// A client dials again after a random part of a limit that doubles.
func TestBackoff(t *testing.T) {
	var least, most [10]time.Duration
	for range 2000 {
		var b backoff
		for i := range most {
			d := b.next()
			if least[i] == 0 || d < least[i] {
				least[i] = d
			}
			most[i] = max(most[i], d)
		}
	}
	for i := range most {
		limit := min(backoffMin<<i, backoffMax)
		require.LessOrEqual(t, most[i], limit)
		require.Greater(t, most[i], limit*9/10)
		require.Less(t, least[i], limit/10)
	}
}
