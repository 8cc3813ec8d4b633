package sqlite

import (
	"context"
	"slices"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

// The limits of a page.
const (
	pageDefault = 50
	pageMax     = 200
	pageBytes   = 200 << 10 // of text, data and reactions; one event may be longer
)

// Page is part of [chat.Log].
func (s *Store) Page(ctx context.Context, viewer chat.UserID, room chat.RoomID, in chat.Range) (chat.Page, error) {
	return view(ctx, s, "page", func(c *conn) (chat.Page, error) {
		a, err := c.admit(viewer, room)
		if err != nil {
			return chat.Page{}, err
		}
		return c.page(room, a, in)
	})
}

func (c *conn) page(room chat.RoomID, a access, in chat.Range) (chat.Page, error) {
	p := chat.Page{Events: []chat.Event{}, Head: a.head, Floor: a.floor}
	first, last := max(a.floor, min(in.After, a.head)+1), a.head
	if in.Before > 0 {
		last = min(last, in.Before-1)
	}
	if first > last {
		return p, nil
	}
	limit := pageDefault
	if in.Limit > 0 {
		limit = min(in.Limit, pageMax)
	}
	sql := `SELECT ` + eventColumns + ` FROM ` + eventTables + ` WHERE e.key BETWEEN ? AND ? ORDER BY e.key DESC LIMIT ?`
	forward := in.Forward || in.After > 0
	if forward {
		sql = `SELECT ` + eventColumns + ` FROM ` + eventTables + ` WHERE e.key BETWEEN ? AND ? ORDER BY e.key LIMIT ?`
	}
	p.Events = make([]chat.Event, 0, min(limit, int(last-first)+1))
	size, more := 0, false
	err := c.query(func(r *row) error {
		e, rest, err := r.event(room)
		if err != nil {
			return err
		}
		more = more || rest
		if size += len(e.Text) + len(e.Data); size > pageBytes && len(p.Events) > 0 {
			return errEnough
		}
		p.Events = append(p.Events, e)
		return nil
	}, sql, eventKey(a.room, first), eventKey(a.room, last), limit)
	if err == nil && more {
		err = c.rest(a, p.Events)
	}
	if err == nil && len(p.Events) > 0 {
		err = c.reactions(a, p.Events, forward)
	}
	if err != nil || len(p.Events) == 0 {
		return p, err
	}
	p.Events = fit(p.Events)
	if forward {
		p.More = p.Events[len(p.Events)-1].Seq < last
	} else {
		slices.Reverse(p.Events)
		p.More = p.Events[0].Seq > first
	}
	return p, nil
}

// rest reads what is not in the rows of events, which have one seq after the
// other, in one order or the other.
func (c *conn) rest(a access, events []chat.Event) error {
	begin, end := events[0].Seq, events[len(events)-1].Seq
	return c.query(func(r *row) error {
		seq := chat.Seq(r.int() & sqlstore.MaxSeq)
		return r.rest(&events[max(seq, begin)-min(seq, begin)])
	}, `SELECT e.key, `+restColumns+` FROM {p}events e `+restTables+` WHERE e.key BETWEEN ? AND ? AND (e.kind = 10 OR e.target_no <> 0 OR e.call_by <> 0)`,
		eventKey(a.room, min(begin, end)), eventKey(a.room, max(begin, end)))
}

// fit returns as many of events as a page can have with their reactions, and
// at least one.
func fit(events []chat.Event) []chat.Event {
	size := 0
	for i, e := range events {
		size += len(e.Text) + len(e.Data)
		for _, x := range e.Reactions {
			size += reactionBytes(x)
		}
		if size > pageBytes && i > 0 {
			return events[:i]
		}
	}
	return events
}
