package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport/ws"
)

// settle has a last word said in each room, waits until everybody has everything,
// and checks what was recorded.
func (r *run) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rooms := append(r.rooms[:len(r.rooms):len(r.rooms)], r.well)
	for _, room := range rooms {
		d := chat.Draft{ID: chat.NewID(), Text: "the last word"}
		room.reader.store(ctx, room.id, d.ID, func(ctx context.Context, c *ws.Client) (ws.Stored, error) { return c.Post(ctx, room.id, d) })
	}
	for _, room := range rooms {
		head, err := r.readLog(ctx, room)
		if errors.Is(err, chat.ErrNotFound) {
			continue // lost with what an older store did not have
		}
		if err != nil {
			return fmt.Errorf("read room %s: %w", room.id, err)
		}
		in, err := r.inside(ctx, room)
		if err != nil {
			return fmt.Errorf("read the members of room %s: %w", room.id, err)
		}
		for _, m := range r.members {
			if !in[m.user] {
				continue
			}
			// Who does not have it by then is told of by the check.
			_ = until(ctx, "everybody has everything", func() bool { return m.record.At(room.id) >= head })
		}
	}
	if r.c.spoil != nil {
		r.c.spoil(r)
	}
	if err := r.record.Check(); err != nil {
		r.stats.violations = len(violations(err))
		return fmt.Errorf("violations:\n%w", err)
	}
	return nil
}

// violations are the single ones of the error of a check.
func violations(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the error itself
		return all.Unwrap()
	}
	return []error{err}
}

// readLog tells the recorder the log of a room, and returns its head.
func (r *run) readLog(ctx context.Context, room room) (head chat.Seq, err error) {
	for {
		p, err := room.reader.current().History(ctx, room.id, chat.Range{After: head, Forward: true, Limit: 200})
		if err != nil {
			return 0, err
		}
		r.record.Log(chat.RoomInfo{ID: room.id, Hides: room.hides}, p.Events)
		if len(p.Events) == 0 {
			return head, nil
		}
		head = p.Events[len(p.Events)-1].Seq
	}
}

// inside returns the members of a room.
func (r *run) inside(ctx context.Context, room room) (map[chat.UserID]bool, error) {
	in := map[chat.UserID]bool{}
	for after := chat.UserID(""); ; {
		page, more, err := room.reader.current().Members(ctx, room.id, after, 200)
		if err != nil {
			return nil, err
		}
		for _, u := range page {
			in[u.User.ID] = u.Role != ""
			after = u.User.ID
		}
		if !more {
			return in, nil
		}
	}
}

// gone reports whether an error says that a client was closed before it had an
// answer, so that another one has to ask.
func gone(err error) bool {
	_, refused := errors.AsType[*ws.Error](err)
	return !refused && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}
