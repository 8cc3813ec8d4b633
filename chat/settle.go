package chat

import (
	"context"
	"errors"
	"time"

	"github.com/carlware/gochat/command"
)

// settlement is a reply as the store takes it.
func settlement(r command.Reply) Settlement {
	s := Settlement{Err: r.Err}
	if r.Err != nil {
		return s
	}
	for _, part := range r.Parts {
		if part.Ephemeral {
			s.Private = append(s.Private, part.Text)
		} else {
			s.Answers = append(s.Answers, part.Text)
		}
	}
	return s
}

// store settles a call of this node, again and again while the store is away:
// a command always ends.
func (c *calls) store(p *pending, s Settlement) {
	for {
		ctx, cancel := c.n.timeout()
		call, won, err := c.n.store.SettleCall(ctx, s)
		if errors.Is(err, ErrStale) && s.New != nil {
			var sn Snapshot
			if sn, err = c.n.store.Snapshot(ctx, s.New.Room, nil); err == nil {
				s.New.Basis = sn.Access
				err = ErrStale
			}
		}
		cancel()
		switch {
		case err == nil:
			if won {
				c.n.trace.Ended(call.Name, call.Status)
			}
			c.finish(call)
			if call.ID != p.id { // it was run by another node too, which was quicker
				c.end(p, outcomeOf(call))
			}
			return
		case errors.Is(err, ErrStale):
			continue
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrIDReused):
			// The store has no such call and will not have it.
			c.n.log.Warn("chat: a call can't be settled", "call", s.ID, "err", err)
			c.heard(p.key.user, Outcome{ID: p.key.key, Call: p.id, Room: p.room, Status: CallFailed, Error: AsError(err)})
			return
		}
		c.n.log.Warn("chat: settle a call, trying again", "call", s.ID, "err", err)
		select {
		case <-time.After(retryPause):
		case <-p.done: // somebody else did
			return
		case <-c.n.stop:
			c.drop(p)
			return
		}
	}
}

// result takes what a bot behind the broker replied. An error means that the
// store could not be asked: the broker keeps the reply and brings it again.
func (c *calls) result(ctx context.Context, id, bot string, reply command.Reply) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	call, err := c.n.store.Call(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		c.n.log.Warn("chat: dropped a reply to no call", "bot", bot, "call", id)
		c.n.trace.Dropped("reply")
		return nil
	case err != nil:
		return err
	case call.Bot.ID != botUser(bot).ID:
		c.n.log.Warn("chat: dropped a reply to another bot's call", "bot", bot, "call", id)
		c.n.trace.Dropped("reply")
		return nil
	case call.Status != CallPending:
		// Late, or a repeat. Whoever asked may not have heard, if the node that
		// stored the end died then: say it again, but not with every repeat.
		c.n.trace.LateReply(bot)
		c.n.log.Info("chat: dropped a reply to a call that has ended", "bot", bot, "call", id)
		if !c.hasTold(id) {
			c.finish(call)
		}
		return nil
	}
	s := settlement(reply)
	s.ID = id
	settled, won, err := c.n.store.SettleCall(ctx, s)
	if err != nil {
		return err
	}
	if won {
		c.n.trace.Ended(settled.Name, settled.Status)
	}
	c.finish(settled)
	return nil
}
