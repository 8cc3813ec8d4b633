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
// first frame on, however it is cut into frames. The caller gives the data back
// with putBuffer.
func (c *conn) message() (websocket.MessageType, []byte, error) {
	// Without a context: the end of one would close the connection, and
	// watching it is dear.
	typ, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return 0, nil, err
	}
	c.wire.SetReadDeadline(time.Now().Add(c.h.o.StallTimeout))
	data := getBuffer()
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			putBuffer(data)
			return 0, nil, err
		}
	}
	c.wire.SetReadDeadline(time.Time{})
	return typ, data, nil
}

func isTooBig(err error) bool { return errors.Is(err, websocket.ErrMessageTooBig) }

// keepBuffer is the largest buffer that is kept for the next message.
const keepBuffer = 16 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }}

func getBuffer() []byte { return (*buffers.Get().(*[]byte))[:0] }

func putBuffer(b []byte) {
	if cap(b) <= keepBuffer {
		buffers.Put(&b)
	}
}

// refuse returns how to end the connection because of the kind of message.
func (c *conn) refuse(typ websocket.MessageType, data []byte) *farewell {
	switch {
	case typ != websocket.MessageText:
		return &farewell{codeUnsupported, "frames are text"}
	case !utf8.Valid(data):
		return &farewell{codeBadText, "text is UTF-8"}
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

// serve answers one frame.
func (c *conn) serve(life context.Context, data []byte) {
	f, fault := decode(data)
	if len(data) > maxFrame && (f.kind == nil || !f.kind.hello) {
		c.end(farewell{codeTooBig, "the frame is longer than 64 KiB"})
		return
	}
	if fault != nil {
		c.fault(life, f, fault)
		return
	}
	if !f.kind.hello && !c.connected() {
		c.reply(life, errorFrame(f.id, &chat.Error{Code: "bad_request", Field: "type", Message: "Say hello first."}))
		c.end(farewell{codePolicy, "the first frame is hello"})
		return
	}
	ctx, cancel := context.WithTimeout(life, requestTimeout)
	defer cancel()
	o := ok(f.id)
	err := f.body.serve(ctx, c, f.id, &o)
	switch {
	case f.id == "": // wants no reply
	case err == nil:
		c.reply(life, o.frame())
	default:
		e := replyError(err)
		if e.Code == "internal" {
			c.h.o.Logger.Error("ws: request failed", "type", f.typ, "user", c.user(), "err", err)
		}
		c.reply(life, errorFrame(f.id, e))
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
func (c *conn) fault(life context.Context, f frame, fault *chat.Error) {
	if f.id != "" || f.kind == nil || !f.kind.silent || fault.Field == "id" {
		c.reply(life, errorFrame(f.id, fault))
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
