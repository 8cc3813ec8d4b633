package ws

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// 74: a peer that answers nothing is found, one that answers is kept.
func TestPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		p, _ := s.hello("ann")
		go p.closed() // reads, and so answers
		silent, _ := s.hello("bob")
		time.Sleep(34 * time.Second)
		require.Equal(t, 2, s.live())
		time.Sleep(2 * time.Second)
		require.Equal(t, 2, s.live(), "it may still read its farewell")
		c, reason := silent.closed() // only now does it read: the ping, and the end
		require.Equal(t, codeNoPong, c, reason)
		synctest.Wait()
		require.Equal(t, 1, s.live())
		time.Sleep(10 * time.Minute)
		require.Equal(t, 1, s.live())
	})
}

// A peer may answer a ping before the server knows that it was sent.
func TestQuickPong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipeListener(pipeSize)
		ln.lag = time.Second
		s := serve(t, ln, ln.dial, nil, nil)
		defer s.stop()
		p, _ := s.hello("ann")
		go p.closed() // reads, and so answers
		time.Sleep(10 * time.Minute)
		require.Equal(t, 1, s.live())
	})
}

// live counts the connections.
func (s *testServer) live() int {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	return len(s.h.conns)
}

func TestNoHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		p := s.connect("ann")
		began := time.Now()
		c, _ := p.closed()
		require.Equal(t, codePolicy, c)
		require.Equal(t, 10*time.Second, time.Since(began))
	})
}

// A hub that is slow does not make healthy clients go: while the server does
// not read, it does not ask why it hears nothing.
func TestSlowHubKeepsClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		p, w := s.hello("ann")
		time.Sleep(24 * time.Second)
		s.h.hub = delayedHub{s.node, 14 * time.Second}
		for i := range 5 { // 70 s of requests in a row
			p.send(`{"type":"message","id":"message-%08d","room":"%s","text":"x"}`, i, w.Rooms[0].ID)
			require.Equal(t, "ok", p.reply(fmt.Sprintf("message-%08d", i))["type"])
		}
	})
}

type delayedHub struct {
	chat.Hub
	delay time.Duration
}

func (h delayedHub) Room(ctx context.Context, by chat.UserID, id chat.RoomID) (chat.Room, error) {
	time.Sleep(h.delay)
	r, err := h.Hub.Room(ctx, by, id)
	return delayedRoom{r, h.delay}, err
}

type delayedRoom struct {
	chat.Room
	delay time.Duration
}

func (r delayedRoom) Post(ctx context.Context, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
	time.Sleep(r.delay)
	if ctx.Err() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	return r.Room.Post(ctx, by, d)
}

// 75: a peer that takes nothing of what it is sent.
func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		slow, w := s.hello("slow")
		ann, _ := s.hello("ann")
		for range 3 {
			ann.ask("message", map[string]any{"room": w.Rooms[0].ID, "text": strings.Repeat("x", 1000)})
		}
		time.Sleep(13 * time.Second)
		synctest.Wait()
		// It has one more chance to learn why.
		c, reason := slow.closed()
		require.Equal(t, codeSlow, c, reason)
		synctest.Wait()
		require.Equal(t, 1, s.live())
	})
}

// A peer that is slow but takes something is waited for.
func TestSlowIsNotStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		slow, w := s.hello("slow")
		ann, _ := s.hello("ann")
		ann.ask("message", map[string]any{"room": w.Rooms[0].ID, "text": strings.Repeat("x", 3000)})
		// Each event is longer than what the pipe holds, so part of it waits
		// for the peer, for 9 s.
		for range 5 {
			ann.ask("message", map[string]any{"room": w.Rooms[0].ID, "text": strings.Repeat("x", 3000)})
			time.Sleep(9 * time.Second)
			slow.event(chat.Message)
		}
	})
}

// 71, 72, 65: one message takes no longer than 10 s, however it is cut.
func TestSlowMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		p, _ := s.hello("ann")
		w, err := p.ws.Writer(t.Context(), websocket.MessageText)
		require.NoError(t, err)
		// More than the client's library keeps for itself.
		_, err = w.Write([]byte("{" + strings.Repeat(" ", 4<<10)))
		require.NoError(t, err)
		began := time.Now()
		go func() {
			for range 9 {
				time.Sleep(time.Second)
				w.Write([]byte(strings.Repeat(" ", 4<<10)))
			}
		}()
		c, _ := p.closed()
		require.Equal(t, codeSlow, c)
		require.Equal(t, 10*time.Second, time.Since(began))
	})
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, &Options{Reauthenticate: login})
		defer s.stop()
		p, _ := s.hello("ann|5m")
		began := time.Now()
		n, err := as[notice](p.until("notice"))
		require.NoError(t, err)
		require.Equal(t, chat.NoticeKind("auth_expiring"), n.Kind)
		require.Equal(t, began.Add(5*time.Minute).UnixMilli(), n.Expires.UnixMilli())
		require.Equal(t, 4*time.Minute, time.Since(began))

		require.Equal(t, "unauthorized", code(p.ask("auth", map[string]any{"token": "nobody"})))
		require.Equal(t, "unauthorized", code(p.ask("auth", map[string]any{"token": "ann|-1s"})))
		require.Equal(t, "unavailable", code(p.ask("auth", map[string]any{"token": "away"})))
		require.Equal(t, "forbidden", code(p.ask("auth", map[string]any{"token": "bob|5m"})))
		reply := p.ask("auth", map[string]any{"token": "ann|5m"})
		require.Equal(t, "ok", reply["type"], "%v", reply)
		require.Contains(t, reply, "expires")

		p.until("notice")
		require.Equal(t, 8*time.Minute, time.Since(began))
		c, _ := p.closed()
		require.Equal(t, codeExpired, c)
		require.Equal(t, 9*time.Minute+25*time.Second, time.Since(began))
	})
}

func TestNoReauthentication(t *testing.T) {
	s := start(t, nil, nil)
	p, _ := s.hello("ann")
	require.Equal(t, "bad_request", code(p.ask("auth", map[string]any{"token": "ann"})))
}

// 79, 76: no peer holds up the shutdown, whatever it does not do.
func TestShutdownWithSilentPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		for i := range 200 {
			s.hello(fmt.Sprintf("user%d", i))
		}
		var conns []*conn
		s.h.mu.Lock()
		for c := range s.h.conns {
			conns = append(conns, c)
		}
		s.h.mu.Unlock()
		began := time.Now()
		require.NoError(t, s.h.Shutdown(context.Background()))
		require.LessOrEqual(t, time.Since(began), lingerTime+4*paceTime+wheelStep)
		require.Zero(t, s.live())
		at := map[time.Time]int{}
		for _, c := range conns {
			at[c.clock.cutAt]++
		}
		require.Len(t, at, 4, "they are ended 64 at a time")
		for _, n := range at {
			require.LessOrEqual(t, n, pace)
		}
	})
}

func TestShutdownInAHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		s.hello("silent")
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, s.h.Shutdown(ctx), context.DeadlineExceeded)
		require.Equal(t, 100*time.Millisecond, time.Since(began))
		require.Zero(t, s.live())
	})
}

// A session that the node ends closes its connection with what that means.
func TestNodeShutdown(t *testing.T) {
	s := start(t, nil, nil)
	p, _ := s.hello("ann")
	require.NoError(t, s.node.Shutdown(t.Context()))
	c, reason := p.closed()
	require.Equal(t, codeRestart, c)
	_, ok := hintOf(reason)
	require.True(t, ok)
}

// 77: who is refused without a pause for 10 s goes; who waits stays.
func TestRequestFlood(t *testing.T) {
	for name, pause := range map[string]time.Duration{"flood": 20 * time.Millisecond, "patient": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startInMemory(t, nil, nil)
				defer s.stop()
				s.h.hub = limitedHub{s.node}
				p, w := s.hello("ann")
				began := time.Now()
				for i := range 1000 {
					id := fmt.Sprintf("message-%08d", i)
					m := fmt.Sprintf(`{"type":"message","id":"%s","room":"%s","text":"x"}`, id, w.Rooms[0].ID)
					if p.ws.Write(t.Context(), websocket.MessageText, []byte(m)) != nil {
						break
					}
					b, err := p.next()
					if err != nil {
						require.Equal(t, websocket.StatusCode(codeFlood), websocket.CloseStatus(err))
						break
					}
					reply := members(t, b)
					require.Equal(t, "rate_limited", code(reply))
					require.Equal(t, 500.0, reply["error"].(map[string]any)["retry_after_ms"])
					time.Sleep(pause)
				}
				if name == "patient" {
					require.Greater(t, time.Since(began), 30*time.Minute)
				} else {
					require.Equal(t, 10*time.Second, time.Since(began).Truncate(time.Second))
				}
			})
		})
	}
}

type limitedHub struct{ chat.Hub }

func (limitedHub) Room(context.Context, chat.UserID, chat.RoomID) (chat.Room, error) {
	return nil, &chat.RateError{RetryAfter: 500 * time.Millisecond}
}
