package ws

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// watchedHub keeps the sessions that it makes.
type watchedHub struct {
	chat.Hub
	mu       sync.Mutex
	sessions []*chat.Session
}

func (h *watchedHub) Connect(ctx context.Context, p chat.Principal, o *chat.SessionOptions) (*chat.Session, error) {
	s, err := h.Hub.Connect(ctx, p, o)
	if err == nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.sessions = append(h.sessions, s)
	}
	return s, err
}

// live counts the sessions that have not ended.
func (h *watchedHub) live() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, s := range h.sessions {
		if s.Err() == nil {
			n++
		}
	}
	return n
}

// A connection has one session at a time, and none when it is gone.
func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		hub := &watchedHub{Hub: s.node}
		s.h.hub = hub
		p, _ := s.hello("ann")
		for range 3 {
			p.hello(`{"type":"hello","id":"h2"}`)
			require.Equal(t, 1, hub.live())
		}
		require.Equal(t, "ok", p.ask("ping", nil)["type"], "the end of an old session is not that of the connection")
		p.ws.CloseNow()
		synctest.Wait()
		require.Zero(t, hub.live())
		require.Len(t, hub.sessions, 4)
	})
}

// The writer may learn of the end of a session when the next has begun.
func TestEndOfOldSession(t *testing.T) {
	s := start(t, nil, nil)
	p, _ := s.hello("ann")
	s.h.mu.Lock()
	for c := range s.h.conns {
		c.wrote(&batch{sess: &chat.Session{}, err: chat.ErrClosed})
	}
	s.h.mu.Unlock()
	require.Equal(t, "ok", p.ask("ping", nil)["type"])
}

// What has gathered for a peer comes in several writes, without anything new.
func TestBacklog(t *testing.T) {
	const n = 50
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		p, w := s.hello("ann")
		room, err := s.node.Room(t.Context(), "u-ann", w.Rooms[0].ID)
		require.NoError(t, err)
		for range n {
			_, err := room.Post(t.Context(), "u-ann", chat.Draft{ID: chat.NewID(), Text: strings.Repeat("x", 4000)})
			require.NoError(t, err)
		}
		synctest.Wait()
		began := time.Now()
		for range n {
			p.event(chat.Message)
		}
		require.Zero(t, time.Since(began), "nor did it need a ping to go on")
	})
}

// A delivery is encoded, framed and, if so, compressed once for all who get it.
func TestFramedOnce(t *testing.T) {
	for _, compress := range []bool{false, true} {
		s := start(t, nil, &Options{Compress: compress})
		p, w := s.hello("ann")
		who, _ := login(t.Context(), "bob")
		other, err := s.node.Connect(t.Context(), who, nil)
		require.NoError(t, err)
		defer other.Close()
		p.ask("message", map[string]any{"room": w.Rooms[0].ID, "text": strings.Repeat("hi ", 100)})
		p.ask("ping", nil) // by now it has been written
		for {
			d, err := other.Next(t.Context())
			require.NoError(t, err)
			if d.Event == nil || d.Event.Kind != chat.Message {
				continue
			}
			frame := d.Frame(func(*chat.Delivery) []byte { return nil })
			plain := frame[:frameLen(frame)]
			require.Contains(t, string(plain), `"text":"hi hi`)
			require.Equal(t, compress, len(frame) > len(plain))
			break
		}
	}
}

// Who was not read from is not blamed for having said nothing.
func TestHeard(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, tt := range []struct {
		name      string
		heard     time.Time
		busy      bool
		idleSince time.Time
		want      bool
	}{
		{"silent", ago(20 * time.Second), false, ago(time.Minute), false},
		{"answered", ago(5 * time.Second), false, ago(time.Minute), true},
		{"answered at once", ago(10 * time.Second), false, ago(time.Minute), true},
		{"busy", ago(20 * time.Second), true, ago(time.Minute), true},
		{"just reading again", ago(20 * time.Second), false, ago(time.Second), true},
		{"reading for long enough", ago(20 * time.Second), false, ago(10 * time.Second), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &conn{h: &Handler{o: (*Options)(nil).withDefaults()}}
			c.wire.began = ago(time.Hour)
			c.wire.heard.Store(int64(tt.heard.Sub(c.wire.began)))
			c.clock = clock{pingedAt: ago(10 * time.Second), pongBy: now, busy: tt.busy, idleSince: tt.idleSince}
			require.Equal(t, tt.want, c.heard(now))
			if tt.want {
				require.True(t, c.clock.pongBy.IsZero() || c.clock.pongBy.After(now))
			}
		})
	}
}
