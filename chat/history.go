package chat

import (
	"context"
	"slices"
)

// aroundBytes is how much text and data a page around an event may have on
// each side.
const aroundBytes = 100 << 10

// page reads a part of a room's log as by may see it.
func (n *Node) page(ctx context.Context, by UserID, room RoomID, r Range) (Page, error) {
	if r.Around == 0 {
		return n.store.Page(ctx, by, room, r)
	}
	if r.Before != 0 || r.After != 0 || r.Forward {
		return Page{}, badRequest("around", "A page is around an event, or before or after one.")
	}
	older, err := n.store.Page(ctx, by, room, Range{Before: r.Around + 1, Limit: r.Limit/2 + 1})
	if err != nil {
		return Page{}, err
	}
	i, bytes := len(older.Events), 0
	for ; i > 0; i-- {
		if bytes += sizeOf(&older.Events[i-1]); bytes > aroundBytes && i < len(older.Events) {
			break
		}
	}
	p := Page{Events: older.Events[i:], Head: older.Head, Floor: older.Floor}
	if rest := r.Limit - len(p.Events); rest > 0 {
		newer, err := n.store.Page(ctx, by, room, Range{After: r.Around, Forward: true, Limit: rest})
		if err != nil {
			return Page{}, err
		}
		if len(p.Events) > 0 && (len(newer.Events) == 0 || newer.Events[0].Seq == p.Events[len(p.Events)-1].Seq+1) {
			newer.Events = slices.Concat(p.Events, within(newer.Events, aroundBytes))
		} // else what the user may see begins later since
		p = newer
	}
	if len(p.Events) > 0 {
		p.More = p.Events[0].Seq > p.Floor || p.Events[len(p.Events)-1].Seq < p.Head
	}
	return p, nil
}

// checkReply checks that a message can be replied to. One that is not kept any
// more, or that by may not see, is as good as any.
func (n *Node) checkReply(ctx context.Context, by UserID, room RoomID, to Seq) error {
	p, err := n.store.Page(ctx, by, room, Range{After: to - 1, Before: to + 1, Limit: 1, Forward: true})
	switch {
	case err != nil:
		return err
	case to < p.Floor:
		return nil
	case len(p.Events) == 0 || p.Events[0].Kind != Message || p.Events[0].DeletedBy != 0:
		return badRequest("reply_to", "There is no such message to reply to.")
	}
	return nil
}

// within returns the first of events, as many as have so many bytes of text and
// data, but at least one.
func within(events []Event, bytes int) []Event {
	for i := range events {
		if bytes -= sizeOf(&events[i]); bytes < 0 && i > 0 {
			return events[:i]
		}
	}
	return events
}

func sizeOf(e *Event) int { return len(e.Text) + len(e.Data) }
