package chattest

import (
	"context"
	"fmt"

	"github.com/carlware/gochat/chat"
)

// client is somebody at one of the hubs, with a session.
type client struct {
	s    *stage
	user chat.UserID
	at   int // which hub
	hub  chat.Hub
	*chat.Session
	welcome chat.Welcome
	record  *Client

	places   map[chat.RoomID]*place
	events   map[chat.RoomID][]chat.Event
	notices  []chat.Notice
	outcomes []chat.Outcome
	gaps     []chat.Gap
}

// person connects a user who has not been there, at the next hub.
func (s *stage) person(user chat.UserID) *client {
	s.Helper()
	s.people++
	return s.connect(user, s.people-1, nil)
}

// cast connects the three people that most cases need: with several hubs the
// first two are at different ones.
func (s *stage) cast() (ann, bob, cyd *client) {
	s.Helper()
	return s.person("ann"), s.person("bob"), s.person("cyd")
}

// connect begins a session at a hub.
func (s *stage) connect(user chat.UserID, at int, o *chat.SessionOptions) *client {
	s.Helper()
	at %= len(s.hubs)
	hub := s.hubs[at]
	session, err := hub.Connect(s.Context(), principal(user), o)
	s.ok(err, "Connect of %s", user)
	s.Cleanup(func() { session.Close() })
	c := &client{s: s, user: user, at: at, hub: hub, Session: session, welcome: session.Welcome(),
		record: s.recorder.Client(user, fmt.Sprint("session ", len(s.recorder.clients)+1)),
		places: map[chat.RoomID]*place{}, events: map[chat.RoomID][]chat.Event{}}
	for _, e := range c.welcome.Rooms {
		p := welcomed(&c.welcome, &e, o)
		c.places[e.ID] = &p
		s.rooms[e.ID] = true
	}
	c.record.Connected(c.welcome, o)
	c.record.Disconnected() // it need not read to the end
	return c
}

// again closes the session and comes back with what it has of all rooms, at
// the next hub.
func (c *client) again(o *chat.SessionOptions) *client {
	c.s.Helper()
	c.Session.Close()
	if o == nil {
		o = &chat.SessionOptions{Epoch: c.welcome.Epoch, Rooms: map[chat.RoomID]chat.Seq{}}
		for room, p := range c.places {
			o.Rooms[room] = p.at
		}
	}
	return c.s.connect(c.user, c.at+1, o)
}

// take notes a delivery. The recorder checks that it was in its place.
func (c *client) take(d *chat.Delivery) {
	c.s.Helper()
	c.record.Delivered(d)
	switch {
	case d.Event != nil:
		e := *d.Event
		c.place(e.Room).event(e.Seq, begins(&e, c.user), ends(&e, c.user))
		c.events[e.Room] = append(c.events[e.Room], e)
	case d.Gap != nil:
		c.place(d.Gap.Room).gap(d.Gap)
		c.gaps = append(c.gaps, *d.Gap)
	case d.Notice != nil:
		c.notices = append(c.notices, *d.Notice)
	case d.Outcome != nil:
		c.outcomes = append(c.outcomes, *d.Outcome)
	default:
		c.s.Errorf("%s was given an empty delivery", c.user)
	}
}

func (c *client) place(room chat.RoomID) *place {
	p := c.places[room]
	if p == nil {
		p = &place{}
		c.places[room] = p
		c.s.rooms[room] = true
	}
	return p
}

// until reads until ok, or fails the test.
func (c *client) until(ok func() bool, what string, args ...any) {
	c.s.Helper()
	ctx, cancel := context.WithTimeout(c.s.Context(), c.s.patience)
	defer cancel()
	for !ok() {
		d, err := c.Next(ctx)
		if err != nil {
			c.s.Fatalf("%s waits for %s: %v", c.user, fmt.Sprintf(what, args...), err)
		}
		c.take(d)
	}
}

// reach reads until the client has the room up to seq.
func (c *client) reach(room chat.RoomID, seq chat.Seq) {
	c.s.Helper()
	c.until(func() bool { return c.place(room).at >= seq }, "event %d of room %s, which everybody in it gets", seq, room)
}

// outcome reads until the outcome of a command.
func (c *client) outcome(id string) chat.Outcome {
	c.s.Helper()
	var got chat.Outcome
	c.until(func() bool {
		for _, o := range c.outcomes {
			if o.ID == id {
				got = o
				return true
			}
		}
		return false
	}, "the outcome of command %s, which all sessions of its caller get", id)
	return got
}

// notice reads until there is a notice of that kind for which ok is true.
func (c *client) notice(kind chat.NoticeKind, what string, ok func(n chat.Notice) bool) {
	c.s.Helper()
	seen := 0
	c.until(func() bool {
		for ; seen < len(c.notices); seen++ {
			if n := c.notices[seen]; n.Kind == kind && ok(n) {
				return true
			}
		}
		return false
	}, "a notice %s %s", kind, what)
}

// drain reads what is there.
func (c *client) drain() {
	c.s.Helper()
	for _, d := range c.Take(nil, 1<<30) {
		c.take(d)
	}
}

// room returns a room as the client reaches it.
func (c *client) room(id chat.RoomID) chat.Room {
	c.s.Helper()
	r, err := c.hub.Room(c.s.Context(), c.user, id)
	c.s.ok(err, "Room %s of %s", id, c.user)
	return r
}

// create makes a room.
func (c *client) create(r chat.NewRoom) chat.RoomID {
	c.s.Helper()
	if r.ID == "" {
		r.ID = chat.NewID()
	}
	if r.Name == "" {
		r.Name = "Room " + r.ID[:8]
	}
	made, err := c.hub.CreateRoom(c.s.Context(), c.user, r)
	c.s.ok(err, "CreateRoom by %s", c.user)
	return c.idOf(made)
}

func (c *client) idOf(r chat.Room) chat.RoomID {
	c.s.Helper()
	info, err := r.Info(c.s.Context(), c.user)
	c.s.ok(err, "Info for %s", c.user)
	return info.ID
}

// post posts a text.
func (c *client) post(id chat.RoomID, text string) chat.Event {
	c.s.Helper()
	return c.send(id, chat.Draft{Text: text}).Event
}

// send posts a message.
func (c *client) send(id chat.RoomID, d chat.Draft) chat.Receipt {
	c.s.Helper()
	if d.ID == "" {
		d.ID = chat.NewID()
	}
	rc, err := c.room(id).Post(c.s.Context(), c.user, d)
	c.s.ok(err, "Post of %s", c.user)
	if e := rc.Event; e.Room != id || e.ID != d.ID || e.User.ID != c.user || e.Seq == 0 || e.Kind != chat.Message {
		c.s.Fatalf("Post of %s with id %s returned %s: a receipt is the stored event", c.user, d.ID, show(rc))
	}
	return rc
}

// try makes a change that may be refused.
func (c *client) try(id chat.RoomID, change chat.Change) (chat.Receipt, error) {
	c.s.Helper()
	if change.ID == "" {
		change.ID = chat.NewID()
	}
	return c.room(id).Change(c.s.Context(), c.user, change)
}

// change makes a change.
func (c *client) change(id chat.RoomID, change chat.Change) chat.Event {
	c.s.Helper()
	rc, err := c.try(id, change)
	c.s.ok(err, "%s by %s", change.Kind, c.user)
	return rc.Event
}

// read reads a page.
func (c *client) read(id chat.RoomID, r chat.Range) chat.Page {
	c.s.Helper()
	p, err := c.room(id).History(c.s.Context(), c.user, r)
	c.s.ok(err, "History %+v for %s", r, c.user)
	return p
}

// log reads all that the client may see of a room.
func (c *client) log(id chat.RoomID) []chat.Event {
	c.s.Helper()
	var events []chat.Event
	for r := (chat.Range{Forward: true, Limit: 200}); ; {
		p := c.read(id, r)
		events = append(events, p.Events...)
		if !p.More || len(p.Events) == 0 {
			return events
		}
		r.After = events[len(events)-1].Seq
	}
}

// lastOf returns the last n of events, or fewer.
func lastOf(events []chat.Event, n int) []chat.Event { return events[max(0, len(events)-n):] }

// newest returns the event of a room that the client was given last.
func (c *client) newest(room chat.RoomID) chat.Event {
	for _, e := range lastOf(c.events[room], 1) {
		return e
	}
	return chat.Event{}
}

// entry returns the entry of a room in the client's inbox.
func (c *client) entry(id chat.RoomID) (chat.InboxEntry, bool) {
	c.s.Helper()
	inbox, err := c.hub.Inbox(c.s.Context(), c.user)
	c.s.ok(err, "Inbox of %s", c.user)
	for _, e := range inbox.Rooms {
		if e.ID == id {
			return e, true
		}
	}
	return chat.InboxEntry{}, false
}
