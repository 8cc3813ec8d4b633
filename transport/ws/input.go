package ws

import (
	"context"
	"errors"
)

// errLater: there is nothing to read now.
var errLater = errors.New("ws: nothing to read yet")

// live begins the reading of a connection, in one of three ways: by the
// handler's poller, without a goroutine; by a goroutine that waits on a small
// stack; or, where reading can't be tried without waiting, by one that reads.
func (c *conn) live() {
	switch {
	case !c.wire.direct() || !canWait:
		c.waits = true
		go c.read()
	case c.h.poller != nil && c.h.poller.add(c):
		c.polled = true
		go c.work()
	default:
		go c.attended()
	}
}

// attend waits for something to read.
func (c *conn) attend() {
	if c.wire.socket.wait() != nil {
		c.finish()
		return
	}
	c.attended()
}

// attended serves what there is to read. The stack that this needs goes with it:
// it is what an idle connection would cost most. Another one waits on.
func (c *conn) attended() {
	if !c.turn() {
		c.finish()
		return
	}
	go c.attend()
}

// work serves what there is to read, and then leaves the connection to the
// poller again.
func (c *conn) work() {
	for c.turn() {
		if c.park() {
			return
		}
	}
	c.finish()
}

// park makes the connection wait in the poller, unless it was cut.
func (c *conn) park() bool {
	c.mu.Lock()
	c.parked = !c.severed
	parked := c.parked
	c.mu.Unlock()
	if parked {
		c.h.poller.arm(c)
	}
	return parked
}

// unpark takes it out of there. c.mu is held.
func (c *conn) unpark() {
	if c.parked {
		c.parked = false
		go c.work()
	}
}

// read is the life of a connection that is read by waiting.
func (c *conn) read() {
	defer c.finish()
	for c.one() {
	}
}

// turn serves all messages that have come, or at least begun to. It returns
// false when the connection has ended.
func (c *conn) turn() bool {
	c.wire.readAhead(true)
	defer c.wire.readAhead(false)
	for c.come() {
		if !c.one() {
			return false
		}
	}
	return true
}

// come reports whether there is something for the library to read, a message or
// how the connection ends. Pings and pongs it handles itself: the library would
// wait for what comes behind them.
func (c *conn) come() bool {
	c.wire.lazy = true
	defer func() { c.wire.lazy = false }()
	for {
		b, err := c.br.Peek(2)
		if err != nil {
			return !errors.Is(err, errLater)
		}
		const masked, mask = 0x80, 4
		n := int(b[1] &^ masked)
		if b[0] != 0x89 && b[0] != 0x8a || b[1]&masked == 0 || n > 125 {
			c.wire.hurry(c.h.o.StallTimeout) // the header may be in pieces, too
			return true
		}
		b, err = c.br.Peek(2 + mask + n)
		if err != nil {
			return !errors.Is(err, errLater)
		}
		var payload [125]byte
		for i, x := range b[2+mask:] {
			payload[i] = x ^ b[2+i%mask]
		}
		ping := b[0] == 0x89
		_, _ = c.br.Discard(len(b)) // it was peeked at
		if ping {
			c.pinged(context.Background(), payload[:n])
		} else {
			c.ponged(context.Background(), payload[:n])
		}
	}
}

// one reads and serves one message. It returns false when the connection has
// ended.
func (c *conn) one() bool {
	typ, buf, err := c.message()
	if err != nil {
		c.lost(err)
		return false
	}
	defer putBuffer(buf)
	if f := c.refuse(typ, *buf); f != nil {
		c.end(*f)
		return true
	}
	if !c.busy() {
		return true
	}
	fine := c.request(*buf)
	c.idle()
	if !fine {
		c.end(farewell{codeInternal, "something went wrong on our side"})
		c.linger()
	}
	return fine
}
