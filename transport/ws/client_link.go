package ws

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/carlware/gochat/chat"
)

const (
	silence      = 30 * time.Second // before the client asks whether the server is there
	silenceEnd   = 10 * time.Second // for the answer
	writeTimeout = 30 * time.Second // of one frame
)

// link is one connection of a client. Client.mu guards what is not said to be
// otherwise.
type link struct {
	ws   *websocket.Conn         // fixed
	end  context.CancelCauseFunc // fixed
	wake chan struct{}           // tells the sender that there is something; fixed

	heard atomic.Int64 // when the server was last heard, in ns of Unix time

	began    time.Time
	ended    time.Time
	welcomed time.Time // zero: not yet
	hello    string    // id of the hello that is not answered yet
	greeting []byte    // that hello, until it is sent
	sent     map[chat.RoomID]chat.Seq
	reset    map[chat.RoomID]bool // told at the welcome of a new epoch; the server will say so too
	holes    int
	pinged   time.Time
	renew    bool // the server wants a new token
}

func (l *link) hears() { l.heard.Store(time.Now().UnixNano()) }

// held returns how long the connection was good.
func (l *link) held() time.Duration {
	if l == nil || l.welcomed.IsZero() {
		return 0
	}
	return l.ended.Sub(l.welcomed)
}

func (l *link) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// send is the one goroutine that writes. life is the connection's, ctx the
// client's.
func (c *Client) send(ctx, life context.Context, l *link) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for life.Err() == nil {
		frame, next, err := c.due(l, time.Now())
		if err != nil {
			l.end(err)
			return
		}
		if frame == nil && c.renewal(l) {
			frame = c.authFrame(life)
		}
		if frame != nil {
			if err := l.write(life, frame); err != nil {
				l.end(err)
				return
			}
			continue
		}
		timer.Reset(time.Until(next))
		select {
		case <-l.wake:
		case <-timer.C:
		case <-life.Done():
		case <-ctx.Done():
			// The library waits 5 s for a peer that says nothing.
			stop := time.AfterFunc(leaveTimeout, func() { l.end(chat.ErrClosed) })
			l.ws.Close(codeNormal, "")
			stop.Stop()
			l.end(chat.ErrClosed)
		}
	}
}

func (l *link) write(ctx context.Context, frame []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return l.ws.Write(ctx, websocket.MessageText, frame)
}

// due returns the next frame to be written, or when to look again.
func (c *Client) due(l *link, now time.Time) (frame []byte, next time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.greeting != nil {
		frame, l.greeting = l.greeting, nil
		return frame, next, nil
	}
	if l.hello != "" {
		next = later(l.began, l.welcomed).Add(dialTimeout)
		if !now.Before(next) {
			return nil, next, errNoReply
		}
		return nil, next, nil
	}
	heard := time.Unix(0, l.heard.Load())
	next = heard.Add(silence)
	switch {
	case now.Before(next):
	case l.pinged.Before(heard):
		l.pinged = now
		frame, err = encodeRequest("ping", "ping", struct{}{})
		return frame, next, err
	default:
		next = l.pinged.Add(silenceEnd)
		if !now.Before(next) {
			return nil, next, errSilent
		}
	}
	for _, call := range c.calls {
		if call.sentOn == l && !call.again {
			continue
		}
		if call.at.After(now) {
			next = earlier(next, call.at)
			continue
		}
		call.sentOn, call.again = l, false
		return call.frame, next, nil
	}
	return nil, next, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// renewal reports, once, that the server wants a new token.
func (c *Client) renewal(l *link) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	renew := l.renew && c.o.Token != nil
	l.renew = false
	return renew
}

// authFrame returns the request with a new token, or nil: then the server ends
// the connection, and the next dial asks again.
func (c *Client) authFrame(ctx context.Context) []byte {
	token, err := c.token(ctx)
	if err != nil {
		c.o.Logger.DebugContext(ctx, "ws: no new token", "err", err)
		return nil
	}
	frame, _ := encodeRequest("auth", "auth", &authRequest{Token: token})
	return frame
}

// receive reads until the connection ends.
func (c *Client) receive(ctx context.Context, l *link) error {
	for {
		typ, data, err := l.ws.Read(ctx)
		if err != nil {
			return closeError(err)
		}
		l.hears()
		if typ != websocket.MessageText {
			continue
		}
		if err := c.frame(l, data); err != nil {
			return err
		}
	}
}

// frame handles one frame of the server. What it does not understand it leaves
// out: servers may say more than they do today.
func (c *Client) frame(l *link, data []byte) error {
	h, err := as[head](data)
	if err != nil {
		return nil
	}
	re := ""
	if h.Re != nil {
		re = *h.Re
	}
	switch h.Type {
	case "welcome":
		err = c.welcome(l, re, data)
	case "ok":
		err = c.accepted(l, re, data)
	case "error":
		return c.refuses(l, re, data)
	case "event":
		err = c.event(l, data)
	case "gap":
		err = c.gap(l, data)
	case "notice":
		err = c.notice(l, data)
	case "outcome":
		err = c.outcome(l, data)
	}
	if errors.Is(err, errMalformed) {
		c.o.Logger.Debug("ws: frame is not understood", "err", err)
		return nil
	}
	return err
}

// refuses handles an error of the server.
func (c *Client) refuses(l *link, re string, data []byte) error {
	r, err := as[errorReply](data)
	if err != nil {
		return nil
	}
	c.mu.Lock()
	hello := re != "" && re == l.hello
	if hello && (r.Error.Code == "bad_request" || r.Error.Code == "too_long") {
		// Perhaps it is what it resumes; a hello without can't be faulty.
		defer c.mu.Unlock()
		if c.plain {
			return fmt.Errorf("ws: hello: %w", newError(r.Error))
		}
		c.plain = true
		c.greet(l)
		l.rouse()
		return nil
	}
	c.mu.Unlock()
	if hello {
		return nil // the server closes, and the code says what to do
	}
	c.failed(re, newError(r.Error))
	return nil
}
