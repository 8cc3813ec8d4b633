package ws

import (
	"net"
	"os"
	"sync"
	"syscall"
)

// canWait: sockets can be waited for without reading.
const canWait = true

// wait returns when there is something to read, or an error when there never
// will be.
func (s *socket) wait() error { return s.raw.Read(s.peek) }

// ready reports whether there is something to read.
func (s *socket) ready(fd uintptr) bool {
	var b [1]byte
	for {
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if err != syscall.EINTR {
			return err != syscall.EAGAIN
		}
	}
}

// read reads what there is, or fails with errLater.
func (s *socket) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	for {
		n, err := syscall.Read(s.fd, p)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, errLater
		default:
			return 0, err
		}
	}
}

// poller waits for all connections of a handler together, with epoll(7). Its
// goroutine exists only while there are any.
type poller struct {
	mu    sync.Mutex
	epoll int
	file  *os.File // of epoll, for the runtime to wait for; nil: no connections
	conns map[int32]*conn
}

func newPoller() *poller { return &poller{conns: map[int32]*conn{}} }

// add makes the poller know c. It returns false when the system does not want
// to. Nothing is waited for yet.
func (p *poller) add(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil && !p.open() {
		return false
	}
	ev := syscall.EpollEvent{Fd: int32(c.wire.socket.fd)}
	if syscall.EpollCtl(p.epoll, syscall.EPOLL_CTL_ADD, c.wire.socket.fd, &ev) != nil {
		p.closeIdle()
		return false
	}
	p.conns[ev.Fd] = c
	return true
}

// open makes the epoll descriptor. p.mu is held.
func (p *poller) open() bool {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil || syscall.SetNonblock(fd, true) != nil {
		return false
	}
	p.epoll, p.file = fd, os.NewFile(uintptr(fd), "epoll")
	raw, err := p.file.SyscallConn()
	if err != nil {
		return false
	}
	go p.run(raw)
	return true
}

// arm waits for the next that there is to read of c.
func (p *poller) arm(c *conn) {
	s := &c.wire.socket
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		ev := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT, Fd: int32(s.fd)}
		_ = syscall.EpollCtl(p.epoll, syscall.EPOLL_CTL_MOD, s.fd, &ev) // it is in there, so there is nothing to fail
	}
}

// remove forgets c, which has been closed: so epoll has, too.
func (p *poller) remove(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fd := int32(c.wire.socket.fd)
	if p.conns[fd] == c { // else the number has been used again
		delete(p.conns, fd)
	}
	p.closeIdle()
}

// closeIdle ends run when there are no connections. p.mu is held.
func (p *poller) closeIdle() {
	if len(p.conns) == 0 && p.file != nil {
		p.file.Close()
		p.file = nil
	}
}

// run wakes connections until the file is closed.
func (p *poller) run(raw syscall.RawConn) {
	events := make([]syscall.EpollEvent, 256)
	for {
		n := 0
		err := raw.Read(func(fd uintptr) bool {
			n, _ = syscall.EpollWait(int(fd), events, 0)
			return n > 0
		})
		if err != nil {
			return
		}
		p.mu.Lock()
		conns := make([]*conn, 0, n)
		for _, ev := range events[:n] {
			if c := p.conns[ev.Fd]; c != nil {
				conns = append(conns, c)
			}
		}
		p.mu.Unlock()
		for _, c := range conns {
			c.mu.Lock()
			c.unpark()
			c.mu.Unlock()
		}
	}
}
