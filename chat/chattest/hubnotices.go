package chattest

import (
	"encoding/json"

	"github.com/carlware/gochat/chat"
)

var hubNoticeCases = []hubCase{
	{"RoomCreated", hubRoomCreated, nil},
	{"RoomUpdated", hubRoomUpdated, nil},
	{"Added", hubAddedNotice, nil},
	{"Typing", hubTyping, nil},
	{"Presence", hubPresence, nil},
}

func aboutRoom(id chat.RoomID) func(chat.Notice) bool {
	return func(n chat.Notice) bool { return n.Room != nil && n.Room.ID == id }
}

func hubRoomCreated(s *stage) {
	ann, bob, cyd := s.cast()
	tab := s.connect("bob", bob.at+1, nil)
	private := ann.create(chat.NewRoom{Kind: chat.Private})
	public := ann.create(chat.NewRoom{Name: "Tea"})
	for _, c := range []*client{ann, bob, tab, cyd} {
		c.notice(chat.RoomCreated, "of a public room, which everybody gets", func(n chat.Notice) bool {
			return aboutRoom(public)(n) && n.Room.Name == "Tea" && n.Room.Kind == chat.Public
		})
		for _, n := range c.notices {
			if aboutRoom(private)(n) {
				s.Errorf("%s was told of a private room: %s", c.user, show(n))
			}
		}
	}
}

func hubRoomUpdated(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Name: "Tea"})
	ann.change(room, chat.Change{Kind: chat.Rename, Name: "Coffee"})
	bob.notice(chat.RoomUpdated, "of a public room that was renamed, which everybody gets", func(n chat.Notice) bool {
		return aboutRoom(room)(n) && n.Room.Name == "Coffee"
	})
	e := ann.change(room, chat.Change{Kind: chat.Update, Data: json.RawMessage(`{"topic":"beans"}`)})
	bob.notice(chat.RoomUpdated, "of a public room that has new data, which everybody gets", func(n chat.Notice) bool {
		return aboutRoom(room)(n) && string(n.Room.Data) == `{"topic":"beans"}`
	})
	ann.reach(room, e.Seq)
	info, err := bob.room(room).Info(s.Context(), "bob")
	s.ok(err, "Info")
	if info.Name != "Coffee" || string(info.Data) != `{"topic":"beans"}` || info.Members != 1 || info.Head != e.Seq {
		s.Errorf("the room is %s", show(info))
	}
}

func hubAddedNotice(s *stage) {
	ann, bob, cyd := s.cast()
	tab := s.connect("bob", bob.at+1, nil)
	one := ann.create(chat.NewRoom{Kind: chat.Private, Members: []chat.UserID{"bob"}})
	two := ann.create(chat.NewRoom{Kind: chat.Private})
	ann.change(two, chat.Change{Kind: chat.Invite, User: "bob"})
	for _, c := range []*client{bob, tab} {
		c.notice(chat.Added, "to a new room, which all sessions of who was added get", aboutRoom(one))
		c.notice(chat.Added, "by an invitation, which all sessions of who was added get", aboutRoom(two))
		c.reach(one, 3)
		c.reach(two, 3)
	}
	cyd.drain()
	for _, n := range cyd.notices {
		if n.Room != nil {
			s.Errorf("cyd was told %s: nothing that concerns her", show(n))
		}
	}
}

func hubTyping(s *stage) {
	ann, bob, cyd := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	for _, c := range []*client{ann, bob} {
		c.reach(room, 3)
	}
	s.ok(ann.Typing(room), "Typing")
	bob.notice(chat.Typing, "of somebody in the room", func(n chat.Notice) bool {
		return n.In == room && n.User != nil && n.User.ID == "ann"
	})
	s.fails(cyd.Typing(room), chat.ErrNotFound, "who is not in the room does not type there")
	ann.reach(room, bob.post(room, "hello").Seq)
	for _, n := range ann.notices {
		if n.Kind == chat.Typing {
			s.Errorf("ann was told %s: one knows oneself that one types", show(n))
		}
	}
}

func hubPresence(s *stage) {
	ann := s.person("ann")
	s.ok(ann.hub.Admit(s.Context(), principal("bob")), "Admit")
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	online := func(want bool) func() bool {
		return func() bool {
			ms, err := ann.room(room).Members(s.Context(), "ann", "", 0)
			s.ok(err, "Members")
			return len(ms) == 2 && ms[0].Online && ms[1].User.ID == "bob" && ms[1].Online == want
		}
	}
	s.soon(online(false), "Members tells that who has never connected is not online")
	bob := s.person("bob")
	came := func(n chat.Notice) bool { return n.User != nil && n.User.ID == "bob" && n.Online != nil && *n.Online }
	ann.notice(chat.Presence, "of somebody who has come", came)
	s.soon(online(true), "Members tells who is online")
	bob.Close()
	ann.notice(chat.Presence, "of somebody who has gone", func(n chat.Notice) bool {
		return n.User != nil && n.User.ID == "bob" && n.Online != nil && !*n.Online
	})
	s.soon(online(false), "Members tells who is online")
}
