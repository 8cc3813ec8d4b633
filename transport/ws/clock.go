package ws

import (
	"context"
	"time"
)

const (
	warning = 60 * time.Second // before the login ends, the client is told
	grace   = 25 * time.Second // after it, before the connection ends
)

// clock is what depends on time on a connection. The wheel of its shard calls
// tick when it is due. The zero time means never. conn.mu guards it.
type clock struct {
	helloBy  time.Time
	pingAt   time.Time
	pingedAt time.Time
	pongBy   time.Time
	warnAt   time.Time
	expireAt time.Time
	expiry   time.Time // of the login
	cutAt    time.Time

	set       time.Time // what the wheel was set to
	requestBy time.Time // the request at hand is given up

	busy      bool      // the reader is at a request and does not read
	idleSince time.Time // when it began to read again
}

// expires sets when the login ends.
func (k *clock) expires(at time.Time) {
	k.expiry, k.warnAt, k.expireAt = at, time.Time{}, time.Time{}
	if !at.IsZero() {
		k.warnAt, k.expireAt = at.Add(-warning), at.Add(grace)
	}
}

// begin starts the clock.
func (c *conn) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.clock.idleSince = now
	c.clock.helloBy = now.Add(c.h.o.HelloTimeout)
	c.clock.pingAt = now.Add(c.h.o.PingInterval)
	c.arm()
}

// arm sets the wheel to what comes next. c.mu is held.
func (c *conn) arm() {
	k := &c.clock
	next := k.cutAt
	times := [...]time.Time{k.requestBy, k.helloBy, k.pingAt, k.pongBy, k.warnAt, k.expireAt}
	if c.bye != nil {
		clear(times[1:])
	}
	for _, at := range times {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	k.set = next
	c.shard.wheel.set(c, next)
}

// tick does what is due.
func (c *conn) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return
	}
	k := &c.clock
	now := time.Now()
	due := func(at time.Time) bool { return !at.IsZero() && !now.Before(at) }
	if due(k.requestBy) {
		k.requestBy = time.Time{}
		c.stop(context.DeadlineExceeded) // not nil, there is one
	}
	switch {
	case due(k.cutAt):
		c.cutLocked()
		return
	case c.bye != nil:
	case due(k.expireAt):
		c.endLocked(farewell{codeExpired, "the login has expired"})
		return
	case due(k.helloBy):
		c.endLocked(farewell{codePolicy, "no hello in time"})
		return
	case due(k.pongBy) && !c.heard(now):
		c.endLocked(farewell{codeNoPong, "no answer to a ping"})
		return
	}
	if c.bye == nil && due(k.warnAt) {
		k.warnAt = time.Time{}
		c.replies = append(c.replies, expiringFrame(k.expiry))
		c.schedule()
	}
	if c.bye == nil && due(k.pingAt) {
		k.pingAt = now.Add(c.h.o.PingInterval)
		c.pingDue = true
		c.schedule()
	}
	c.arm()
}

// pingSent begins the wait for the answer to a ping. Before, the ping may have
// waited behind much else for a slow peer; whether that peer gets on at all is
// judged by the writer. What was heard after began, when the write of the ping
// did, may be its answer: it can be there before the writer is. c.mu is held.
func (c *conn) pingSent(began time.Time) {
	if c.dead {
		return
	}
	c.clock.pingedAt = began
	c.clock.pongBy = time.Now().Add(c.h.o.PongTimeout)
	c.arm()
}

// heard reports whether the peer has answered the last ping, and else puts off
// the decision while the reader has not read long enough to know. Anything that
// was read is an answer.
func (c *conn) heard(now time.Time) bool {
	k := &c.clock
	wait := c.h.o.PongTimeout
	switch {
	case !c.wire.lastHeard().Before(k.pingedAt):
		k.pongBy = time.Time{}
	case k.busy:
		k.pongBy = now.Add(wait)
	case k.idleSince.Add(wait).After(now):
		k.pongBy = k.idleSince.Add(wait)
	default:
		return false
	}
	return true
}

// expiringFrame is the notice that a new token is wanted.
func expiringFrame(at time.Time) []byte {
	o := begin("notice")
	o.str("kind", "auth_expiring")
	o.time("expires", at)
	return o.frame()
}
