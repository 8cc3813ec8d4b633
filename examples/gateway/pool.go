package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// pool is the chatroom services. All methods may be called concurrently.
type pool struct {
	nodes  []*node
	logger *slog.Logger

	mu sync.Mutex
}

type node struct {
	url *url.URL

	// Guarded by the pool's mu.
	ready bool
	conns int
}

const (
	askInterval = 500 * time.Millisecond
	askTimeout  = 2 * time.Second
)

// watch asks the services whether they are ready, until ctx ends.
func (p *pool) watch(ctx context.Context) {
	client := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext}}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	for _, n := range p.nodes {
		wg.Go(func() {
			for ctx.Err() == nil {
				p.mark(n, ask(ctx, client, n.url))
				select {
				case <-time.After(askInterval):
				case <-ctx.Done():
				}
			}
		})
	}
	wg.Wait()
}

// ask returns nil if the service at u is ready.
func ask(ctx context.Context, client *http.Client, u *url.URL) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.JoinPath("/readyz").String(), nil)
	if err != nil {
		return err
	}
	r.Host = "localhost" // every service knows that name
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is not ready: %s", u.Host, resp.Status)
	}
	return nil
}

func (p *pool) mark(n *node, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n.ready != (err == nil) && !errors.Is(err, context.Canceled) {
		if err == nil {
			p.logger.Info("chatroom service is ready", "addr", n.url.Host)
		} else {
			p.logger.Warn("chatroom service is not ready", "addr", n.url.Host, "err", err)
		}
	}
	n.ready = err == nil
}

// ready returns nil if a service is ready.
func (p *pool) ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.ContainsFunc(p.nodes, func(n *node) bool { return n.ready }) {
		return errors.New("no chatroom service is ready")
	}
	return nil
}

// order returns the services in the order in which they are to be tried: those
// that are ready first, with the fewest connections first.
func (p *pool) order() []*node {
	p.mu.Lock()
	defer p.mu.Unlock()
	nodes := slices.Clone(p.nodes)
	slices.SortStableFunc(nodes, func(a, b *node) int {
		switch {
		case a.ready && !b.ready:
			return -1
		case b.ready && !a.ready:
			return 1
		}
		return a.conns - b.conns
	})
	return nodes
}

// dial connects to one of the services; the address does not matter. What a
// service that is not ready makes of a request is for it to say.
func (p *pool) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	var errs []error
	for _, n := range p.order() {
		c, err := d.DialContext(ctx, network, n.url.Host)
		if err != nil {
			errs = append(errs, err)
			p.mark(n, err)
			continue
		}
		p.count(n, 1)
		return &counted{Conn: c, closed: sync.OnceFunc(func() { p.count(n, -1) })}, nil
	}
	return nil, errors.Join(errs...)
}

func (p *pool) count(n *node, change int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n.conns += change
}

// counted tells the pool when it is closed.
type counted struct {
	net.Conn
	closed func()
}

func (c *counted) Close() error {
	c.closed()
	return c.Conn.Close()
}
