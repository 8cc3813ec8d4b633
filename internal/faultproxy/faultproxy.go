// Package faultproxy stands between a client and its server in tests and does
// to their connections what networks do.
//
//	p := faultproxy.New(t, server)
//	client := dial(p.Addr())
//	p.Stall()
//	...
//	p.Resume()
package faultproxy

import (
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Proxy passes on TCP connections. Its methods may be called concurrently. What
// they do holds for connections there are and for those to come, until another
// of them is called.
type Proxy struct {
	server string
	l      net.Listener
	tasks  sync.WaitGroup

	mu      sync.Mutex
	mode    mode
	delay   time.Duration
	changed chan struct{} // closed at a change of mode and at the end of a link
	links   map[*link]bool
}

type mode int

const (
	pass mode = iota
	stall
	swallow
	refuse
	closed
)

// link is a connection of a client, and the one to the server that belongs to it.
type link struct {
	client, server net.Conn // server is nil for one that was swallowed from the start
	lost           bool     // what the client sends is swallowed, for ever
	ends           int      // how many directions have ended in order
}

// New returns a proxy for the server at an address, which passes everything on.
// It ends with the test.
func New(t testing.TB, server string) *Proxy {
	t.Helper()
	p, err := Listen(server)
	if err != nil {
		t.Fatalf("faultproxy: %v", err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// Listen is [New] for programs that are no test: the proxy ends with Close.
func Listen(server string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{server: server, l: l, changed: make(chan struct{}), links: map[*link]bool{}}
	p.tasks.Go(p.accept)
	return p, nil
}

// URL returns a proxy for the server that a URL names, and the URL by which to
// go through it.
func URL(t testing.TB, server string) (*Proxy, string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("faultproxy: the server has no URL") // it may hold a password
	}
	p := New(t, u.Host)
	u.Host = p.Addr()
	return p, u.String()
}

// Addr is where the proxy listens: a host and a port.
func (p *Proxy) Addr() string { return p.l.Addr().String() }

// Cut resets all connections. New ones are passed on.
func (p *Proxy) Cut() { p.set(pass, true, 0) }

// Refuse resets all connections, and new ones as soon as they are made.
func (p *Proxy) Refuse() { p.set(refuse, true, 0) }

// Stall has nothing pass in either direction. Connections stay, and new ones
// are accepted; what was sent arrives after Resume.
func (p *Proxy) Stall() { p.set(stall, false, 0) }

// HalfOpen resets the server's ends of all connections and does not tell the
// clients: whatever they send is swallowed, and nobody answers. New
// connections are accepted and end in the same way. Resume does not bring them
// back, it only has new ones passed on.
func (p *Proxy) HalfOpen() {
	p.mu.Lock()
	for l := range p.links {
		l.lost = true
		reset(l.server)
	}
	p.mu.Unlock()
	p.set(swallow, false, 0)
}

// Delay has everything pass, each piece that is read this much later.
func (p *Proxy) Delay(d time.Duration) { p.set(pass, false, d) }

// Resume has everything pass again.
func (p *Proxy) Resume() { p.set(pass, false, 0) }

// Len returns how many connections of clients are open.
func (p *Proxy) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

func (p *Proxy) set(m mode, cut bool, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mode == closed {
		return
	}
	p.mode, p.delay = m, delay
	if cut {
		for l := range p.links {
			p.end(l)
		}
	}
	p.wake()
}

func (p *Proxy) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Close resets all connections and waits until nothing passes any more. It
// returns nil, and is safe to be called again.
func (p *Proxy) Close() error {
	p.l.Close()
	p.set(closed, true, 0)
	p.tasks.Wait()
	return nil
}

// end resets both ends of a link. p.mu is held.
func (p *Proxy) end(l *link) {
	if !p.links[l] {
		return
	}
	delete(p.links, l)
	reset(l.client)
	reset(l.server)
	p.wake()
}

// reset closes a connection at once, and what is under way is lost.
func reset(c net.Conn) {
	if c == nil {
		return
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

func (p *Proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		p.tasks.Go(func() { p.serve(c) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	l := &link{client: client}
	p.mu.Lock()
	mode := p.mode
	p.mu.Unlock()
	if mode == pass || mode == stall {
		var err error
		if l.server, err = net.DialTimeout("tcp", p.server, 10*time.Second); err != nil {
			reset(client)
			return
		}
	}
	p.mu.Lock()
	if p.mode == refuse || p.mode == closed {
		p.mu.Unlock()
		reset(client)
		reset(l.server)
		return
	}
	if l.server == nil || p.mode == swallow {
		l.lost = true
		reset(l.server)
	}
	p.links[l] = true
	p.mu.Unlock()
	if l.server != nil {
		p.tasks.Go(func() { p.pump(l, l.server, l.client) })
	}
	p.pump(l, l.client, l.server)
}

// pump passes on what one end of a link sends, until that ends.
func (p *Proxy) pump(l *link, from, to net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && p.gate(l) {
			if _, werr := to.Write(buf[:n]); werr != nil && !p.isLost(l) {
				err = werr
			}
		}
		if err != nil {
			p.ended(l, from, to, err)
			return
		}
	}
}

// gate waits until a piece may pass, and reports whether it may.
func (p *Proxy) gate(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	var waited bool
	for {
		late := p.delay > 0 && !waited
		if l.lost || !p.links[l] {
			return false
		}
		if p.mode != stall && !late {
			return true
		}
		changed := p.changed
		var due <-chan time.Time
		if p.mode != stall {
			due = time.After(p.delay)
		}
		p.mu.Unlock()
		select {
		case <-changed:
		case <-due:
			waited = true
		}
		p.mu.Lock()
	}
}

func (p *Proxy) isLost(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return l.lost
}

// ended does what the end of one direction of a link asks for.
func (p *Proxy) ended(l *link, from, to net.Conn, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case l.lost && from == l.server: // the client is not told
	case l.lost:
		p.end(l)
	case errors.Is(err, io.EOF): // in order: what was sent before has arrived
		if tcp, ok := to.(*net.TCPConn); ok {
			_ = tcp.CloseWrite() // else it has ended too
		}
		if l.ends++; l.ends == 2 && p.links[l] {
			delete(p.links, l)
			l.client.Close()
			l.server.Close()
		}
	default:
		p.end(l)
	}
}
