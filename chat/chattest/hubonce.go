package chattest

import (
	"context"
	"sync/atomic"

	"github.com/carlware/gochat/chat"
)

var hubOnceCases = []hubCase{
	{"Again", hubAgain, nil},
	{"Together", hubAgainTogether, nil},
	{"OtherContent", hubOtherContent, nil},
	{"OtherUserOtherRoom", hubOtherUser, nil},
	{"AfterRemoval", hubAgainAfterRemoval, nil},
	{"Rooms", hubRoomAgain, nil},
	{"Cancelled", hubCancelled, nil},
}

// requests are the kinds of requests that store an event. Each call with
// another id is another request; hub is where it is sent.
func (c *client) requests(room chat.RoomID, m chat.Seq) map[string]func(hub chat.Hub, id string) (chat.Receipt, error) {
	at := func(f func(r chat.Room, id string) (chat.Receipt, error)) func(chat.Hub, string) (chat.Receipt, error) {
		return func(hub chat.Hub, id string) (chat.Receipt, error) {
			r, err := hub.Room(context.Background(), c.user, room)
			if err != nil {
				return chat.Receipt{}, err
			}
			return f(r, id)
		}
	}
	ctx := c.s.Context()
	return map[string]func(chat.Hub, string) (chat.Receipt, error){
		"Post": at(func(r chat.Room, id string) (chat.Receipt, error) {
			return r.Post(ctx, c.user, chat.Draft{ID: id, Text: "hello"})
		}),
		"Edit": at(func(r chat.Room, id string) (chat.Receipt, error) {
			return r.Edit(ctx, c.user, chat.Edit{ID: id, Seq: m, Text: "edited"})
		}),
		"Delete": at(func(r chat.Room, id string) (chat.Receipt, error) { return r.Delete(ctx, c.user, m, id) }),
		"Invite": at(func(r chat.Room, id string) (chat.Receipt, error) {
			return r.Change(ctx, c.user, chat.Change{ID: id, Kind: chat.Invite, User: "cyd"})
		}),
		"React": at(func(r chat.Room, id string) (chat.Receipt, error) {
			return r.Change(ctx, c.user, chat.Change{ID: id, Kind: chat.React, Seq: m, Emoji: "👍"})
		}),
		"Rename": at(func(r chat.Room, id string) (chat.Receipt, error) {
			return r.Change(ctx, c.user, chat.Change{ID: id, Kind: chat.Rename, Name: "New name"})
		}),
	}
}

func hubAgain(s *stage) {
	ann, bob, _ := s.cast()
	for name := range ann.requests("", 0) {
		room := ann.create(chat.NewRoom{Kind: chat.Private, Members: []chat.UserID{"bob"}})
		m := ann.post(room, "first")
		send, id := ann.requests(room, m.Seq)[name], chat.NewID()
		first, err := send(ann.hub, id)
		s.ok(err, "%s", name)
		if first.Duplicate || first.Event.Seq != m.Seq+1 || first.Event.ID != id {
			s.Errorf("%s returned %s: it is the event after the message", name, show(first))
		}
		last := ann.post(room, "last")
		for i, hub := range append(s.hubs, s.hubs...) {
			again, err := send(hub, id)
			s.ok(err, "%s again", name)
			if !again.Duplicate || again.Event.Seq != first.Event.Seq || again.Event.ID != id {
				s.Errorf("%s again at hub %d returned %s: the same request gets the first answer, %s, with Duplicate set", name, i%len(s.hubs), show(again), show(first))
			}
		}
		if head := ann.read(room, chat.Range{}).Head; head != last.Seq {
			s.Errorf("%s again moved the head from %d to %d: it stores nothing", name, last.Seq, head)
		}
		bob.reach(room, last.Seq)
	}
}

func hubAgainTogether(s *stage) {
	ann, bob, _ := s.cast()
	for name := range ann.requests("", 0) {
		room := ann.create(chat.NewRoom{Kind: chat.Private, Members: []chat.UserID{"bob"}})
		m := ann.post(room, "first")
		send, id := ann.requests(room, m.Seq)[name], chat.NewID()
		var fresh atomic.Int64
		together(20, func(i int) {
			rc, err := send(s.hubs[i%len(s.hubs)], id)
			if err != nil || rc.Event.Seq != m.Seq+1 {
				s.Errorf("%s, 20 times at once, returned %s and %v: all get the one event that was stored", name, show(rc), err)
			} else if !rc.Duplicate {
				fresh.Add(1)
			}
		})
		if n := fresh.Load(); n != 1 {
			s.Errorf("%s, 20 times at once: %d were told that they stored it, want 1", name, n)
		}
		last := ann.post(room, "last")
		if last.Seq != m.Seq+2 {
			s.Errorf("%s, 20 times at once, stored %d events, want 1", name, last.Seq-m.Seq-1)
		}
		bob.reach(room, last.Seq)
	}
}

func hubOtherContent(s *stage) {
	ann, _, _ := s.cast()
	room := ann.create(chat.NewRoom{})
	d := chat.Draft{ID: chat.NewID(), Text: "one"}
	m := ann.send(room, d).Event
	ann.unchanged(room, func() {
		r := ann.room(room)
		d.Text = "two"
		_, err := r.Post(s.Context(), "ann", d)
		s.fails(err, chat.ErrIDReused, "the same id with another text")
		s.code(err, "id_reused", "the same id with another text")
		_, err = r.Edit(s.Context(), "ann", chat.Edit{ID: d.ID, Seq: m.Seq, Text: "one"})
		s.fails(err, chat.ErrIDReused, "the id of a message for an edit")
		_, err = r.Change(s.Context(), "ann", chat.Change{ID: d.ID, Kind: chat.Rename, Name: "x"})
		s.fails(err, chat.ErrIDReused, "the id of a message for a change")
	})
	line := chat.CommandLine{ID: chat.NewID(), Text: "/say"}
	ann.runAs(room, line.ID, line.Text)
	ann.outcome(line.ID)
	line.Text = "/whisper"
	_, err := ann.room(room).Command(s.Context(), "ann", line)
	s.fails(err, chat.ErrIDReused, "the same id with another command")
	made := chat.NewRoom{ID: chat.NewID(), Name: "One"}
	ann.create(made)
	made.Name = "Two"
	_, err = ann.hub.CreateRoom(s.Context(), "ann", made)
	s.fails(err, chat.ErrIDReused, "the same id with another room")
}

func hubOtherUser(s *stage) {
	ann, bob, _ := s.cast()
	one := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	d := chat.Draft{ID: chat.NewID(), Text: "mine"}
	first := ann.send(one, d)
	if rc := bob.send(one, d); rc.Duplicate || rc.Event.Seq == first.Event.Seq {
		s.Errorf("another user's message with the same id returned %s: nobody else's is found by it", show(rc))
	}
	bob.reach(one, first.Event.Seq+1)
}

func hubAgainAfterRemoval(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	d := chat.Draft{ID: chat.NewID(), Text: "before"}
	r := bob.room(room)
	first := bob.send(room, d)
	ann.change(room, chat.Change{Kind: chat.Remove, User: "bob"})
	again, err := r.Post(s.Context(), "bob", d)
	if err != nil || !again.Duplicate || again.Event.Seq != first.Event.Seq {
		s.Errorf("sent again after the removal it returned %s and %v: what was stored is told before rights are asked", show(again), err)
	}
	_, err = r.Post(s.Context(), "bob", chat.Draft{ID: chat.NewID(), Text: "after"})
	s.fails(err, chat.ErrForbidden, "who was removed posts no more")
}

func hubRoomAgain(s *stage) {
	ann, _, _ := s.cast()
	ask := chat.NewRoom{ID: chat.NewID(), Name: "Tea", Members: []chat.UserID{"bob"}}
	ids := make([]chat.RoomID, 20)
	together(len(ids), func(i int) {
		r, err := s.hubs[i%len(s.hubs)].CreateRoom(s.Context(), "ann", ask)
		if err != nil {
			s.Errorf("CreateRoom, 20 times at once: %v", err)
			return
		}
		info, err := r.Info(s.Context(), "ann")
		if err != nil {
			s.Errorf("Info: %v", err)
		}
		ids[i] = info.ID
	})
	for _, id := range ids {
		if id != ids[0] {
			s.Fatalf("CreateRoom, 20 times at once, made the rooms %v, want one", ids)
		}
	}
	if log := ann.log(ids[0]); len(log) != 3 {
		s.Errorf("the room's log is %s, want created and two joined", show(log))
	}
}

// hubCancelled posts while its context ends: whatever the answer is, the same
// request again finds out, and there is one message.
func hubCancelled(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	r := ann.room(room)
	const n = 40
	for i := range n {
		d := chat.Draft{ID: chat.NewID(), Text: "hello"}
		ctx, cancel := context.WithCancel(s.Context())
		if i%4 == 0 {
			cancel()
		} else {
			go cancel()
		}
		rc, err := r.Post(ctx, "ann", d)
		cancel()
		again := ann.send(room, d)
		if err == nil && (!again.Duplicate || again.Event.Seq != rc.Event.Seq) {
			s.Errorf("Post returned %s, and again %s", show(rc), show(again))
		}
	}
	log := ann.log(room)
	if len(log) != n+3 {
		s.Errorf("%d messages, each sent twice, are %d", n, len(log)-3)
	}
	bob.reach(room, chat.Seq(len(log)))
}
