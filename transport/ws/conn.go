package ws

import (
	"bufio"
	"context"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/carlware/gochat/chat"
)

const (
	requestTimeout = 15 * time.Second // of one request to the hub
	lingerTime     = 2 * time.Second  // from the decision to close until the cut
	maxReplies     = 256 << 10        // bytes of replies that wait to be written
	maxRooms       = 32               // handles of rooms that a connection keeps
)

// conn is one connection. Its reader goroutine takes one request at a time and
// waits until it is served; its shard writes for it, and does what depends on
// time. mu is never held during a call of the hub or of a session, which may wake the connection while they hold
// their own locks.
type conn struct {
	// What each delivery needs comes first, together: see [chat.Session].
	mu         sync.Mutex
	pending    bool // sess may have something
	pingDue    bool
	pongDue    bool
	writing    bool // it is in the shard, or somebody writes for it
	waiting    bool // the reader waits for space in replies
	said       bool // bye was written
	dead       bool // nothing may begin any more
	slow       bool // somebody waits for the peer
	severed    bool // cut
	parked     bool // in the poller, which begins work
	deflates   bool // the peer takes compressed messages; fixed
	sess       *chat.Session
	bye        *farewell
	shard      *shard   // fixed, as h
	replies    [][]byte // frames, in order
	wire       wire     // with locks of its own
	h          *Handler
	replyBytes int
	pong       []byte    // framed
	parting    *farewell // bye after the request at hand
	who        chat.Principal
	addr       netip.Addr // that it counts for, or invalid
	clock      clock
	place      place         // in the shard's wheel, which guards it
	space      chan struct{} // signalled when replies were taken, while waiting
	tasks      sync.WaitGroup

	// These are the reader's, and those of the request that it waits for.
	ws     *websocket.Conn
	br     *bufio.Reader           // that ws reads through
	waits  bool                    // the reader waits within ws; fixed, as polled
	polled bool                    // there is no reader while there is nothing to read
	doing  context.Context         // of the request at hand, and perhaps of the next
	stop   context.CancelCauseFunc // of doing; guarded by mu, nil as long as there is none
	rooms  map[chat.RoomID]chat.Room
	next   *chat.Session // begins with the reply to its hello
	faults window        // faulty frames
	pings  window        // control frames
	limit  run           // requests refused as too many
}

func newConn(h *Handler, p chat.Principal) *conn {
	shard := &h.shards[h.made.Add(1)%uint32(len(h.shards))]
	return &conn{h: h, shard: shard, who: p}
}

// user is who the connection belongs to. It never changes: see extend.
func (c *conn) user() chat.UserID { return c.who.User.ID }

// request serves one frame. A panic ends the connection and not the program, as
// in net/http; then it returns false.
func (c *conn) request(data []byte) bool {
	if f, ok := quick(data); ok {
		return c.safely(func() { c.serve(f) })
	}
	closely := func() bool {
		return c.safely(func() {
			f, fault := decodeClosely(data)
			c.judge(f, fault, len(data))
		})
	}
	fine := false
	if c.waits {
		// On a stack of its own, because this may need much, and the reader's
		// stack is what an idle connection costs most.
		served := make(chan bool)
		go func() { served <- closely() }()
		fine = <-served
	} else {
		fine = closely()
	}
	c.give(context.Canceled) // many connections say hello and then nothing
	return fine
}

// take makes sure that doing is good for a request. c.mu is held.
func (c *conn) take() {
	if c.stop == nil || c.doing.Err() != nil { // the last one took too long
		c.doing, c.stop = context.WithCancelCause(context.Background())
	}
}

// give ends doing.
func (c *conn) give(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop != nil {
		c.stop(cause)
		c.stop = nil
	}
}

func (c *conn) safely(request func()) (fine bool) {
	defer func() {
		if v := recover(); v != nil {
			c.h.o.Logger.Error("ws: panic in a request", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	request()
	return true
}

// finish lets go of everything. The reader calls it, at its end.
func (c *conn) finish() {
	c.mu.Lock()
	c.dead = true
	c.shard.wheel.set(c, time.Time{})
	sess := c.sess
	c.mu.Unlock()
	c.give(context.Canceled)
	c.ws.CloseNow()
	if sess != nil {
		sess.Close()
	}
	if c.next != nil {
		c.next.Close()
	}
	c.tasks.Wait()
	if c.polled {
		c.h.poller.remove(c)
	}
	c.h.gone(c)
}

// lost handles the end of reading.
func (c *conn) lost(err error) {
	switch {
	case websocket.CloseStatus(err) != -1:
		return // the peer said goodbye, and the library answered
	case isTimeout(err):
		c.end(farewell{codeSlow, "a message took too long"})
	case isTooBig(err):
		c.end(farewell{codeTooBig, "the message is too big"})
	default:
		// Broken framing, or the connection is gone and nothing will arrive.
		c.end(farewell{codeProtocol, "the framing is broken"})
	}
	c.linger()
}

// linger reads and drops what comes until the peer closes or the time of the
// farewell is over. Closing at once with unread data would reset the connection,
// and the farewell might never be read.
func (c *conn) linger() {
	c.wire.SetReadDeadline(time.Time{})
	var b [512]byte
	for {
		if _, err := c.wire.Read(b[:]); err != nil {
			return
		}
	}
}

// busy begins a request, unless the connection is ending. The liveness clock
// stands still until idle, because what the peer says is not read meanwhile.
func (c *conn) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bye != nil || c.dead {
		return false
	}
	c.clock.busy = true
	c.clock.requestBy = time.Now().Add(requestTimeout)
	if c.clock.requestBy.Before(c.clock.set) {
		c.arm()
	}
	c.take()
	return true
}

func (c *conn) idle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock.busy, c.clock.requestBy = false, time.Time{}
	c.clock.idleSince = time.Now()
	if c.parting != nil {
		c.endLocked(*c.parting)
	}
}

// end closes the connection: what is queued is sent, then f, and whatever the
// peer does, it is cut after lingerTime. Only the first call counts. It does not
// block.
func (c *conn) end(f farewell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(f)
}

func (c *conn) endLocked(f farewell) {
	if c.bye != nil || c.dead {
		return
	}
	c.bye = &f
	c.clock.cutAt = time.Now().Add(lingerTime)
	c.arm()
	c.schedule()
}

// drain is end after the request that is being served.
func (c *conn) drain(f farewell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clock.busy && !c.waiting {
		c.parting = &f
		return
	}
	c.endLocked(f)
}

// cut ends the connection at once. The reader notices.
func (c *conn) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cutLocked()
}

func (c *conn) cutLocked() {
	c.severed = true
	if c.stop != nil {
		c.stop(context.Canceled)
	}
	c.wire.Close()
	c.unpark()
}

// room returns a handle, which is asked for once: it checks rights anew with
// every use.
func (c *conn) room(ctx context.Context, id chat.RoomID) (chat.Room, error) {
	if r, ok := c.rooms[id]; ok {
		return r, nil
	}
	r, err := c.h.hub.Room(ctx, c.user(), id)
	if err != nil {
		return nil, err
	}
	if c.rooms == nil || len(c.rooms) >= maxRooms {
		c.rooms = map[chat.RoomID]chat.Room{}
	}
	c.rooms[id] = r
	return r, nil
}

// extend takes over a new authentication of the same user and login.
func (c *conn) extend(p chat.Principal) error {
	if !p.Expires.IsZero() && !time.Now().Before(p.Expires) {
		return errUnauthorized
	}
	c.mu.Lock()
	sess := c.sess
	c.mu.Unlock()
	if err := sess.Extend(p); err != nil { // not nil: there is a session before any request but hello
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.who.Expires = p.Expires
	c.clock.expires(p.Expires)
	c.arm()
	return nil
}

// window counts what happens within a time.
type window struct {
	from time.Time
	n    int
}

// over counts one and reports whether there were more than most within d.
func (w *window) over(most int, d time.Duration) bool {
	now := time.Now()
	if now.Sub(w.from) >= d {
		w.from, w.n = now, 0
	}
	w.n++
	return w.n > most
}

// run is something that happens again and again without a pause.
type run struct{ from, last time.Time }

// runPause ends a run.
const runPause = time.Second

// again counts one and reports whether the run is at least d long.
func (r *run) again(d time.Duration) bool {
	now := time.Now()
	if now.Sub(r.last) > runPause {
		r.from = now
	}
	r.last = now
	return now.Sub(r.from) >= d
}
