package chattest

import "github.com/carlware/gochat/chat"

var hubDirectCases = []hubCase{
	{"OneForBoth", hubDirect, nil},
	{"Race", hubDirectRace, nil},
	{"Oneself", hubDirectOneself, nil},
	{"NoChanges", hubDirectNoChanges, nil},
}

// direct opens a direct room.
func (c *client) direct(with chat.UserID) chat.RoomID {
	c.s.Helper()
	r, err := c.hub.Direct(c.s.Context(), c.user, with, chat.NewID())
	c.s.ok(err, "Direct of %s with %s", c.user, with)
	return c.idOf(r)
}

func hubDirect(s *stage) {
	ann, bob, cyd := s.cast()
	tabs := []*client{s.connect("ann", ann.at+1, nil), s.connect("bob", bob.at+1, nil)}
	room := ann.direct("bob")
	if other := bob.direct("ann"); other != room {
		s.Errorf("ann has %s with bob, bob %s with ann: it is one room, whoever asks", room, other)
	}
	if other := cyd.direct("ann"); other == room {
		s.Errorf("cyd has the room of ann and bob")
	}
	for _, c := range append(tabs, ann, bob) {
		c.notice(chat.Added, "to the direct room, which all sessions of both get", func(n chat.Notice) bool {
			return aboutRoom(room)(n) && n.Room.Kind == chat.Direct
		})
		c.reach(room, 3)
		info, err := c.room(room).Info(s.Context(), c.user)
		s.ok(err, "Info")
		if with := map[chat.UserID]chat.UserID{"ann": "bob", "bob": "ann"}[c.user]; info.Kind != chat.Direct || info.With == nil || info.With.ID != with || info.Members != 2 {
			s.Errorf("the room is %s for %s, want a direct one of two, with %s", show(info), c.user, with)
		}
		e, _ := c.entry(room)
		if e.With == nil || e.With.ID != info.With.ID {
			s.Errorf("the inbox of %s has %s, want it with %s", c.user, show(e), info.With.ID)
		}
	}
	last := ann.post(room, "psst").Seq
	last = max(last, bob.post(room, "yes?").Seq)
	for _, c := range append(tabs, ann, bob) {
		c.reach(room, last)
	}
}

// hubDirectRace has both ask at once.
func hubDirectRace(s *stage) {
	for round := range 10 {
		names := []chat.UserID{chat.UserID("a-" + chat.NewID()), chat.UserID("b-" + chat.NewID())}
		both := []*client{s.connect(names[0], 0, nil), s.connect(names[1], 1, nil)}
		ids := make([]chat.RoomID, 8)
		together(len(ids), func(i int) {
			c, with := both[i%2], names[1-i%2]
			r, err := c.hub.Direct(s.Context(), c.user, with, chat.NewID())
			if err != nil {
				s.Errorf("Direct: %v", err)
				return
			}
			info, err := r.Info(s.Context(), c.user)
			if err != nil {
				s.Errorf("Info: %v", err)
			}
			ids[i] = info.ID
		})
		for _, id := range ids {
			if id != ids[0] {
				s.Fatalf("round %d: two people who ask at once got the rooms %v, want one", round, ids)
			}
		}
		last := both[0].post(ids[0], "hello").Seq
		if last != 4 {
			s.Errorf("the first message has seq %d, want 4: the log begins with created and two joined", last)
		}
		both[0].reach(ids[0], last)
		both[1].reach(ids[0], last)
	}
}

func hubDirectOneself(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.direct("ann")
	if other := ann.direct("ann"); other != room {
		s.Errorf("ann has the rooms %s and %s with herself, want one", room, other)
	}
	ann.reach(room, ann.post(room, "a note").Seq)
	info, err := ann.room(room).Info(s.Context(), "ann")
	s.ok(err, "Info")
	if info.With == nil || info.With.ID != "ann" || info.Members != 1 {
		s.Errorf("the room is %s, want one of one's own", show(info))
	}
	_, err = bob.hub.Room(s.Context(), "bob", room)
	s.fails(err, chat.ErrNotFound, hiddenRoom)
}

func hubDirectNoChanges(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.direct("bob")
	ann.unchanged(room, func() {
		for _, c := range []chat.Change{
			{Kind: chat.Join}, {Kind: chat.Leave}, {Kind: chat.Invite, User: "cyd"}, {Kind: chat.Remove, User: "bob"}, {Kind: chat.Ban, User: "bob"},
			{Kind: chat.Unban, User: "bob"}, {Kind: chat.SetRole, User: "bob", Role: chat.Owner}, {Kind: chat.Rename, Name: "Ours"},
			{Kind: chat.Archive}, {Kind: chat.Restore}, {Kind: chat.Update},
		} {
			_, err := ann.try(room, c)
			s.fails(err, chat.ErrForbidden, string(c.Kind)+" of a direct room")
		}
	})
	m := bob.post(room, "hello")
	_, err := ann.room(room).Delete(s.Context(), "ann", m.Seq, chat.NewID())
	s.fails(err, chat.ErrForbidden, "in a direct room one deletes only one's own")
}
