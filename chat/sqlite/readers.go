package sqlite

import (
	"context"

	"github.com/carlware/gochat/chat"
)

// readers is a pool of connections that can't write. A nil one was dropped
// and is opened again when it is needed.
type readers struct {
	open  func() (*conn, error)
	conns chan *conn
}

func newReaders(n int, open func() (*conn, error)) (*readers, error) {
	p := &readers{open: open, conns: make(chan *conn, n)}
	for range n {
		c, err := open()
		if err != nil {
			close(p.conns)
			for c := range p.conns {
				c.close()
			}
			return nil, err
		}
		p.conns <- c
	}
	return p, nil
}

// pause waits until nobody reads and keeps it so until resume is called.
func (p *readers) pause() (resume func()) {
	held := make([]*conn, 0, cap(p.conns))
	for range cap(p.conns) {
		held = append(held, <-p.conns)
	}
	return func() {
		for _, c := range held {
			p.conns <- c
		}
	}
}

// close waits for those who read and closes all connections. The pool can't be
// used again.
func (p *readers) close() error {
	var first error
	for range cap(p.conns) {
		if c := <-p.conns; c != nil {
			if err := c.close(); first == nil {
				first = err
			}
		}
	}
	return first
}

// view runs f in one read transaction: all that it reads is of one moment.
func view[T any](ctx context.Context, s *Store, what string, f func(*conn) (T, error)) (T, error) {
	var v, zero T
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	select {
	case <-s.closing:
		return zero, failed(ctx, what, chat.ErrClosed)
	default:
	}
	var c *conn
	select {
	case c = <-s.readers.conns:
	case <-s.closing:
		return zero, failed(ctx, what, chat.ErrClosed)
	case <-ctx.Done():
		return zero, ctx.Err()
	}
	defer func() { s.readers.conns <- c }()
	var err error
	if c == nil {
		if c, err = s.readers.open(); err != nil {
			return zero, failed(ctx, what, err)
		}
	}
	err = c.snapshot(ctx, func() (err error) {
		v, err = f(c)
		return err
	})
	if err != nil {
		if broken(err) && ctx.Err() == nil {
			c.close() // what is wrong with it is in err
			c = nil
		}
		return zero, failed(ctx, what, err)
	}
	return v, nil
}

// snapshot runs f in a read transaction that ends when ctx does.
func (c *conn) snapshot(ctx context.Context, f func() error) error {
	if err := c.exec(`BEGIN`); err != nil {
		return err
	}
	c.db.SetInterrupt(ctx)
	err := f()
	c.db.SetInterrupt(context.Background())
	if e := c.exec(`ROLLBACK`); err == nil {
		err = e
	}
	return err
}
