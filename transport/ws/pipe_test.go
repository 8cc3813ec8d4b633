package ws

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipe is one end of a connection in memory that, unlike [net.Pipe], holds
// some bytes, as a socket does.
type pipe struct {
	in, out *stream
	read    deadline
	write   deadline
}

func newPipe(size int) (a, b *pipe) {
	x, y := newStream(size), newStream(size)
	return &pipe{in: x, out: y, read: newDeadline(), write: newDeadline()}, &pipe{in: y, out: x, read: newDeadline(), write: newDeadline()}
}

func (p *pipe) Read(b []byte) (int, error)  { return p.in.read(b, &p.read) }
func (p *pipe) Write(b []byte) (int, error) { return p.out.write(b, &p.write) }

func (p *pipe) Close() error {
	p.in.end()
	p.out.end()
	return nil
}

func (p *pipe) LocalAddr() net.Addr  { return pipeAddr{} }
func (p *pipe) RemoteAddr() net.Addr { return pipeAddr{} }

func (p *pipe) SetDeadline(t time.Time) error {
	p.read.set(t)
	p.write.set(t)
	return nil
}

func (p *pipe) SetReadDeadline(t time.Time) error  { p.read.set(t); return nil }
func (p *pipe) SetWriteDeadline(t time.Time) error { p.write.set(t); return nil }

// deadline is a time that can be changed while somebody waits for it.
type deadline struct {
	mu      *sync.Mutex
	at      *time.Time
	changed *chan struct{}
}

func newDeadline() deadline {
	ch := make(chan struct{})
	return deadline{new(sync.Mutex), new(time.Time), &ch}
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*d.at = t
	close(*d.changed)
	*d.changed = make(chan struct{})
}

func (d *deadline) get() (time.Time, chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return *d.at, *d.changed
}

// stream is one direction.
type stream struct {
	mu      sync.Mutex
	buf     []byte
	size    int
	ended   bool
	changed chan struct{}
}

func newStream(size int) *stream { return &stream{size: size, changed: make(chan struct{})} }

// change tells who waits. s.mu is held.
func (s *stream) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended = true
		s.change()
	}
}

func (s *stream) read(b []byte, d *deadline) (int, error) {
	for {
		s.mu.Lock()
		if n := copy(b, s.buf); n > 0 {
			s.buf = s.buf[n:]
			s.change()
			s.mu.Unlock()
			return n, nil
		}
		ended, changed := s.ended, s.changed
		s.mu.Unlock()
		if ended {
			return 0, io.EOF
		}
		if err := wait(changed, d); err != nil {
			return 0, err
		}
	}
}

func (s *stream) write(b []byte, d *deadline) (int, error) {
	done := 0
	for {
		s.mu.Lock()
		if s.ended {
			s.mu.Unlock()
			return done, io.ErrClosedPipe
		}
		if n := min(len(b)-done, s.size-len(s.buf)); n > 0 {
			s.buf = append(s.buf, b[done:done+n]...)
			done += n
			s.change()
		}
		changed := s.changed
		s.mu.Unlock()
		if done == len(b) {
			return done, nil
		}
		if err := wait(changed, d); err != nil {
			return done, err
		}
	}
}

func wait(changed chan struct{}, d *deadline) error {
	for {
		at, moved := d.get()
		var timer <-chan time.Time
		if !at.IsZero() {
			if time.Until(at) <= 0 {
				return os.ErrDeadlineExceeded
			}
			timer = time.After(time.Until(at))
		}
		select {
		case <-changed:
			return nil
		case <-moved:
		case <-timer:
		}
	}
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "chat.test" }

// lagging is a connection whose writer learns late that it has written a ping.
type lagging struct {
	net.Conn
	lag time.Duration
}

func (c *lagging) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if bytes.Equal(b, pingFrame) {
		time.Sleep(c.lag)
	}
	return n, err
}

// pipeListener is a listener whose connections are pipes.
type pipeListener struct {
	size   int           // of the buffers
	lag    time.Duration // before the write of a ping returns
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener(size int) *pipeListener {
	return &pipeListener{size: size, conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	server, client := newPipe(l.size)
	select {
	case l.conns <- &lagging{server, l.lag}:
		return client, nil
	case <-l.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }
