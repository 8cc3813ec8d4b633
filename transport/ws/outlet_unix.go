//go:build unix

package ws

import (
	"net"
	"syscall"
)

// socket is the outlet of a connection that is a socket and nothing else.
type socket struct {
	raw   syscall.RawConn
	write func(fd uintptr) bool // once, made only once

	// Of the call of try under way.
	b   []byte
	n   int
	err error
}

// outletOf returns the best outlet for nc.
func outletOf(nc net.Conn) outlet {
	// No interfaces: what embeds a socket may have a Write of its own.
	var raw syscall.RawConn
	var err error
	switch c := nc.(type) {
	case *net.TCPConn:
		raw, err = c.SyscallConn()
	case *net.UnixConn:
		raw, err = c.SyscallConn()
	}
	if raw == nil || err != nil {
		return patient{}
	}
	s := &socket{raw: raw}
	s.write = s.once
	return s
}

func (s *socket) try(b []byte) (int, error) {
	s.b, s.n, s.err = b, 0, nil
	err := s.raw.Write(s.write)
	s.b = nil
	if err == nil {
		err = s.err
	}
	return s.n, err
}

// once always returns true: else RawConn would wait until more can be written.
func (s *socket) once(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), s.b)
		switch err {
		case nil:
			s.n = n
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
		default:
			s.err = err
		}
		return true
	}
}
