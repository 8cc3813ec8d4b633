package ws

import (
	"maps"
	"slices"
)

// Stats is what a [Handler] is at, for pages that show how a service does and
// for metrics.
type Stats struct {
	Conns    int `json:"conns"`    // connections, those that are ending included
	Sessions int `json:"sessions"` // of them that have said hello
	Ending   int `json:"ending"`   // of them that are being closed
	Slow     int `json:"slow"`     // of them whose peers take less than there is to send

	Queued      int `json:"queued"`       // events, notices and replies that wait to be written
	QueuedBytes int `json:"queued_bytes"` // about how much memory they take; shared ones count for each connection
	Longest     int `json:"longest"`      // the largest QueuedBytes of one connection

	Draining bool    `json:"draining"` // Shutdown has begun
	Refused  Refused `json:"refused"`  // since the handler was made
}

// Refused counts who was not let in because of [Limits].
type Refused struct {
	Full       uint64 `json:"full"`        // Conns and Rate
	TooFast    uint64 `json:"too_fast"`    // UserRate and AddressRate
	PerUser    uint64 `json:"per_user"`    // PerUser
	PerAddress uint64 `json:"per_address"` // PerAddress
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
