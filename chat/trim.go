package chat

import (
	"context"
	"time"
)

const (
	trimEvery = time.Minute
	trimRooms = 100   // in one round
	trimChunk = 2_000 // events in one transaction
)

// trimLoop keeps the rooms to Options.Retention.
func (n *Node) trimLoop(t Trimmer, keep Retention) {
	ctx, cancel := n.untilStop()
	defer cancel()
	for {
		if err := trim(ctx, t, keep); err != nil && ctx.Err() == nil {
			n.log.Warn("chat: trim old events", "err", err)
		}
		select {
		case <-time.After(trimEvery):
		case <-n.stop:
			return
		}
	}
}

// trim removes what the rooms need not keep, in steps that hold up nobody.
func trim(ctx context.Context, t Trimmer, keep Retention) error {
	rooms, err := t.Trimmable(ctx, keep, trimRooms)
	if err != nil {
		return err
	}
	for _, id := range rooms {
		for {
			removed, err := t.Trim(ctx, id, keep, trimChunk)
			if err != nil {
				return err
			}
			if removed < trimChunk {
				break
			}
		}
	}
	return nil
}
