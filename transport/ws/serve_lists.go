package ws

import (
	"context"
	"slices"
	"strings"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// defaultLimit and maxLimit bound the length of lists.
const (
	defaultLimit = 50
	maxLimit     = 200
)

func limitOf(limit *int) int {
	if limit == nil {
		return defaultLimit
	}
	return min(*limit, maxLimit)
}

func (r *historyRequest) serve(ctx context.Context, c *conn, _ string, o *object) error {
	room, err := c.room(ctx, r.Room)
	if err != nil {
		return err
	}
	rg := chat.Range{Limit: limitOf(r.Limit)}
	if r.Before != nil {
		rg.Before = *r.Before
	}
	if r.After != nil {
		rg.After, rg.Forward = *r.After, true
	}
	if r.Around != nil {
		rg.Around = *r.Around
	}
	page, err := room.History(ctx, c.user(), rg)
	if err != nil {
		return err
	}
	o.str("room", string(r.Room))
	o.page(&page, rg.Forward || rg.Around > 0)
	return nil
}

// The list of rooms says of each whether the user is a member of it, so both
// what there is and what is the user's are read.
func (r *roomsRequest) serve(ctx context.Context, c *conn, _ string, o *object) error {
	limit := limitOf(r.Limit)
	rooms, err := c.h.hub.Rooms(ctx, c.user(), r.After, limit)
	if err != nil {
		return err
	}
	inbox, err := c.h.hub.Inbox(ctx, c.user())
	if err != nil {
		return err
	}
	mine := make(map[chat.RoomID]*chat.InboxEntry, len(inbox.Rooms))
	for i := range inbox.Rooms {
		mine[inbox.Rooms[i].ID] = &inbox.Rooms[i]
	}
	list := make([]chat.InboxEntry, len(rooms))
	for i, info := range rooms {
		if e := mine[info.ID]; e != nil {
			list[i] = *e
		} else {
			list[i] = chat.InboxEntry{RoomInfo: info}
		}
	}
	items(o, "rooms", list, len(rooms) == limit, (*object).entry)
	return nil
}

func (r *membersRequest) serve(ctx context.Context, c *conn, _ string, o *object) error {
	room, err := c.room(ctx, r.Room)
	if err != nil {
		return err
	}
	limit := limitOf(r.Limit)
	members, err := room.Members(ctx, c.user(), r.After, limit)
	if err != nil {
		return err
	}
	o.str("room", string(r.Room))
	items(o, "members", members, len(members) == limit, (*object).member)
	return nil
}

// maxSpec is the longest description of a command that is sent. What a broker
// announces is limited, but not to a frame.
const maxSpec = 64 << 10

func (r *commandsRequest) serve(ctx context.Context, c *conn, _ string, o *object) error {
	specs, err := c.h.hub.Commands(ctx, c.user(), r.Room)
	if err != nil {
		return err
	}
	i, found := slices.BinarySearchFunc(specs, r.After, func(s command.Spec, after string) int {
		return strings.Compare(s.Name, after)
	})
	if found {
		i++
	}
	specs = slices.DeleteFunc(slices.Clone(specs[i:]), func(s command.Spec) bool {
		o := begin("")
		o.spec(&s)
		return len(o.b) > maxSpec
	})
	limit := min(limitOf(r.Limit), len(specs))
	items(o, "commands", specs[:limit], limit < len(specs), (*object).spec)
	return nil
}
