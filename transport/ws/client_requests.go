package ws

import (
	"context"
	"fmt"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// Stored is what the server tells of a request that stored something.
type Stored struct {
	ID   string      // the idempotency key
	Room chat.RoomID // where it is stored
	Seq  chat.Seq    // of the event; 0: nothing had to be changed
	Time time.Time   // of the event
	// Duplicate: it was stored by an earlier request with the same id.
	Duplicate bool
}

func keyOr(id string) string {
	if id == "" {
		return chat.NewID()
	}
	return id
}

// store sends a request that stores something.
func (c *Client) store(ctx context.Context, typ, id string, body any) (storedReply, Stored, error) {
	id = keyOr(id)
	k, err := c.do(ctx, typ, id, body)
	if err != nil {
		return storedReply{}, Stored{ID: id}, err
	}
	r, err := decodeReply[storedReply](k)
	return r, Stored{ID: id, Room: r.Room, Seq: r.Seq, Time: r.Time, Duplicate: r.Dup}, err
}

func decodeReply[T any](k *call) (T, error) {
	v, err := as[T](k.reply)
	if err != nil {
		return v, fmt.Errorf("ws: %s: reply: %w", k.typ, err)
	}
	return v, nil
}

// Post sends a message. It returns when the message is stored.
func (c *Client) Post(ctx context.Context, room chat.RoomID, d chat.Draft) (Stored, error) {
	_, s, err := c.store(ctx, "message", d.ID, &messageRequest{
		Room: room, Text: &d.Text, ReplyTo: d.ReplyTo, Mentions: d.Mentions, Data: d.Data,
	})
	return s, err
}

// Edit replaces the text and data of a message that the user wrote.
func (c *Client) Edit(ctx context.Context, room chat.RoomID, e chat.Edit) (Stored, error) {
	_, s, err := c.store(ctx, "edit", e.ID, &editRequest{Room: room, Seq: e.Seq, Text: &e.Text, Data: e.Data})
	return s, err
}

// Delete empties a message.
func (c *Client) Delete(ctx context.Context, room chat.RoomID, seq chat.Seq) (Stored, error) {
	_, s, err := c.store(ctx, "delete", "", &deleteRequest{Room: room, Seq: seq})
	return s, err
}

// Command runs a command line such as "/stock=aapl.us" and waits for how it
// ends. A command that failed is an outcome with an Error, and no error; one that
// was not taken, because nobody knows it for example, is an [*Error].
func (c *Client) Command(ctx context.Context, room chat.RoomID, line chat.CommandLine) (chat.Outcome, error) {
	k, err := c.do(ctx, "command", keyOr(line.ID), &commandRequest{Room: room, Text: &line.Text})
	if err != nil {
		return chat.Outcome{}, err
	}
	return *k.outcome, nil
}

// Change does what a [chat.Change] says.
func (c *Client) Change(ctx context.Context, room chat.RoomID, ch chat.Change) (Stored, error) {
	typ, body := string(ch.Kind), any(nil)
	place := placeRequest{Room: room, User: ch.User}
	yes, no := true, false
	on := !ch.Off
	switch ch.Kind {
	case chat.Join, chat.Leave:
		body = &roomRequest{Room: room}
	case chat.Invite, chat.Remove, chat.Ban, chat.Unban:
		body = &place
	case chat.SetRole:
		body = &setMemberRequest{Room: room, User: ch.User, Role: ch.Role}
	case chat.Rename:
		typ, body = "update_room", &updateRoomRequest{Room: room, Name: &ch.Name}
	case chat.Archive:
		typ, body = "update_room", &updateRoomRequest{Room: room, Archived: &yes}
	case chat.Restore:
		typ, body = "update_room", &updateRoomRequest{Room: room, Archived: &no}
	case chat.Update:
		typ, body = "update_room", &updateRoomRequest{Room: room, Data: ch.Data}
	case chat.React:
		body = &reactRequest{Room: room, Seq: ch.Seq, Emoji: &ch.Emoji, On: &on}
	default:
		return Stored{}, fmt.Errorf("ws: %q is no kind of change", ch.Kind)
	}
	_, s, err := c.store(ctx, typ, ch.ID, body)
	return s, err
}

// Join makes the user a member of a public room.
func (c *Client) Join(ctx context.Context, room chat.RoomID) (Stored, error) {
	return c.Change(ctx, room, chat.Change{Kind: chat.Join})
}

// Leave ends the user's membership.
func (c *Client) Leave(ctx context.Context, room chat.RoomID) (Stored, error) {
	return c.Change(ctx, room, chat.Change{Kind: chat.Leave})
}

// CreateRoom makes a room with the user as its owner.
func (c *Client) CreateRoom(ctx context.Context, r chat.NewRoom) (chat.RoomInfo, error) {
	reply, _, err := c.store(ctx, "create_room", r.ID, &createRoomRequest{
		Name: &r.Name, Kind: r.Kind, Members: r.Members, Hides: r.Hides, Data: r.Data,
	})
	return reply.Info, err
}

// Direct returns the room that the user shares with another, and makes it if
// there is none.
func (c *Client) Direct(ctx context.Context, with chat.UserID) (chat.RoomInfo, error) {
	reply, _, err := c.store(ctx, "direct", "", &directRequest{User: with})
	return reply.Info, err
}

// History reads a part of a room's log.
func (c *Client) History(ctx context.Context, room chat.RoomID, r chat.Range) (chat.Page, error) {
	q := historyRequest{Room: room}
	if r.Before > 0 {
		q.Before = &r.Before
	}
	if r.After > 0 || r.Forward {
		q.After = &r.After
	}
	if r.Around > 0 {
		q.Around = &r.Around
	}
	if r.Limit > 0 {
		q.Limit = &r.Limit
	}
	k, err := c.do(ctx, "history", "", &q)
	if err != nil {
		return chat.Page{}, err
	}
	return decodeReply[chat.Page](k)
}

// page is the limit of a list on the wire: left out when 0.
func page(limit int) *int {
	if limit == 0 {
		return nil
	}
	return &limit
}

// Rooms pages through the rooms that the user is a member of, and the public
// ones that the user could join: those have no Role. They come in the order of
// their ids, beginning after the given one; 0 means 50, and at most 200 are
// returned. more tells whether there is another page.
func (c *Client) Rooms(ctx context.Context, after chat.RoomID, limit int) (rooms []chat.InboxEntry, more bool, err error) {
	k, err := c.do(ctx, "rooms", "", &roomsRequest{After: after, Limit: page(limit)})
	if err != nil {
		return nil, false, err
	}
	r, err := decodeReply[listReply](k)
	return r.Rooms, r.More, err
}

// Members pages through the members of a room in the order of their user ids.
// It is [Client.Rooms] in all else.
func (c *Client) Members(ctx context.Context, room chat.RoomID, after chat.UserID, limit int) (members []chat.Member, more bool, err error) {
	k, err := c.do(ctx, "members", "", &membersRequest{Room: room, After: after, Limit: page(limit)})
	if err != nil {
		return nil, false, err
	}
	r, err := decodeReply[listReply](k)
	return r.Members, r.More, err
}

// Commands returns the specs of the commands that the user may call in a room;
// an empty room means all commands that there are.
func (c *Client) Commands(ctx context.Context, room chat.RoomID) ([]command.Spec, error) {
	var all []command.Spec
	for after := ""; ; {
		k, err := c.do(ctx, "commands", "", &commandsRequest{Room: room, After: after, Limit: page(maxLimit)})
		if err != nil {
			return nil, err
		}
		r, err := decodeReply[listReply](k)
		if err != nil {
			return nil, err
		}
		all = append(all, r.Commands...)
		if !r.More || len(r.Commands) == 0 {
			return all, nil
		}
		after = all[len(all)-1].Name
	}
}

// Complete offers ways to go on with a command line at the cursor, with the
// commands that the user may call in a room; an empty room means all. Both
// cursor and the result count bytes of line; see [command.Complete].
func (c *Client) Complete(ctx context.Context, room chat.RoomID, line string, cursor int) (command.Completion, error) {
	at := utf16Len(line[:min(max(cursor, 0), len(line))])
	k, err := c.do(ctx, "complete", "", &completeRequest{Room: room, Text: &line, Cursor: &at})
	if err != nil {
		return command.Completion{}, err
	}
	r, err := decodeReply[completeReply](k)
	return command.Completion{
		Start: byteAt(line, r.Start), End: byteAt(line, r.End), Choices: r.Choices, Arg: r.Arg,
	}, err
}

// Typing tells the others in a room that the user is writing. Once in 3 s is
// enough.
func (c *Client) Typing(ctx context.Context, room chat.RoomID) error {
	_, err := c.do(ctx, "typing", "", &typingRequest{Room: room})
	return err
}

// MarkRead moves the user's read marker in a room to seq, if that is forward.
func (c *Client) MarkRead(ctx context.Context, room chat.RoomID, seq chat.Seq) error {
	_, err := c.do(ctx, "read", "", &readRequest{Room: room, Seq: seq})
	return err
}
