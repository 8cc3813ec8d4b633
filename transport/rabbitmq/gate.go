package rabbitmq

import "sync"

// gate is closed to publishings while the broker is short of memory or disk.
type gate struct {
	mu   sync.Mutex
	why  string
	shut chan struct{} // closed while the gate is
}

func newGate() *gate { return &gate{shut: make(chan struct{})} }

func (g *gate) set(blocked bool, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.isShut()
	switch {
	case blocked && !was:
		close(g.shut)
	case !blocked && was:
		g.shut = make(chan struct{})
	}
	g.why = reason
}

func (g *gate) isShut() bool {
	select {
	case <-g.shut:
		return true
	default:
		return false
	}
}

func (g *gate) reason() (string, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.why, g.isShut()
}

// closing returns a channel that is closed when the gate is.
func (g *gate) closing() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}
