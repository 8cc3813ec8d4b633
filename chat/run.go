package chat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport"
)

const (
	sendTimeout = 5 * time.Second
	retryPause  = time.Second
)

var errOverloaded = &command.Error{Code: command.CodeOverloaded, Message: "Too many commands are running. Try again in a moment."}

// help answers the built-in /help.
func (c *calls) help(ctx context.Context, nc NewCall, args, role string) (*PendingCall, error) {
	var specs []command.Spec
	for _, s := range c.all() {
		if s.Permits(role) {
			specs = append(specs, s)
		}
	}
	nc.Bot, nc.Timeout = botUser("help"), c.n.limits.CallTimeout
	return c.begin(ctx, nc, func(*pending) command.Reply {
		said, err := command.Help(specs, args)
		if err != nil {
			return command.Reply{Err: err}
		}
		return command.Reply{Parts: []command.Part{{Text: said, Ephemeral: true}}}
	})
}

// runFast runs a command in this process. Its answers and its outcome are
// stored together when it ends; a crash before that leaves nothing, and the
// client's resend runs it again.
func (c *calls) runFast(ctx context.Context, nc NewCall, call command.Call) (*PendingCall, error) {
	return c.begin(ctx, nc, func(p *pending) command.Reply {
		var ended, late bool // guarded by c.mu
		c.fast.Add(1)
		reply := command.Execute(c.ctx, c.local, call, &command.ExecuteOptions{
			Logger: c.n.log,
			Progress: func(said string) {
				c.n.tell([]UserID{nc.User.ID}, &Notice{Kind: Progress, Call: p.id, Text: said})
			},
			Pause: command.ProgressPause,
			Done: func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				ended = true
				if late {
					c.abandoned--
				}
				c.fast.Done()
			},
		})
		c.mu.Lock()
		defer c.mu.Unlock()
		if late = !ended; late {
			c.abandoned++
		}
		return reply
	})
}

// begin runs a call in a goroutine of its own and stores what it came to.
func (c *calls) begin(ctx context.Context, nc NewCall, work func(*pending) command.Reply) (*PendingCall, error) {
	p, fresh := c.track(nc, false)
	if p == nil {
		return nil, errOverloaded
	}
	if fresh {
		began := c.n.beginFast(func() {
			close(p.begun)
			s := settlement(work(p))
			s.ID, s.New = nc.ID, &nc
			c.store(p, s)
		})
		if !began {
			c.refuse(p, ErrClosed)
		}
	}
	return c.join(ctx, p, nc.Hash)
}

// beginFast is spawn for what Shutdown waits for first. It returns false once
// Shutdown has begun.
func (n *Node) beginFast(fn func()) bool {
	n.life.Lock()
	defer n.life.Unlock()
	if n.closing.Load() {
		return false
	}
	n.calls.fast.Go(fn)
	return true
}

// queue leaves a command to a bot behind the broker. What begins here goes on
// when ctx ends: a call that is stored must be sent.
func (c *calls) queue(ctx context.Context, nc NewCall, call command.Call) (*PendingCall, error) {
	p, fresh := c.track(nc, false)
	if p == nil {
		return nil, errOverloaded
	}
	if fresh && !c.n.spawn(func() { c.handOver(p, nc, call) }) {
		c.refuse(p, ErrClosed)
	}
	return c.join(ctx, p, nc.Hash)
}

// handOver stores a call and sees it to its end.
func (c *calls) handOver(p *pending, nc NewCall, call command.Call) {
	stored, dup, err := c.open(p, nc)
	switch {
	case err != nil:
		c.refuse(p, err)
	case dup && stored.ID != nc.ID: // begun by another node, or before a crash
		c.rename(p, stored)
		c.adopt(p, stored)
	default:
		close(p.begun)
		call.Remaining = max(time.Until(p.deadline), time.Millisecond)
		c.await(p, &call)
	}
}

// open stores a pending call. When it is not known whether that was done, it
// tries again: nobody else would send the call. Membership may have changed
// since it was authorised; then it is authorised again.
func (c *calls) open(p *pending, nc NewCall) (Call, bool, error) {
	unsure := false
	for stale := 0; ; {
		ctx, cancel := c.n.timeout()
		stored, dup, err := c.n.store.OpenCall(ctx, nc)
		if errors.Is(err, ErrStale) && afterStale(ctx, stale+1) {
			stale++
			if err = c.authoriseAgain(ctx, &nc); err == nil {
				cancel()
				continue
			}
		}
		cancel()
		if isContext(err) {
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		unsure = unsure || errors.Is(err, ErrOutcomeUnknown)
		if !unsure || !errors.Is(err, ErrOutcomeUnknown) && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrBusy) {
			return stored, dup, err
		}
		if time.Until(p.deadline) <= 0 {
			return Call{}, false, ErrOutcomeUnknown
		}
		select {
		case <-time.After(retryPause):
		case <-c.n.stop:
			return Call{}, false, ErrOutcomeUnknown
		}
	}
}

func (c *calls) authoriseAgain(ctx context.Context, nc *NewCall) error {
	sn, err := c.n.store.Snapshot(ctx, nc.Room, []UserID{nc.User.ID})
	if err != nil {
		return err
	}
	me := sn.Members[nc.User.ID]
	nc.Basis = sn.Access
	return permit(nc.User.ID, run, place{kind: sn.Info.Kind, archived: sn.Info.Archived, role: me.Role, banned: me.Banned})
}

// await sees a pending call to its end: it sends the request if there is one,
// and settles the call when the request certainly was not sent, or at the
// deadline.
func (c *calls) await(p *pending, call *command.Call) {
	resend := false
	if call != nil {
		ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
		err := c.remote.Send(ctx, *call)
		cancel()
		if failed := sendFailed(call.Name, err); failed != nil {
			c.store(p, Settlement{ID: p.id, Err: failed})
			return
		}
		resend = err != nil
	}
	deadline := time.NewTimer(time.Until(p.deadline))
	defer deadline.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-c.n.stop:
			c.drop(p)
			return
		case <-p.again:
			if !resend {
				continue
			}
			// Its fate was unknown, and this is a new connection. Bots may
			// see it twice; only one answer is stored.
			call.Remaining = max(time.Until(p.deadline), time.Millisecond)
			ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
			err := c.remote.Send(ctx, *call)
			cancel()
			if resend = err != nil; resend {
				c.n.log.Info("chat: command could not be sent again", "call", p.id, "err", err)
			}
		case <-deadline.C:
			name := "The command"
			if call != nil {
				name = "/" + call.Name
			}
			c.store(p, Settlement{ID: p.id, Err: &command.Error{Code: command.CodeTimeout, Message: name + " did not answer in time."}})
			return
		}
	}
}

// sendFailed is what the caller is told when a request was certainly not sent;
// nil when it was or may have been.
func sendFailed(name string, err error) *command.Error {
	switch {
	case err == nil, errors.Is(err, transport.ErrUnknown):
		return nil
	case errors.Is(err, transport.ErrNoHandler):
		return &command.Error{Code: command.CodeNoBot, Message: fmt.Sprintf("No bot is there to answer /%s now.", name)}
	case errors.Is(err, transport.ErrOverloaded):
		return &command.Error{Code: command.CodeOverloaded, Message: fmt.Sprintf("Too many /%s commands are waiting. Try again in a moment.", name)}
	case errors.Is(err, transport.ErrTooLarge):
		return &command.Error{Code: command.CodeUsage, Message: "The command is too long."}
	}
	return &command.Error{Code: "unavailable", Message: "The bots can't be reached now. Try again in a moment."}
}
