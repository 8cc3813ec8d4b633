package chat

import (
	"context"
	"time"
)

// Trimmer is a part that a [Store] may have: it forgets old events.
type Trimmer interface {
	// Trim removes the oldest events of a room that are beyond what r says,
	// at most limit of them, and raises the room's Floor to the oldest event
	// that is left. It never removes the newest event, nor one younger than
	// [MinRetention], in which time requests may be sent again. Head never
	// moves back and no Seq is used twice. Markers, counts of what is unread
	// and places of members stay right. It returns how many it removed.
	Trim(ctx context.Context, room RoomID, r Retention, limit int) (int, error)

	// Trimmable returns up to limit rooms that r would remove events of, in
	// any order.
	Trimmable(ctx context.Context, r Retention, limit int) ([]RoomID, error)
}

// MinRetention is the least age at which an event may be removed.
const MinRetention = 24 * time.Hour

// Retention says which events a room keeps. Zero fields keep all.
type Retention struct {
	Age   time.Duration // not older than this; less than [MinRetention] means that
	Count int64         // not more than so many events
}

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
