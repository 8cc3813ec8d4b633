package ws

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/carlware/gochat/chat"
)

const (
	maxCalls = 1024             // that wait at once
	overdue  = 10 * time.Second // after a command's deadline it is sent again, to be told its outcome
	retryMax = 30 * time.Second // between two tries of a request that may have happened
)

// call is a request that waits for its final answer. Client.mu guards it, but
// for done and what is set before done is closed.
type call struct {
	typ    string
	id     string
	frame  []byte
	stores bool

	sentOn *link     // the last connection it was sent on
	again  bool      // it is to be sent there once more
	at     time.Time // not before
	tries  int       // in a row that ended in "again, later"

	done    chan struct{}
	reply   []byte
	outcome *chat.Outcome
	err     error
}

// finish tells the caller. It is called once: by whoever took the call from
// Client.calls.
func (k *call) finish(reply []byte, err error) {
	k.reply, k.err = reply, err
	close(k.done)
}

// unknown adds to err that the request may have happened.
func (k *call) unknown(err error) error {
	if k.stores && k.sentOn != nil {
		return fmt.Errorf("%w: %w", chat.ErrOutcomeUnknown, err)
	}
	return err
}

// do sends a request until it is answered.
func (c *Client) do(ctx context.Context, typ, id string, body any) (*call, error) {
	k, err := c.begin(typ, id, body)
	if err != nil {
		return nil, fmt.Errorf("ws: %s: %w", typ, err)
	}
	select {
	case <-k.done:
	case <-ctx.Done():
		c.mu.Lock()
		taken := c.takeLocked(id, k)
		c.mu.Unlock()
		if taken != nil {
			k.finish(nil, k.unknown(ctx.Err()))
		}
		<-k.done
	}
	if k.err != nil {
		return nil, fmt.Errorf("ws: %s: %w", typ, k.err)
	}
	return k, nil
}

// begin queues a request. id is empty for those that store nothing.
func (c *Client) begin(typ, id string, body any) (*call, error) {
	k := &call{typ: typ, id: id, stores: id != "", done: make(chan struct{})}
	if id == "" {
		k.id = chat.NewID()
	}
	var err error
	if k.frame, err = encodeRequest(typ, k.id, body); err != nil {
		return nil, err
	}
	if len(k.frame) > maxFrame {
		return nil, &Error{Code: "too_long", Message: "The request is longer than 64 KiB."}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.failure != nil:
		return nil, c.failure
	case len(c.calls) >= maxCalls:
		return nil, fmt.Errorf("%d requests are waiting: %w", maxCalls, chat.ErrBusy)
	case slices.ContainsFunc(c.calls, func(o *call) bool { return o.id == k.id }):
		return nil, errors.New("a request with this id is under way")
	}
	c.calls = append(c.calls, k)
	if c.link != nil {
		c.link.rouse()
	}
	return k, nil
}

// takeLocked takes the call with that id from the list; k is the one it must
// be, or nil. c.mu is held.
func (c *Client) takeLocked(id string, k *call) *call {
	i := slices.IndexFunc(c.calls, func(o *call) bool { return o == k || k == nil && o.id == id })
	if i < 0 {
		return nil
	}
	k = c.calls[i]
	c.calls = slices.Delete(c.calls, i, i+1)
	return k
}

// find returns the call with that id. c.mu is held.
func (c *Client) find(id string) *call {
	i := slices.IndexFunc(c.calls, func(o *call) bool { return o.id == id })
	if i < 0 {
		return nil
	}
	return c.calls[i]
}

// accepted handles an ok. A command is answered by its outcome only.
func (c *Client) accepted(l *link, re string, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.find(re)
	if k == nil {
		return nil // of a ping, or nobody waits any more
	}
	if k.typ != "command" {
		c.takeLocked(re, k)
		k.finish(data, nil)
		return nil
	}
	r, err := as[commandReply](data)
	if err != nil {
		return err
	}
	// Should the outcome get lost, the same request again asks for it.
	k.again, k.tries = true, 0
	k.at = time.Now().Add(time.Duration(min(max(r.TimeoutMS, 0), 3_600_000))*time.Millisecond + overdue)
	l.rouse()
	return nil
}

// failed handles an error. What may have happened, and what came too fast, is
// tried again; all else is final.
func (c *Client) failed(re string, e *Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.find(re)
	if k == nil {
		return
	}
	if e.Code != "unavailable" && e.Code != "rate_limited" {
		c.takeLocked(re, k)
		k.finish(nil, e)
		return
	}
	pause := min(time.Second<<min(k.tries, 10), retryMax)
	k.tries++
	k.again = true
	k.at = time.Now().Add(max(e.RetryAfter, pause/2+rand.N(pause/2)))
	if c.link != nil {
		c.link.rouse()
	}
}

func (c *Client) outcome(l *link, data []byte) error {
	o, err := as[chat.Outcome](data)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.find(o.ID); k != nil && k.typ == "command" {
		c.takeLocked(o.ID, k)
		k.outcome = &o
		k.finish(data, nil)
	}
	if l.hello == "" {
		c.updates.push(Update{Outcome: &o}, len(data))
	}
	return nil
}
