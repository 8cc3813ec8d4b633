package chattest

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/chat"
)

var hubSessionCases = []hubCase{
	{"SeveralOfOneUser", hubSeveralSessions, nil},
	{"Welcome", hubWelcome, nil},
	{"Close", hubClose, nil},
	{"Wake", hubWake, nil},
	{"Expired", hubExpired, nil},
	{"Revoked", hubRevoked, nil},
	{"BadUsers", hubBadUsers, nil},
	{"Renamed", hubUserRenamed, nil},
	{"Lobby", hubLobby, func(o *chat.Options) { o.Lobby = "General" }},
}

func hubSeveralSessions(s *stage) {
	ann := s.person("ann")
	tabs := []*client{ann}
	for i := range 4 {
		tabs = append(tabs, s.connect("ann", i, nil))
	}
	room := ann.create(chat.NewRoom{})
	last := ann.post(room, "hello").Seq
	for _, c := range tabs {
		c.reach(room, last)
	}
	tabs[1].Close()
	last = tabs[2].post(room, "one less").Seq
	for i, c := range tabs {
		if i != 1 {
			c.reach(room, last)
		}
	}
}

func hubWelcome(s *stage) {
	ann := s.person("ann")
	w := ann.welcome
	if w.User != principal("ann").User || w.Session != "login-ann" || w.Epoch == "" || w.Time.IsZero() || len(w.Rooms) != 0 {
		s.Errorf("the welcome is %s", show(w))
	}
	if w.Limits.TextRunes != 4000 || show(w.Limits) != show(ann.hub.Limits()) {
		s.Errorf("the welcome has the limits %s, Limits returns %s", show(w.Limits), show(ann.hub.Limits()))
	}
	if p := ann.Principal(); p.User.ID != "ann" || p.Session != "login-ann" {
		s.Errorf("the session is of %s", show(p))
	}
}

func hubClose(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	bob.reach(room, 3)
	if bob.Err() != nil {
		s.Errorf("a session that lives has the error %v", bob.Err())
	}
	for range 2 {
		s.ok(bob.Session.Close(), "Close")
	}
	ann.post(room, "hello")
	select {
	case <-bob.Done():
	default:
		s.Errorf("Done is open after Close")
	}
	bob.drain()
	_, err := bob.Next(s.Context())
	s.fails(err, chat.ErrClosed, "Next of a session that was closed")
	s.fails(bob.Err(), chat.ErrClosed, "Err of a session that was closed")
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	ann.drain()
	_, err = s.connect("cyd", 0, nil).Next(ctx)
	s.fails(err, context.Canceled, "Next with a context that has ended")
}

// hubWake reads a session as transports do: when it is told to.
func hubWake(s *stage) {
	ann := s.person("ann")
	var woken atomic.Int64
	wake := make(chan struct{}, 1)
	tab := s.connect("ann", ann.at, &chat.SessionOptions{Wake: func() {
		woken.Add(1)
		select {
		case wake <- struct{}{}:
		default:
		}
	}})
	room := ann.create(chat.NewRoom{})
	last := ann.posts(room, 50)
	patience := time.NewTimer(s.patience)
	defer patience.Stop()
	for tab.place(room).at < last {
		select {
		case <-wake:
			tab.drain()
		case <-patience.C:
			s.Fatalf("the session has the room up to %d of %d: Wake is called when its queue stops being empty", tab.place(room).at, last)
		}
	}
	before := woken.Load()
	tab.Close()
	if woken.Load() == before {
		s.Errorf("Wake was not called when the session ended")
	}
}

func hubExpired(s *stage) {
	ann := s.person("ann")
	p := principal("bob")
	p.Expires = time.Now().Add(-time.Second)
	_, err := ann.hub.Connect(s.Context(), p, nil)
	s.fails(err, chat.ErrExpired, "Connect after the authentication ended")
	s.code(err, "unauthorized", "Connect after the authentication ended")
	s.fails(ann.hub.Admit(s.Context(), p), chat.ErrExpired, "Admit after the authentication ended")
	p = principal("ann")
	p.Expires = time.Now().Add(time.Hour)
	s.ok(ann.Extend(p), "Extend")
	if got := ann.Principal().Expires; !got.Equal(p.Expires) {
		s.Errorf("extended to %v the session expires %v", p.Expires, got)
	}
	s.fails(ann.Extend(principal("bob")), chat.ErrForbidden, "a session is extended by its own user only")
	p.Session = "another login"
	s.fails(ann.Extend(p), chat.ErrForbidden, "a session is extended by its own login only")
}

// hubRevoked needs a hub that can revoke, as a [chat.Node] can.
func hubRevoked(s *stage) {
	ann := s.person("ann")
	hub, ok := ann.hub.(interface {
		Revoke(context.Context, chat.Revocation) error
	})
	if !ok {
		s.Skip("the hub has no Revoke")
	}
	tab := s.connect("ann", ann.at+1, nil)
	p := principal("ann")
	p.Session = "another login"
	other, err := ann.hub.Connect(s.Context(), p, nil)
	s.ok(err, "Connect")
	s.Cleanup(func() { other.Close() })
	s.ok(hub.Revoke(s.Context(), chat.Revocation{User: "ann", Session: "login-ann", Until: time.Now().Add(time.Hour)}), "Revoke")
	for _, c := range []*client{ann, tab} {
		select {
		case <-c.Done():
		case <-time.After(s.patience):
			s.Fatalf("a session of a login that was revoked lives on")
		}
		s.fails(c.Err(), chat.ErrRevoked, "the login was revoked")
		_, err := c.hub.Connect(s.Context(), principal("ann"), nil)
		s.fails(err, chat.ErrRevoked, "Connect with a login that was revoked")
		s.fails(c.hub.Admit(s.Context(), principal("ann")), chat.ErrRevoked, "Admit with a login that was revoked")
	}
	if other.Err() != nil {
		s.Errorf("the user's other login ended with %v", other.Err())
	}
}

func hubBadUsers(s *stage) {
	hub := s.hubs[0]
	for _, u := range []chat.User{
		{ID: "", Name: "Nobody"}, {ID: chat.System, Name: "System"}, {ID: "bot:x", Name: "X"}, {ID: "a\nb", Name: "A"}, {ID: "a\xff", Name: "A"},
		{ID: chat.UserID(make([]byte, 65)), Name: "A"}, {ID: "a", Name: ""}, {ID: "a", Name: "a\x00b"},
	} {
		_, err := hub.Connect(s.Context(), chat.Principal{User: u}, nil)
		if err == nil || chat.AsError(err).Code == "internal" {
			s.Errorf("Connect of the user %+v: error is %v, want one that tells what is wrong", u, err)
		}
		if hub.Admit(s.Context(), chat.Principal{User: u}) == nil {
			s.Errorf("the user %+v was admitted", u)
		}
	}
}

// hubUserRenamed comes with another name, which then stands wherever the user
// is read.
func hubUserRenamed(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	m := ann.post(room, "hello")
	p := principal("ann")
	p.User.Name = "Ann the Great"
	s.ok(ann.hub.Admit(s.Context(), p), "Admit")
	for _, e := range bob.log(room) {
		if e.Seq == m.Seq && e.User.Name != "Ann the Great" {
			s.Errorf("a message of who has a new name reads %s", show(e))
		}
	}
	if e := ann.post(room, "again"); e.User.Name != "Ann the Great" {
		s.Errorf("a new message of who has a new name is %s", show(e))
	}
}

func hubLobby(s *stage) {
	ann, bob, _ := s.cast()
	if rooms := ann.welcome.Rooms; len(rooms) != 1 || rooms[0].Name != "General" || rooms[0].Kind != chat.Public || rooms[0].Role != chat.Participant {
		s.Fatalf("who connects first has the rooms %s, want the lobby", show(rooms))
	}
	lobby := ann.welcome.Rooms[0].ID
	if rooms := bob.welcome.Rooms; len(rooms) != 1 || rooms[0].ID != lobby {
		s.Fatalf("who connects next has the rooms %s, want the same lobby %s", show(rooms), lobby)
	}
	bob.reach(lobby, ann.post(lobby, "hello").Seq)
	bob.change(lobby, chat.Change{Kind: chat.Leave})
	for i := range s.hubs {
		if rooms := s.connect("bob", i, nil).welcome.Rooms; len(rooms) != 0 {
			s.Errorf("who has left the lobby comes back to %s", show(rooms))
		}
	}
	s.ok(ann.hub.Admit(s.Context(), principal("dan")), "Admit")
	if _, err := ann.hub.Room(s.Context(), "dan", lobby); err != nil {
		s.Errorf("who was admitted can't see the lobby: %v", err)
	}
	inbox, err := ann.hub.Inbox(s.Context(), "dan")
	if err != nil || len(inbox.Rooms) != 1 {
		s.Errorf("who was admitted has the inbox %s and %v, want the lobby", show(inbox), err)
	}
}
