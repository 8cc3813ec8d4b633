//go:build unix

package ws

import (
	"net"
	"sync"
	"syscall"
)

// socket is the outlet of a connection that is a socket and nothing else. It
// writes to the descriptor itself: what package net does around each write
// costs more than all the rest of a delivery.
type socket struct {
	mu     sync.Mutex // so that fd is not closed, and reused, during a write
	closed bool
	fd     int

	raw  syscall.RawConn
	peek func(fd uintptr) bool // ready, made once
}

// init reports whether nc is one.
func (s *socket) init(nc net.Conn) bool {
	// No interfaces: what embeds a socket may have a Write of its own.
	var raw syscall.RawConn
	var err error
	switch c := nc.(type) {
	case *net.TCPConn:
		raw, err = c.SyscallConn()
	case *net.UnixConn:
		raw, err = c.SyscallConn()
	}
	if raw == nil || err != nil || raw.Control(func(fd uintptr) { s.fd = int(fd) }) != nil {
		return false
	}
	s.raw, s.peek = raw, s.ready
	return true
}

func (s *socket) try(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	for {
		n, err := writeNow(s.fd, b)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		default:
			return 0, err
		}
	}
}

func (s *socket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}
