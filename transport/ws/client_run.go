package ws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/carlware/gochat/chat"
)

const (
	backoffMin = 500 * time.Millisecond
	backoffMax = 30 * time.Second
	stable     = 10 * time.Second // a connection that held so long was a success

	tokenTimeout = 30 * time.Second
	dialTimeout  = 15 * time.Second // for the handshake, and again for the welcome
	leaveTimeout = time.Second      // for the farewell at Close

	maxFromServer = 2 * maxServerFrame // with some room for servers to come
)

// backoff is exponential with full jitter.
type backoff struct{ failures int }

func (b *backoff) next() time.Duration {
	most := min(backoffMin<<min(b.failures, 10), backoffMax)
	b.failures++
	return rand.N(most) + 1
}

// run keeps the client connected until ctx ends or trying is of no use.
func (c *Client) run(ctx context.Context) {
	defer close(c.ended)
	defer c.http.CloseIdleConnections()
	var b backoff
	for refused := 0; ; {
		l, err := c.once(ctx)
		if ctx.Err() != nil {
			c.fail(chat.ErrClosed)
			return
		}
		e, _ := errors.AsType[*RefusedError](err)
		if e != nil && e.Status == http.StatusUnauthorized {
			refused++
		} else {
			refused = 0
		}
		if final(err, refused) {
			c.fail(err)
			return
		}
		c.mu.Lock()
		c.trouble = err
		c.mu.Unlock()
		if held := l.held(); held >= stable {
			b = backoff{}
		}
		wait := b.next()
		if ce, ok := errors.AsType[*CloseError](err); ok {
			if hint, ok := hintOf(ce.Reason); ok && ce.Code == codeRestart {
				wait = hint
			}
			if ce.Code == codeExpired && b.failures == 1 {
				wait = 0 // only the token was old
			}
		}
		if refused == 1 && c.o.Token != nil {
			wait = 0 // the same
		}
		c.o.Logger.DebugContext(ctx, "ws: connection lost", "err", err, "retry_in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// once connects once, and returns when the connection has ended and why. The
// link is nil when there was none.
func (c *Client) once(ctx context.Context) (*link, error) {
	header := c.o.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if c.o.Token != nil {
		token, err := c.token(ctx)
		if err != nil {
			return nil, err
		}
		header.Set("Authorization", "Bearer "+token)
	}
	l := &link{wake: make(chan struct{}, 1)}
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	//nolint:bodyclose // the library closes it
	ws, resp, err := websocket.Dial(dialing, c.address, &websocket.DialOptions{
		HTTPClient:     c.http,
		HTTPHeader:     header,
		Subprotocols:   []string{Protocol},
		OnPingReceived: func(context.Context, []byte) bool { l.hears(); return true },
		OnPongReceived: func(context.Context, []byte) { l.hears() },
	})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			return nil, refused(resp)
		}
		return nil, err
	}
	defer ws.CloseNow()
	if ws.Subprotocol() != Protocol {
		return nil, &CloseError{codeVersion, "the server does not speak " + Protocol}
	}
	ws.SetReadLimit(maxFromServer)
	l.ws = ws
	l.hears()
	c.attach(l)
	defer c.detach(l)

	// Not part of ctx: at Close there is a farewell to be said first.
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	l.end = end
	var sender sync.WaitGroup
	sender.Go(func() { c.send(ctx, life, l) })
	err = c.receive(life, l)
	end(err)
	sender.Wait()
	return l, context.Cause(life)
}

// token asks for one.
func (c *Client) token(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	token, err := c.o.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("ws: token: %w", err)
	}
	return token, nil
}

// refused makes the error of a handshake from its answer, whose body is short.
func refused(resp *http.Response) error {
	e := &RefusedError{Status: resp.StatusCode}
	var problem struct {
		Detail string `json:"detail"`
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err == nil && json.Unmarshal(b, &problem) == nil {
		e.Detail = problem.Detail
	}
	return e
}

// fail ends the client: whoever waits gets err.
func (c *Client) fail(err error) {
	c.mu.Lock()
	c.failure = err
	calls := c.calls
	c.calls = nil
	c.mu.Unlock()
	for _, call := range calls {
		call.finish(nil, call.unknown(err))
	}
	c.updates.end(err)
}

// attach makes l the connection.
func (c *Client) attach(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = l
	l.began = time.Now()
	c.greet(l)
}

func (c *Client) detach(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = nil
	l.ended = time.Now()
}
