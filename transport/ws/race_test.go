package ws

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func bothWays(t *testing.T, test func(t *testing.T, o *Options)) {
	t.Run("goroutines", func(t *testing.T) { test(t, &Options{}) })
	t.Run("poll", func(t *testing.T) { test(t, &Options{Poll: true}) })
	t.Run("compressed", func(t *testing.T) { test(t, &Options{Compress: true}) })
}

// broadcast posts so often, or until ctx ends.
func (s *testServer) broadcast(ctx context.Context, t *testing.T, text string, most int) {
	t.Helper()
	who, _ := login(ctx, "poster")
	require.NoError(t, s.node.Admit(ctx, who))
	rooms, err := s.node.Rooms(ctx, who.User.ID, "", 1)
	require.NoError(t, err)
	room, err := s.node.Room(ctx, who.User.ID, rooms[0].ID)
	require.NoError(t, err)
	for i := 0; i < most && ctx.Err() == nil; i++ {
		if _, err := room.Post(context.Background(), who.User.ID, chat.Draft{ID: chat.NewID(), Text: text}); err != nil {
			t.Errorf("post: %v", err)
			return
		}
		time.Sleep(100 * time.Microsecond) // so that the others get on
	}
}

// Connections end in every way while they are written to.
func TestCloseAgainstWrite(t *testing.T) {
	bothWays(t, func(t *testing.T, o *Options) {
		s := start(t, nil, o)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { s.broadcast(ctx, t, strings.Repeat("x", 500), 1<<30) })
		for i := range 120 {
			p := s.connect(fmt.Sprint("user", i%40))
			p.send(`{"type":"hello","id":"h1"}`)
			switch i % 4 {
			case 0:
				p.ws.CloseNow()
			case 1:
				wg.Go(func() { p.ws.Close(codeNormal, "bye") })
			case 2:
				p.until("event")
				p.send(`{"type":"message"`) // and never the end of it: a fault
				p.ws.CloseNow()
			case 3:
				s.h.mu.Lock()
				for c := range s.h.conns {
					if rand.N(2) == 0 {
						c.end(farewell{codeGoingAway, ""})
					} else {
						c.cut()
					}
				}
				s.h.mu.Unlock()
			}
		}
		cancel()
		wg.Wait()
		require.NoError(t, s.h.Shutdown(t.Context()))
		require.Equal(t, 0, s.live())
		require.Zero(t, s.h.gate.conns)
	})
}

// Whoever comes during a shutdown is refused, or told to come back, and nobody
// is left.
func TestShutdownAgainstConnect(t *testing.T) {
	bothWays(t, func(t *testing.T, o *Options) {
		s := start(t, nil, o)
		var wg sync.WaitGroup
		var refused, told atomic.Int32
		for i := range 8 {
			wg.Go(func() {
				for refused.Load() == 0 {
					resp, c, br := s.handshake(t, get, but(good(s), fmt.Sprint("Authorization: Bearer user", i))...)
					switch resp.StatusCode {
					case 101:
						c.Write(text(`{"type":"hello","id":"h1"}`))
						if rand.N(2) == 0 {
							c.Close()
						} else {
							go func() {
								if ending(c, br) == codeRestart {
									told.Add(1)
								}
							}()
						}
					case 503:
						refused.Add(1)
					default:
						t.Errorf("status %d", resp.StatusCode)
						return
					}
				}
			})
		}
		for s.live() < 20 {
			time.Sleep(time.Millisecond)
		}
		require.NoError(t, s.h.Shutdown(t.Context()))
		wg.Wait()
		require.Zero(t, s.live())
		require.Positive(t, refused.Load())
		require.Eventually(t, func() bool { return told.Load() > 0 }, 5*time.Second, time.Millisecond)
	})
}

// Those who read get everything in order while others never read, and those are
// seen to be slow, keep no more than the limit, and go.
func TestSlowAgainstBroadcast(t *testing.T) {
	bothWays(t, func(t *testing.T, o *Options) {
		o.StallTimeout = time.Second
		const most = 64 << 10
		s := start(t, &chat.Options{Limits: chat.Limits{SessionBytes: most, Replay: 1 << 30}}, o)
		for i := range 3 {
			c, _ := s.session(t)
			require.NoError(t, c.(*net.TCPConn).SetReadBuffer(4<<10), i)
		}
		var readers sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		const want = 300
		for i := range 3 {
			p, _ := s.hello(fmt.Sprint("reader", i))
			readers.Go(func() {
				for n, last := 0, chat.Seq(0); n < want; {
					b, err := p.next()
					if err != nil {
						t.Errorf("read: %v", err)
						return
					}
					if h, _ := as[head](b); h.Type != "event" {
						continue
					}
					e, _ := as[chat.Event](b)
					if last != 0 && e.Seq != last+1 {
						t.Errorf("%d after %d", e.Seq, last)
						return
					}
					last = e.Seq
					n++
				}
			})
		}
		var posting, sampling sync.WaitGroup
		posting.Go(func() { s.broadcast(ctx, t, strings.Repeat("x", 2000), 2*want) })
		slow, longest := 0, 0
		sampling.Go(func() {
			for ctx.Err() == nil {
				st := s.h.Stats()
				slow, longest = max(slow, st.Slow), max(longest, st.Longest)
				time.Sleep(time.Millisecond)
			}
		})
		readers.Wait()
		cancel()
		posting.Wait()
		sampling.Wait()
		require.Positive(t, slow)
		// A write under way is in nobody's queue: Longest is what waits behind it,
		// which is the limit, or a page of the log above half of it.
		require.Greater(t, longest, 2000)
		require.LessOrEqual(t, longest, most/2+200*2500)
		require.Eventually(t, func() bool { return s.h.Stats().Slow == 0 }, 20*time.Second, 10*time.Millisecond)
	})
}
