package ws

import (
	"errors"
	"net"
	"sync"
	"time"

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
	done int   // how much of b was written
	ds   []*chat.Delivery

	ping time.Time     // when a ping was put into b, or zero
	last bool          // b ends with the farewell
	sess *chat.Session // that has ended with err, if err is not nil
	err  error
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func (o *batch) add(frame []byte) {
	o.b = append(o.b, frame...)
	o.ends = append(o.ends, len(o.b))
}

// reset empties o. It keeps no more memory than usual batches need.
func (o *batch) reset() {
	clear(o.ds)
	if cap(o.b) > 2*batchBytes {
		*o = batch{}
	}
	*o = batch{b: o.b[:0], ends: o.ends[:0], ds: o.ds[:0]}
}

func (o *batch) free() {
	o.reset()
	batches.Put(o)
}

// wake is called by the session when there is something to take. It must not
// block, nor call the session.
func (c *conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = true
	c.schedule()
}

// schedule makes sure that what is pending gets written. c.mu is held.
func (c *conn) schedule() {
	if c.writing || c.said || c.dead {
		return
	}
	c.writing = true
	c.shard.add(c)
}

// reply queues a frame for the peer. It waits while too much is queued: the
// reader goes on when the peer has read. The session that a hello made begins
// with its welcome.
func (c *conn) reply(frame []byte) {
	if c.deflates {
		if z := deflated(frame, minDeflateReply); z != nil {
			frame = z
		}
	}
	for {
		full := c.queue(frame)
		if full == nil {
			return
		}
		select {
		case <-full:
		case <-c.doing.Done():
			return
		}
	}
}

// queue returns nil, or what is signalled when there is space again.
func (c *conn) queue(frame []byte) (full chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = len(c.replies) > 0 && c.replyBytes+len(frame) > maxReplies
	if c.waiting {
		if c.doing.Err() != nil && !c.severed {
			c.take() // the request's time is over, but not that of its reply
		}
		if c.space == nil {
			c.space = make(chan struct{}, 1)
		}
		return c.space
	}
	c.space = nil
	c.replies = append(c.replies, frame)
	c.replyBytes += len(frame)
	if c.next != nil {
		c.sess, c.next = c.next, nil
		c.pending = true
		c.clock.expires(c.who.Expires)
		c.arm()
	}
	c.schedule()
	return nil
}

// owes reports whether there is something to write. c.mu is held.
func (c *conn) owes() bool {
	return c.pending || len(c.replies) > 0 || c.pongDue || c.pingDue || c.bye != nil
}

// fill moves what is pending into o. It returns false, and nobody writes for
// the connection any more, when there is nothing. Replies come before what the
// session has queued, so a welcome comes before the first event of its session.
func (c *conn) fill(o *batch) bool {
	sess, bye, work := c.collect(o)
	if !work {
		return false
	}
	taken := 0
	if sess != nil {
		if bye != nil {
			sess.Close() // so that what there is to take has an end
		}
		o.ds = sess.Take(o.ds, batchBytes)
		taken = len(o.ds)
		for _, d := range o.ds {
			o.add(formOf(d.Frame(c.shard.encode), c.deflates))
		}
		if taken == 0 && bye == nil {
			o.sess, o.err = sess, sess.Err()
		}
	}
	if bye != nil && taken == 0 {
		o.add(bye.frame())
		o.last = true
	}
	return true
}

// collect moves into o what the connection itself has to say. sess is nil when
// it has nothing.
func (c *conn) collect(o *batch) (sess *chat.Session, bye *farewell, work bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.owes() || c.said || c.dead {
		c.writing, c.slow = false, false
		return nil, nil, false
	}
	o.reset()
	if c.pongDue {
		o.add(c.pong)
		c.pong, c.pongDue = nil, false
	}
	if c.pingDue {
		o.add(pingFrame)
		o.ping, c.pingDue = time.Now(), false
	}
	if len(c.replies) > 0 {
		for _, r := range c.replies {
			o.add(r)
		}
		c.replies, c.replyBytes = nil, 0
		if c.space != nil {
			select {
			case c.space <- struct{}{}:
			default:
			}
		}
	}
	if c.pending || c.bye != nil {
		sess = c.sess
	}
	c.pending = false
	return sess, c.bye, true
}

// flush is a turn of the shard's worker: one write that does not wait. What
// can't be written at once is for drag, together with o; then it returns true.
func (c *conn) flush(o *batch) (gone bool) {
	if !c.fill(o) {
		return false
	}
	n, err := c.wire.try(o.b, o.last)
	switch {
	case err != nil:
		c.failed(err)
	case n < len(o.b):
		o.done = n
		return c.beginDrag(o)
	case c.wrote(o):
		c.shard.add(c) // behind the others
	}
	return false
}

// drag writes for a connection that takes its time, waiting for it, until
// nothing is left.
func (c *conn) drag(o *batch) {
	defer o.free()
	for {
		if err := c.wire.send(o, c.h.o.StallTimeout); err != nil {
			c.failed(err)
			return
		}
		if !c.wrote(o) || !c.fill(o) {
			return
		}
	}
}

// beginDrag leaves o to a goroutine of the connection, unless that has ended.
func (c *conn) beginDrag(o *batch) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead { // finish may be waiting for tasks
		c.writing = false
		return false
	}
	c.slow = c.wire.direct() // else it is only the kind of connection
	c.tasks.Go(func() { c.drag(o) })
	return true
}

// wrote is told that o was written. It reports whether there is more to write;
// if not, nobody writes for the connection any more.
func (c *conn) wrote(o *batch) (more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !o.ping.IsZero() {
		c.pingSent(o.ping)
	}
	if o.err != nil && o.sess == c.sess {
		c.endLocked(farewellFor(o.err))
	}
	c.said = o.last
	c.writing = !c.said && c.owes()
	c.slow = c.slow && c.writing
	return c.writing
}

// failed handles the end of writing.
func (c *conn) failed(err error) {
	stalled := errors.Is(err, errStalled)
	if stalled {
		c.end(farewell{codeSlow, "too slow"})
	}
	c.mu.Lock()
	c.said, c.writing, c.slow = true, false, false
	bye, cutAt := c.bye, c.clock.cutAt
	c.mu.Unlock()
	switch {
	case stalled && bye != nil:
		c.wire.farewell(*bye, cutAt) // waits, but only drag finds a stall
	case errors.Is(err, net.ErrClosed): // a farewell was said, and the peer may still be reading it
	default:
		c.cut()
	}
}
