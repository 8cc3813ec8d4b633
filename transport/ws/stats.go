package ws

import (
	"maps"
	"slices"
)

// Stats is what a [Handler] is at, for pages that show how a service does and
// for metrics.
type Stats struct {
	Conns    int // connections, those that are ending included
	Sessions int // of them that have said hello
	Ending   int // of them that are being closed
	Slow     int // of them whose peers take less than there is to send

	Queued      int // events, notices and replies that wait to be written
	QueuedBytes int // about how much memory they take; shared ones count for each connection
	Longest     int // the largest QueuedBytes of one connection

	Draining bool    // Shutdown has begun
	Refused  Refused // since the handler was made
}

// Refused counts who was not let in because of [Limits].
type Refused struct {
	Full       uint64 // Conns and Rate
	TooFast    uint64 // UserRate and AddressRate
	PerUser    uint64 // PerUser
	PerAddress uint64 // PerAddress
}

// Stats looks at each connection, so it takes about a millisecond for 10,000
// of them. It holds nobody up meanwhile.
func (h *Handler) Stats() Stats {
	h.mu.Lock()
	conns := slices.Collect(maps.Keys(h.conns))
	st := Stats{Conns: len(conns), Draining: h.draining}
	h.mu.Unlock()
	h.gate.mu.Lock()
	st.Refused = h.gate.refused
	h.gate.mu.Unlock()
	for _, c := range conns {
		c.count(&st)
	}
	return st
}

func (c *conn) count(st *Stats) {
	c.mu.Lock()
	sess, n, bytes := c.sess, len(c.replies), c.replyBytes
	if c.bye != nil {
		st.Ending++
	}
	if c.slow {
		st.Slow++
	}
	c.mu.Unlock()
	if sess != nil {
		st.Sessions++
		deliveries, size := sess.Queued() // not under c.mu: a session wakes the connection under its own lock
		n, bytes = n+deliveries, bytes+size
	}
	st.Queued += n
	st.QueuedBytes += bytes
	st.Longest = max(st.Longest, bytes)
}
