package ws

import (
	"context"
	"errors"
	"time"

	"github.com/carlware/gochat/chat"
)

// stored adds what the reply to a storing request carries. A request that
// changed nothing has no event.
func (o *object) stored(room chat.RoomID, r chat.Receipt) {
	o.str("room", string(room))
	if r.Event.Seq != 0 {
		o.num("seq", int64(r.Event.Seq))
		o.time("time", r.Event.Time)
	}
	o.flag("dup", r.Duplicate)
}

func (r *messageRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	room, err := c.room(ctx, r.Room)
	if err != nil {
		return err
	}
	rc, err := room.Post(ctx, c.user(), chat.Draft{
		ID: id, Text: *r.Text, ReplyTo: r.ReplyTo, Mentions: r.Mentions, Data: r.Data,
	})
	o.stored(r.Room, rc)
	return err
}

func (r *commandRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	room, err := c.room(ctx, r.Room)
	if err != nil {
		return err
	}
	call, err := room.Command(ctx, c.user(), chat.CommandLine{ID: id, Text: *r.Text})
	if err != nil {
		return err
	}
	o.str("room", string(r.Room))
	o.str("call", call.ID)
	o.num("timeout_ms", max(call.Timeout.Milliseconds(), 0))
	return nil
}

func (r *editRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	room, err := c.room(ctx, r.Room)
	if err != nil {
		return err
	}
	rc, err := room.Edit(ctx, c.user(), chat.Edit{ID: id, Seq: r.Seq, Text: *r.Text, Data: r.Data})
	o.stored(r.Room, rc)
	return err
}

func (r *deleteRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	room, err := c.room(ctx, r.Room)
	if err != nil {
		return err
	}
	rc, err := room.Delete(ctx, c.user(), r.Seq, id)
	o.stored(r.Room, rc)
	return err
}

// change serves the requests that are a [chat.Change].
func change(ctx context.Context, c *conn, id string, o *object, room chat.RoomID, ch chat.Change) error {
	r, err := c.room(ctx, room)
	if err != nil {
		return err
	}
	ch.ID = id
	rc, err := r.Change(ctx, c.user(), ch)
	o.stored(room, rc)
	return err
}

func (r *reactRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	return change(ctx, c, id, o, r.Room, chat.Change{Kind: chat.React, Seq: r.Seq, Emoji: *r.Emoji, Off: !*r.On})
}

func (r *joinRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	return change(ctx, c, id, o, r.Room, chat.Change{Kind: chat.Join})
}

func (r *leaveRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	return change(ctx, c, id, o, r.Room, chat.Change{Kind: chat.Leave})
}

func (r *inviteRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	return change(ctx, c, id, o, r.Room, chat.Change{Kind: chat.Invite, User: r.User})
}

func (r *removeRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	return change(ctx, c, id, o, r.Room, chat.Change{Kind: chat.Remove, User: r.User})
}

func (r *banRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	return change(ctx, c, id, o, r.Room, chat.Change{Kind: chat.Ban, User: r.User})
}

func (r *unbanRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	return change(ctx, c, id, o, r.Room, chat.Change{Kind: chat.Unban, User: r.User})
}

func (r *setMemberRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	return change(ctx, c, id, o, r.Room, chat.Change{Kind: chat.SetRole, User: r.User, Role: r.Role})
}

func (r *updateRoomRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	ch := chat.Change{Kind: chat.Update, Data: r.Data}
	switch {
	case r.Name != nil:
		ch = chat.Change{Kind: chat.Rename, Name: *r.Name}
	case r.Archived != nil && *r.Archived:
		ch = chat.Change{Kind: chat.Archive}
	case r.Archived != nil:
		ch = chat.Change{Kind: chat.Restore}
	}
	return change(ctx, c, id, o, r.Room, ch)
}

func (r *createRoomRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	room, err := c.h.hub.CreateRoom(ctx, c.user(), chat.NewRoom{
		ID: id, Name: *r.Name, Kind: r.Kind, Members: r.Members, Hides: r.Hides, Data: r.Data,
	})
	if err != nil {
		return err
	}
	return o.made(ctx, c, room)
}

func (r *directRequest) serve(ctx context.Context, c *conn, id string, o *object) error {
	room, err := c.h.hub.Direct(ctx, c.user(), r.User, id)
	if err != nil {
		return err
	}
	return o.made(ctx, c, room)
}

// made adds a room that was created, or found.
func (o *object) made(ctx context.Context, c *conn, room chat.Room) error {
	info, err := room.Info(ctx, c.user())
	if err != nil {
		return err
	}
	o.info(&info)
	return nil
}

func (o *object) info(info *chat.RoomInfo) {
	o.str("room", string(info.ID))
	o.open("info")
	o.room(info)
	o.close()
}

func (r *readRequest) serve(ctx context.Context, c *conn, _ string, _ *object) error {
	room, err := c.room(ctx, r.Room)
	if err != nil {
		return err
	}
	return room.MarkRead(ctx, c.user(), r.Seq)
}

func (r *typingRequest) serve(_ context.Context, c *conn, _ string, _ *object) error {
	c.mu.Lock()
	sess := c.sess
	c.mu.Unlock()
	return sess.Typing(r.Room)
}

// errUnauthorized is what a token that is not accepted comes to.
var errUnauthorized = errors.New("ws: token is not accepted")

func (r *authRequest) serve(ctx context.Context, c *conn, _ string, o *object) error {
	if c.h.o.Reauthenticate == nil {
		return &chat.InputError{Code: "bad_request", Field: "type", Message: "This server takes no new token on a connection."}
	}
	p, err := c.h.o.Reauthenticate(ctx, r.Token)
	if err != nil {
		if farewellFor(err).code == codeTryLater {
			return err
		}
		return errUnauthorized
	}
	if err := c.extend(p); err != nil {
		return err
	}
	if !p.Expires.IsZero() {
		o.time("expires", p.Expires)
	}
	return nil
}

func (r *pingRequest) serve(_ context.Context, _ *conn, _ string, o *object) error {
	o.time("time", time.Now())
	return nil
}

// replyError maps what serve returned to the wire.
func replyError(err error) *chat.Error {
	if errors.Is(err, errUnauthorized) {
		return &chat.Error{Code: "unauthorized", Field: "token", Message: "The token is not accepted."}
	}
	return chat.AsError(err)
}
