package ws

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/carlware/gochat/chat"
)

// batchBytes is how much is written at once, about: whatever has gathered while
// the last write was under way goes into the next.
const batchBytes = 64 << 10

// pingFrame is a ping without payload.
var pingFrame = []byte{0x89, 0}

// batch is what goes into one write.
type batch struct {
	b    []byte
	ends []int // of the frames in b
	ping bool  // there is a ping in b
	ds   []*chat.Delivery
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func (o *batch) add(frame []byte) {
	o.b = append(o.b, frame...)
	o.ends = append(o.ends, len(o.b))
}

func (o *batch) reset() {
	o.b, o.ends, o.ping = o.b[:0], o.ends[:0], false
	clear(o.ds)
	o.ds = o.ds[:0]
}

func (o *batch) free() {
	o.reset()
	if cap(o.b) <= 4*batchBytes {
		batches.Put(o)
	}
}

// wake is called by the session when there is something to take. It must not
// block, nor call the session.
func (c *conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = true
	c.schedule()
}

// schedule makes sure that the writer runs. c.mu is held. Another way of
// writing needs only this and collect.
func (c *conn) schedule() {
	if c.writing || c.said || c.dead {
		return
	}
	c.writing = true
	c.tasks.Go(c.write)
}

// reply queues a frame for the peer. It waits while too much is queued: the
// reader goes on when the peer has read. The session that a hello made begins
// with its welcome.
func (c *conn) reply(life context.Context, frame []byte) {
	for !c.queue(frame) {
		select {
		case <-c.space:
		case <-life.Done():
			return
		}
	}
}

func (c *conn) queue(frame []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = len(c.replies) > 0 && c.replyBytes+len(frame) > maxReplies
	if c.waiting {
		return false
	}
	c.replies = append(c.replies, frame)
	c.replyBytes += len(frame)
	if c.next != nil {
		c.sess, c.next = c.next, nil
		c.pending = true
		c.clock.expires(c.who.Expires)
		c.arm()
	}
	c.schedule()
	return true
}

// collect moves into o what the connection itself has to say. It returns
// false, and the writer is no more, when there is nothing to do.
func (c *conn) collect(o *batch) (sess *chat.Session, bye *farewell, work bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	work = len(c.replies) > 0 || c.pong != nil || c.pingDue || c.pending || c.bye != nil
	if !work || c.said || c.dead {
		c.writing = false
		return nil, nil, false
	}
	o.reset()
	if c.pong != nil {
		o.add(c.pong)
		c.pong = nil
	}
	if c.pingDue {
		o.add(pingFrame)
		o.ping, c.pingDue = true, false
	}
	for _, r := range c.replies {
		o.add(r)
	}
	c.replies, c.replyBytes, c.pending = nil, 0, false
	select {
	case c.space <- struct{}{}:
	default:
	}
	return c.sess, c.bye, true
}

// write is the writer. Replies come before what the session has queued, so a
// welcome comes before the first event of its session.
func (c *conn) write() {
	o := batches.Get().(*batch)
	defer o.free()
	for {
		sess, bye, work := c.collect(o)
		if !work {
			return
		}
		taken, ended := 0, error(nil)
		if sess != nil {
			if bye != nil {
				sess.Close() // so that what there is to take has an end
			}
			o.ds = sess.Take(o.ds, batchBytes)
			taken = len(o.ds)
			for _, d := range o.ds {
				o.add(d.Frame(encodeDelivery))
			}
			if taken == 0 && bye == nil {
				ended = sess.Err()
			}
		}
		err := c.wire.send(o.b, o.ends, c.h.o.StallTimeout)
		switch {
		case errors.Is(err, errStalled):
			c.end(farewell{codeSlow, "too slow"})
			c.farewell()
			return
		case err != nil:
			c.farewell()
			if !errors.Is(err, net.ErrClosed) { // then a farewell was said, and the peer may still be reading it
				c.cut()
			}
			return
		}
		if o.ping {
			c.pingSent()
		}
		switch {
		case ended != nil:
			c.endOf(sess, ended)
		case taken > 0:
			c.again()
		case bye != nil:
			c.farewell()
			return
		}
	}
}

// again makes the writer look at the session once more: it wakes only when its
// queue stops being empty.
func (c *conn) again() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = true
}

// farewell is the last that is written, and the end of the writer.
func (c *conn) farewell() {
	c.mu.Lock()
	c.said = true
	c.writing = false
	bye, cutAt := c.bye, c.clock.cutAt
	c.mu.Unlock()
	if bye != nil {
		c.wire.farewell(*bye, cutAt)
	}
}
