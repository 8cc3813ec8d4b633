package ws

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// wire is the network connection under a WebSocket. The library reads from it
// and answers broken framing and the peer's close frame through Write; all that
// the connection has to say goes past the library, already framed, many frames
// in one write. That is sound because a control frame of the library always
// comes as one Write: it is at most 127 bytes, and its buffer has 128.
type wire struct {
	mu     sync.Mutex // one Write, try, send or farewell at a time
	owed   bool       // try has written a part, which send goes on with
	ended  bool       // a close frame was written, or can't be any more
	out    outlet
	socket socket // out, if it can be
	torn   []byte // the rest of a frame that was not written before the stall

	net.Conn
	heard atomic.Int64 // when something was read last, in ns since began
	began time.Time
	early []byte // read already: behind the request by net/http, or part of ahead
	ahead *ahead // what is read through, or nil; see [wire.readAhead]

	within  time.Duration // see hurry
	hurried bool          // there is a deadline
	lazy    bool          // do not wait: fail with errLater
	dry     bool          // the last Read got all there was
}

// ahead is where a connection that has something to read finds more than what is
// asked for, so that many small messages take one system call.
type ahead [4 << 10]byte

var aheads = sync.Pool{New: func() any { return new(ahead) }}

func (w *wire) init(nc net.Conn) {
	w.Conn, w.out, w.began = nc, patient{}, time.Now()
	if w.socket.init(nc) {
		w.out = &w.socket
	}
}

// direct reports whether bytes may get out without waiting.
func (w *wire) direct() bool { return w.out == &w.socket }

// bufferSize is that of the buffer that the library reads through. Long messages
// are read past it.
const bufferSize = 256

// sendBuffer is how much the kernel is to hold for a slow peer.
const sendBuffer = 64 << 10

// Read is called by the reader of the connection only.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.early) == 0 {
		if w.ahead == nil || len(p) >= len(w.ahead) {
			return w.fetch(p)
		}
		n, err := w.fetch(w.ahead[:])
		if n == 0 {
			return 0, err
		}
		w.early = w.ahead[:n] // an error comes again
	}
	n := copy(p, w.early)
	w.early = w.early[n:]
	if len(w.early) == 0 {
		w.early = nil
	}
	return n, nil
}

// fetch reads from the network.
func (w *wire) fetch(p []byte) (n int, err error) {
	switch {
	case w.lazy && w.dry: // what has come since will be waited for
		return 0, errLater
	case w.lazy:
		n, err = w.socket.read(p)
		if n == 0 && err == nil {
			err = io.EOF
		}
	default:
		if w.within > 0 { // the rest of the message has not come yet
			w.Conn.SetReadDeadline(time.Now().Add(w.within))
			w.within, w.hurried = 0, true
		}
		n, err = w.Conn.Read(p)
	}
	if n > 0 {
		w.heard.Store(int64(time.Since(w.began)))
	}
	w.dry = n < len(p)
	return n, err
}

// readAhead is called by the reader when there is something to read, and again,
// with false, when it has read all.
func (w *wire) readAhead(on bool) {
	w.dry = false
	if on {
		w.ahead = aheads.Get().(*ahead)
		return
	}
	aheads.Put(w.ahead) // early is empty, or the connection has ended
	w.early, w.ahead = nil, nil
}

// hurry gives what is read from now on, a message, so much time in all. It is
// called by the reader, as relax is, which ends it.
func (w *wire) hurry(within time.Duration) {
	if !w.hurried {
		w.within = within
	}
}

func (w *wire) relax() {
	if w.hurried {
		w.Conn.SetReadDeadline(time.Time{})
	}
	w.within, w.hurried = 0, false
}

// Close ends the connection at once, whoever reads or writes.
func (w *wire) Close() error {
	w.out.close()
	return w.Conn.Close()
}

// lastHeard returns when something was read last.
func (w *wire) lastHeard() time.Time { return w.began.Add(time.Duration(w.heard.Load())) }

// libraryWrite bounds a Write of the library.
const libraryWrite = 2 * time.Second

// Write is called by the library only, with one control frame: a close frame,
// since the connection answers pings itself. The library answers a close frame
// with the same code and reason, and does not mind when the reason is not UTF-8;
// such a peer is told so (RFC 6455, section 8.1).
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended || w.owed || w.torn != nil {
		return len(p), nil // the farewell has been said, or can't be now
	}
	w.ended = true
	w.Conn.SetWriteDeadline(time.Now().Add(libraryWrite))
	defer w.closeWrite()
	const head = 4 // opcode, length, code
	if len(p) > head && !utf8.Valid(p[head:]) {
		if _, err := w.Conn.Write(badText.frame()); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	return w.Conn.Write(p)
}

// closeWrite tells the peer that nothing follows the close frame, so that it
// need not wait for us to hang up: we wait for it, lest the frame gets lost in a
// reset.
func (w *wire) closeWrite() {
	if c, ok := w.Conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // else the peer waits a little longer
	}
}

// errStalled: the peer took nothing for the time allowed.
var errStalled = errors.New("ws: no progress in writing")

// try writes whole frames, as much of them as goes without waiting. When that is
// not all, send must follow. last says that they end with a close frame.
func (w *wire) try(b []byte, last bool) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return 0, net.ErrClosed
	}
	n, err := w.out.try(b)
	w.owed = n < len(b)
	if err == nil && last && !w.owed {
		w.ended = true
		w.closeWrite()
	}
	return n, err
}

// send writes what is left of o, and waits as long as it goes on. It fails with
// errStalled when nothing at all could be written for stall, or a quarter more: a
// peer that is slow but takes something is waited for. After that only farewell
// may follow.
func (w *wire) send(o *batch, stall time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return net.ErrClosed
	}
	moved := time.Now()
	for o.done < len(o.b) {
		w.Conn.SetWriteDeadline(time.Now().Add(stall / 4))
		n, err := w.Conn.Write(o.b[o.done:])
		o.done += n
		now := time.Now()
		switch {
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case n > 0:
			moved = now
		case now.Sub(moved) >= stall:
			end := o.ends[slices.IndexFunc(o.ends, func(end int) bool { return end >= o.done })]
			w.torn = append([]byte{}, o.b[o.done:end]...) // not nil, even if empty
			return errStalled
		}
	}
	w.owed = false
	w.Conn.SetWriteDeadline(time.Time{}) // try would fail after it
	if o.last {
		w.ended = true
		w.closeWrite()
	}
	return nil
}

// farewell writes a close frame, behind what is left of a frame that stalled,
// and is the last to write. It gives up at the deadline.
func (w *wire) farewell(f farewell, deadline time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	w.ended = true
	w.Conn.SetWriteDeadline(deadline)
	_, _ = w.Conn.Write(append(w.torn, f.frame()...)) // if it fails the peer learns nothing, and is cut
	w.closeWrite()
}

// hijacker is a ResponseWriter that gives the library a wire instead of the
// bare connection, with small buffers.
type hijacker struct {
	http.ResponseWriter
	wire *wire
	br   *bufio.Reader // of the library
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if err := nc.SetDeadline(time.Time{}); err != nil {
		nc.Close()
		return nil, nil, err
	}
	if tcp, ok := nc.(*net.TCPConn); ok {
		// By default the kernel takes megabytes for a peer that reads nothing,
		// and a ping waits behind all of them.
		_ = tcp.SetWriteBuffer(sendBuffer) // else pings are less exact
	}
	w := h.wire
	w.init(nc)
	if n := rw.Reader.Buffered(); n > 0 {
		b, _ := rw.Reader.Peek(n)
		w.early = append(w.early, b...)
	}
	h.br = bufio.NewReaderSize(w, bufferSize)
	return w, bufio.NewReadWriter(h.br, bufio.NewWriterSize(w, 128)), nil
}

// canHijack reports whether Hijack will find what it needs, before an answer is
// written.
func canHijack(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case http.Hijacker:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

// WriteHeader also makes frameworks send the header that put it off until the
// first write of a body: Hijack would lose it.
func (h *hijacker) WriteHeader(status int) {
	h.ResponseWriter.WriteHeader(status)
	if now, ok := h.ResponseWriter.(interface{ WriteHeaderNow() }); ok {
		now.WriteHeaderNow()
	}
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}
