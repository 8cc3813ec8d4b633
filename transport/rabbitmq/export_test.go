package rabbitmq

import (
	"testing"
	"time"
)

// Cut closes the sockets of b's connections.
func Cut(b *Broker) {
	b.mu.Lock()
	s := b.session
	b.mu.Unlock()
	if s != nil {
		s.cut()
	}
}

// ShortSlowPause has refusals tried again soon. No broker may be open when it is
// called, nor when the test ends.
func ShortSlowPause(t testing.TB) {
	was := slowPause
	slowPause = 400 * time.Millisecond
	t.Cleanup(func() { slowPause = was })
}
