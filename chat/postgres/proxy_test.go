package postgres

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between a store and its server, and can cut a connection that
// writes at the moment that hurts: around a commit.
type proxy struct {
	server string
	l      net.Listener
	tasks  sync.WaitGroup
	armed  atomic.Int32
	cuts   atomic.Int32

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// What an armed proxy does, once.
const (
	loseAnswer  int32 = 1 + iota // the server commits, and nobody is told
	loseRequest                  // the server never hears of it
)

// newProxy returns a proxy and the URL by which to go through it.
func newProxy(t *testing.T, through string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(through)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{server: u.Host, l: l, conns: map[net.Conn]bool{}}
	p.tasks.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.cutAll()
		p.tasks.Wait()
	})
	u.Host = l.Addr().String()
	return p, u.String()
}

func (p *proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		s, err := net.Dial("tcp", p.server)
		if err != nil {
			c.Close()
			continue
		}
		p.mu.Lock()
		p.conns[c], p.conns[s] = true, true
		p.mu.Unlock()
		var writes atomic.Bool
		end := func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.conns, c)
			delete(p.conns, s)
			c.Close()
			s.Close()
		}
		p.tasks.Go(func() { defer end(); p.toServer(c, s, &writes) })
		p.tasks.Go(func() { defer end(); p.toClient(c, s, &writes) })
	}
}

func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

// toServer passes on what the client sends. Only connections that write have a
// lock_timeout.
func (p *proxy) toServer(c, s net.Conn, writes *atomic.Bool) {
	buf := make([]byte, 1<<20)
	for first := true; ; first = false {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if first {
			writes.Store(bytes.Contains(buf[:n], []byte("lock_timeout")))
		} else if writes.Load() && p.armed.CompareAndSwap(loseRequest, 0) {
			p.cuts.Add(1)
			return
		}
		if _, err := s.Write(buf[:n]); err != nil {
			return
		}
	}
}

// toClient passes on whole answers: up to ReadyForQuery, which says whether a
// transaction is open or not.
func (p *proxy) toClient(c, s net.Conn, writes *atomic.Bool) {
	var answer []byte
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(s, head); err != nil {
			return
		}
		message := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(s, message); err != nil {
			return
		}
		answer = append(append(answer, head...), message...)
		switch head[0] {
		case 'Z':
			if message[0] == 'I' && writes.Load() && p.armed.CompareAndSwap(loseAnswer, 0) {
				p.cuts.Add(1)
				return
			}
		case 'R', 'E', 'N': // authentication goes back and forth
		default:
			continue
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
		answer = answer[:0]
	}
}
