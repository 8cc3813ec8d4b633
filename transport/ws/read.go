package ws

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/carlware/gochat/chat"
)

// Floods that end a connection.
const (
	maxControl = 20 // pings and pongs in a second
	maxFaults  = 10 // faulty frames in a minute

	maxLimited = 10 * time.Second // of requests that are refused as too many, without a pause
)

// message reads one whole message within the time that it may take from its
// first frame on, however it is cut into frames. The caller gives the buffer
// back with putBuffer.
func (c *conn) message() (websocket.MessageType, *[]byte, error) {
	// Without a context: the end of one would close the connection, and
	// watching it is dear.
	typ, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return 0, nil, err
	}
	c.wire.hurry(c.h.o.StallTimeout)
	defer c.wire.relax()
	buf := buffers.Get().(*[]byte)
	for data := (*buf)[:0]; ; {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		*buf = data
		if err == io.EOF {
			return typ, buf, nil
		}
		if err != nil {
			putBuffer(buf)
			return 0, nil, err
		}
	}
}

func isTooBig(err error) bool { return errors.Is(err, websocket.ErrMessageTooBig) }

// keepBuffer is the largest buffer that is kept for the next message.
const keepBuffer = 16 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }}

func putBuffer(buf *[]byte) {
	if cap(*buf) <= keepBuffer {
		buffers.Put(buf)
	}
}

// refuse returns how to end the connection because of the kind of message.
func (c *conn) refuse(typ websocket.MessageType, data []byte) *farewell {
	switch {
	case typ != websocket.MessageText:
		return &farewell{codeUnsupported, "frames are text"}
	case !utf8.Valid(data):
		return &badText
	}
	return nil
}

// pinged is called by the reader for a ping of the peer. Its pong is the next
// that is written, and one answer is enough for several pings (RFC 6455,
// section 5.5.3), so a peer that never reads costs no memory.
func (c *conn) pinged(_ context.Context, payload []byte) bool {
	if c.pings.over(maxControl, time.Second) {
		c.end(farewell{codeFlood, "too many pings"})
		return false
	}
	pong := append([]byte{0x8a, byte(len(payload))}, payload...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pong, c.pongDue = pong, true
	c.schedule()
	return false // the library is not to answer: it would block the reader
}

// ponged needs to do nothing but count: see wire.heard.
func (c *conn) ponged(context.Context, []byte) {
	if c.pings.over(maxControl, time.Second) {
		c.end(farewell{codeFlood, "too many pongs"})
	}
}

// judge answers one frame of size bytes that decoding may have found faulty.
func (c *conn) judge(f frame, fault *chat.Error, size int) {
	switch {
	case size > maxFrame && (f.kind == nil || !f.kind.hello):
		c.end(farewell{codeTooBig, "the frame is longer than 64 KiB"})
	case fault != nil:
		c.fault(f, fault)
	default:
		c.serve(f)
	}
}

// serve answers one request.
func (c *conn) serve(f frame) {
	if !f.kind.hello && !c.connected() {
		c.reply(errorFrame(f.id, &chat.Error{Code: "bad_request", Field: "type", Message: "Say hello first."}))
		c.end(farewell{codePolicy, "the first frame is hello"})
		return
	}
	var o object
	if f.id != "" {
		o = ok(f.id)
	}
	err := f.body.serve(c.doing, c, f.id, &o)
	switch {
	case f.id == "": // wants no reply
	case err == nil:
		c.reply(o.frame())
	default:
		if errors.Is(err, context.Canceled) {
			err = errors.Join(err, context.Cause(c.doing)) // it may be for the time
		}
		e := replyError(err)
		if e.Code == "internal" {
			c.h.o.Logger.Error("ws: request failed", "type", f.typ, "user", c.user(), "err", err)
		}
		c.reply(errorFrame(f.id, e))
		if f.kind.hello {
			c.end(farewellFor(err))
		}
		if e.Code == "rate_limited" && c.limit.again(maxLimited) {
			c.end(farewell{codeFlood, "too many requests"})
		}
	}
}

// fault answers a faulty frame. Many of them are an attack, or a client that
// must be repaired.
func (c *conn) fault(f frame, fault *chat.Error) {
	if f.id != "" || f.kind == nil || !f.kind.silent || fault.Field == "id" {
		c.reply(errorFrame(f.id, fault))
	}
	if c.faults.over(maxFaults-1, time.Minute) {
		c.end(farewell{codeFlood, "too many faulty frames"})
	}
}

// connected reports whether there was a hello.
func (c *conn) connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sess != nil
}

// serve of hello begins a session. A former one ends before, so that nothing of
// it is sent after the new welcome.
func (r *helloRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	c.mu.Lock()
	old, who := c.sess, c.who
	c.sess = nil
	c.clock.helloBy = time.Time{} // it has come; how long the hub takes is not the client's fault
	c.mu.Unlock()
	if old != nil {
		old.Close()
	}
	sess, err := c.h.hub.Connect(ctx, who, &chat.SessionOptions{Epoch: r.Epoch, Rooms: r.Rooms, Wake: c.wake})
	if err != nil {
		return err
	}
	w := sess.Welcome()
	*o = begin("welcome")
	o.welcome(id, &w)
	c.next = sess // it begins with the reply
	return nil
}
