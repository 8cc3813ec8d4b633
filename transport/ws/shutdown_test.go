package ws

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func TestShutdown(t *testing.T) {
	s := start(t, nil, nil)
	var polite []*peer
	for i := range 20 {
		p, _ := s.hello(fmt.Sprintf("user%d", i))
		polite = append(polite, p)
	}
	done := make(chan error)
	go func() { done <- s.h.Shutdown(context.Background()) }()
	hints := map[time.Duration]bool{}
	for _, p := range polite {
		c, reason := p.closed()
		require.Equal(t, codeRestart, c)
		hint, ok := hintOf(reason)
		require.True(t, ok, reason)
		require.Less(t, hint, 2*time.Second)
		hints[hint] = true
	}
	require.Greater(t, len(hints), 5, "not all come back at once")
	require.NoError(t, <-done)
}

// What was accepted is answered before the connection closes.
func TestShutdownFinishesTheRequest(t *testing.T) {
	hub := &slowHub{entered: make(chan struct{}), release: make(chan struct{})}
	s := start(t, nil, nil)
	hub.Hub = s.node
	s.h.hub = hub
	p, w := s.hello("ann")
	p.send(`{"type":"message","id":"%s","room":"%s","text":"last words"}`, key, w.Rooms[0].ID)
	<-hub.entered
	done := make(chan error)
	go func() { done <- s.h.Shutdown(context.Background()) }()
	require.Eventually(t, func() bool {
		s.h.mu.Lock()
		defer s.h.mu.Unlock()
		return s.h.draining
	}, time.Second, time.Millisecond)
	close(hub.release)
	require.Equal(t, "ok", p.reply(key)["type"])
	c, _ := p.closed()
	require.Equal(t, codeRestart, c)
	require.NoError(t, <-done)
}

// slowHub holds up Room until release.
type slowHub struct {
	chat.Hub
	entered, release chan struct{}
}

func (h *slowHub) Room(ctx context.Context, by chat.UserID, id chat.RoomID) (chat.Room, error) {
	close(h.entered)
	<-h.release
	return h.Hub.Room(ctx, by, id)
}
