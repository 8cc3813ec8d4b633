package chattest

import (
	"errors"
	"fmt"

	"github.com/carlware/gochat/chat"
)

var hubAccessCases = []hubCase{
	{"Join", hubJoin, nil},
	{"Added", hubAdded, nil},
	{"Removal", hubRemoval, nil},
	{"RemovedCanNotPost", hubRemovedCanNotPost, nil},
	{"RemovalRace", hubRemovalRace, nil},
	{"ComeAndGo", hubComeAndGo, nil},
	{"Outsiders", hubOutsiders, nil},
	{"Banned", hubBanned, nil},
	{"HiddenHistory", hubHidden, nil},
	{"Archived", hubArchived, nil},
}

func hubJoin(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{})
	before := ann.post(room, "before")
	joined := bob.change(room, chat.Change{Kind: chat.Join})
	if joined.Kind != chat.Joined || joined.Target == nil || joined.Target.ID != "bob" || joined.Role != chat.Participant {
		s.Errorf("Join returned %s", show(joined))
	}
	if again := bob.change(room, chat.Change{Kind: chat.Join}); again.Seq != 0 {
		s.Errorf("joining twice stored %s: it changes nothing, so it stores nothing", show(again))
	}
	last := ann.post(room, "after").Seq
	bob.reach(room, last)
	ann.reach(room, last)
	if got := bob.events[room]; len(got) == 0 || got[0].Seq != joined.Seq {
		s.Errorf("who joined at %d was given %s: it begins with the own joined event", joined.Seq, show(got))
	}
	if got := bob.log(room); len(got) < int(before.Seq) || got[before.Seq-1].Text != "before" {
		s.Errorf("who joined a room that hides nothing reads %s", show(got))
	}
}

// hubAdded brings people into rooms that their hubs have nothing to do with.
func hubAdded(s *stage) {
	ann, bob, _ := s.cast()
	tab := s.connect("bob", bob.at+1, nil)
	room := ann.create(chat.NewRoom{Kind: chat.Private})
	ann.post(room, "before")
	joined := ann.change(room, chat.Change{Kind: chat.Invite, User: "bob"})
	last := ann.post(room, "after").Seq
	for _, c := range []*client{bob, tab} {
		c.reach(room, last)
		if got := c.events[room]; len(got) != 2 || got[0].Seq != joined.Seq {
			s.Errorf("who was added at %d was given %s: live from the joined event on", joined.Seq, show(got))
		}
	}
}

// removals end a membership in each way there is.
func removals(owner, bob *client) map[string]func(room chat.RoomID) chat.Event {
	return map[string]func(room chat.RoomID) chat.Event{
		"remove": func(room chat.RoomID) chat.Event {
			return owner.change(room, chat.Change{Kind: chat.Remove, User: bob.user})
		},
		"ban": func(room chat.RoomID) chat.Event {
			return owner.change(room, chat.Change{Kind: chat.Ban, User: bob.user})
		},
		"leave": func(room chat.RoomID) chat.Event { return bob.change(room, chat.Change{Kind: chat.Leave}) },
	}
}

func hubRemoval(s *stage) {
	ann, bob, cyd := s.cast()
	// Cyd sees, at each of bob's hubs, that what came after was handed out.
	tabs := []*client{bob, s.connect("bob", bob.at, nil), s.connect("bob", bob.at+1, nil)}
	witness := []*client{cyd, s.connect("cyd", cyd.at+1, nil)}
	for how, remove := range removals(ann, bob) {
		room := ann.create(chat.NewRoom{Kind: chat.Private, Members: []chat.UserID{"bob", "cyd"}})
		old := bob.room(room)
		hello := ann.post(room, "hello")
		for _, c := range tabs { // else they need not hear of the room at all
			c.reach(room, hello.Seq)
		}
		end := remove(room)
		last := ann.post(room, "secret").Seq
		for _, w := range witness {
			w.reach(room, last)
		}
		for _, c := range tabs {
			c.reach(room, end.Seq)
			c.drain() // which fails with anything of the room
			if e := c.newest(room); e.Seq != end.Seq {
				s.Errorf("%s at %d: the last that %s was given is %s: it is the removal", how, end.Seq, c.user, show(e))
			}
		}
		_, err := bob.hub.Room(s.Context(), "bob", room)
		s.fails(err, chat.ErrNotFound, "after "+how+" a private room is not known")
		_, err = old.History(s.Context(), "bob", chat.Range{})
		s.fails(err, chat.ErrNotFound, "after "+how+" nothing can be read, not even what was before")
		if _, there := bob.entry(room); there {
			s.Errorf("after %s the room is in the inbox", how)
		}
	}
}

// hubRemovedCanNotPost tries to post at once after the removal, at every hub.
func hubRemovedCanNotPost(s *stage) {
	ann, bob, _ := s.cast()
	tab := s.connect("bob", bob.at+1, nil)
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	m := bob.post(room, "hello")
	bob.reach(room, m.Seq)
	tab.reach(room, m.Seq)
	rooms := []chat.Room{bob.room(room), tab.room(room)}
	for range 20 {
		ann.change(room, chat.Change{Kind: chat.Remove, User: "bob"})
		for _, r := range rooms {
			_, err := r.Post(s.Context(), "bob", chat.Draft{ID: chat.NewID(), Text: "still here"})
			s.fails(err, chat.ErrForbidden, "the removal was stored before the message was sent")
			_, err = r.Edit(s.Context(), "bob", chat.Edit{ID: chat.NewID(), Seq: m.Seq, Text: "still here"})
			s.fails(err, chat.ErrForbidden, "the removal was stored before the edit was sent")
			_, err = r.Command(s.Context(), "bob", chat.CommandLine{ID: chat.NewID(), Text: "/say"})
			s.fails(err, chat.ErrForbidden, "the removal was stored before the command was sent")
		}
		ann.change(room, chat.Change{Kind: chat.Invite, User: "bob"})
		for _, r := range rooms {
			_, err := r.Post(s.Context(), "bob", chat.Draft{ID: chat.NewID(), Text: "back"})
			s.ok(err, "Post after the invitation was stored")
		}
	}
	last := ann.post(room, "last").Seq
	bob.reach(room, last)
	tab.reach(room, last)
}

// hubRemovalRace removes somebody who is posting.
func hubRemovalRace(s *stage) {
	ann, bob, _ := s.cast()
	for round := range 5 {
		room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
		bob.reach(room, bob.post(room, "hello").Seq)
		r := bob.room(room)
		together(4, func(i int) {
			if i == 0 {
				if _, err := ann.try(room, chat.Change{Kind: chat.Remove, User: "bob"}); err != nil {
					s.Errorf("Remove: %v", err)
				}
				return
			}
			for n := range 20 {
				if _, err := r.Post(s.Context(), "bob", chat.Draft{ID: chat.NewID(), Text: fmt.Sprint(i, n)}); errors.Is(err, chat.ErrForbidden) {
					return
				}
			}
		})
		gone := false
		for _, e := range ann.log(room) {
			if gone && e.User.ID == "bob" {
				s.Errorf("round %d: bob's message has the place %d in the log, after the removal", round, e.Seq)
			}
			gone = gone || ends(&e, "bob")
		}
	}
}

// hubComeAndGo joins and leaves again and again while others write.
func hubComeAndGo(s *stage) {
	ann, bob, cyd := s.cast()
	tab := s.connect("bob", bob.at+1, nil)
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"cyd"}})
	for range 10 {
		bob.change(room, chat.Change{Kind: chat.Join})
		hello := ann.post(room, "hello").Seq
		for _, c := range []*client{bob, tab} {
			c.reach(room, hello)
		}
		left := bob.change(room, chat.Change{Kind: chat.Leave}).Seq
		last := ann.post(room, "without bob").Seq
		for _, c := range []*client{bob, tab} {
			c.reach(room, left)
			c.drain()
		}
		cyd.reach(room, last)
	}
}

// hubOutsiders tries everything that somebody outside could.
func hubOutsiders(s *stage) {
	ann, bob, cyd := s.cast()
	private := ann.create(chat.NewRoom{Kind: chat.Private, Name: "Private", Members: []chat.UserID{"bob"}})
	direct, err := ann.hub.Direct(s.Context(), "ann", "bob", chat.NewID())
	s.ok(err, "Direct")
	for _, id := range []chat.RoomID{private, ann.idOf(direct)} {
		m := ann.post(id, "secret")
		r := ann.room(id) // a handle has no rights of its own
		_, err := cyd.hub.Room(s.Context(), "cyd", id)
		s.fails(err, chat.ErrNotFound, "Room: "+hiddenRoom)
		_, err = r.Info(s.Context(), "cyd")
		s.fails(err, chat.ErrNotFound, "Info: "+hiddenRoom)
		_, err = r.Post(s.Context(), "cyd", chat.Draft{ID: chat.NewID(), Text: "x"})
		s.fails(err, chat.ErrNotFound, "Post: "+hiddenRoom)
		_, err = r.Edit(s.Context(), "cyd", chat.Edit{ID: chat.NewID(), Seq: m.Seq, Text: "x"})
		s.fails(err, chat.ErrNotFound, "Edit: "+hiddenRoom)
		_, err = r.Delete(s.Context(), "cyd", m.Seq, chat.NewID())
		s.fails(err, chat.ErrNotFound, "Delete: "+hiddenRoom)
		_, err = r.Command(s.Context(), "cyd", chat.CommandLine{ID: chat.NewID(), Text: "/say"})
		s.fails(err, chat.ErrNotFound, "Command: "+hiddenRoom)
		_, err = r.History(s.Context(), "cyd", chat.Range{})
		s.fails(err, chat.ErrNotFound, "History: "+hiddenRoom)
		_, err = r.Members(s.Context(), "cyd", "", 0)
		s.fails(err, chat.ErrNotFound, "Members: "+hiddenRoom)
		s.fails(r.MarkRead(s.Context(), "cyd", 1), chat.ErrNotFound, "MarkRead: "+hiddenRoom)
		for _, c := range []chat.Change{{Kind: chat.Join}, {Kind: chat.Leave}, {Kind: chat.Rename, Name: "x"}, {Kind: chat.Remove, User: "bob"}, {Kind: chat.React, Seq: m.Seq, Emoji: "👍"}} {
			c.ID = chat.NewID()
			_, err = r.Change(s.Context(), "cyd", c)
			s.fails(err, chat.ErrNotFound, string(c.Kind)+": "+hiddenRoom)
		}
		bob.reach(id, m.Seq)
	}
	rooms, err := cyd.hub.Rooms(s.Context(), "cyd", "", 200)
	s.ok(err, "Rooms")
	if len(rooms) > 0 {
		s.Errorf("Rooms of somebody outside is %s: private and direct rooms are not listed", show(rooms))
	}
	cyd.drain()
	for _, n := range cyd.notices {
		if n.Room != nil {
			s.Errorf("somebody outside was told %s", show(n))
		}
	}
	public := ann.create(chat.NewRoom{Name: "Public"})
	m := ann.post(public, "not for cyd")
	r := cyd.room(public)
	_, err = r.History(s.Context(), "cyd", chat.Range{})
	s.fails(err, chat.ErrNotFound, "reading a public room needs membership")
	_, err = r.Members(s.Context(), "cyd", "", 0)
	s.fails(err, chat.ErrNotFound, "reading a public room needs membership")
	_, err = r.Post(s.Context(), "cyd", chat.Draft{ID: chat.NewID(), Text: "x"})
	s.fails(err, chat.ErrForbidden, "posting needs membership")
	s.fails(r.MarkRead(s.Context(), "cyd", m.Seq), chat.ErrForbidden, "marking needs membership")
}

const hiddenRoom = "a room that one may not know of looks as one that does not exist"

func hubBanned(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	r := bob.room(room)
	ann.change(room, chat.Change{Kind: chat.Ban, User: "bob"})
	for what, err := range map[string]error{
		"Room":    second(bob.hub.Room(s.Context(), "bob", room)),
		"join":    second(r.Change(s.Context(), "bob", chat.Change{ID: chat.NewID(), Kind: chat.Join})),
		"Post":    second(r.Post(s.Context(), "bob", chat.Draft{ID: chat.NewID(), Text: "x"})),
		"History": second(r.History(s.Context(), "bob", chat.Range{})),
	} {
		s.fails(err, chat.ErrNotFound, what+" of somebody banned: the room looks as one that does not exist")
	}
	_, err := ann.try(room, chat.Change{Kind: chat.Invite, User: "bob"})
	s.fails(err, chat.ErrForbidden, "who is banned can't be invited")
	ann.change(room, chat.Change{Kind: chat.Unban, User: "bob"})
	bob.change(room, chat.Change{Kind: chat.Join})
	bob.reach(room, ann.post(room, "welcome back").Seq)
}

func second[T any](_ T, err error) error { return err }

func hubHidden(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Hides: true})
	ann.post(room, "before")
	joined := bob.change(room, chat.Change{Kind: chat.Join}).Seq
	ann.post(room, "after")
	for _, r := range []chat.Range{{}, {Forward: true}, {Before: joined + 1}, {After: 1, Forward: true}} {
		p := bob.read(room, r)
		if len(p.Events) == 0 || p.Events[0].Seq != joined || p.Floor != joined {
			s.Errorf("History %s of who joined at %d is %s: what was before the join is hidden", show(r), joined, show(p))
		}
	}
	if p := bob.read(room, chat.Range{Before: joined}); len(p.Events) > 0 {
		s.Errorf("History before the join is %s", show(p))
	}
}

func hubArchived(s *stage) {
	ann, bob, cyd := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	e := ann.change(room, chat.Change{Kind: chat.Archive})
	bob.reach(room, e.Seq)
	_, err := bob.room(room).Post(s.Context(), "bob", chat.Draft{ID: chat.NewID(), Text: "x"})
	s.fails(err, chat.ErrForbidden, "nothing is posted in an archived room")
	_, err = cyd.try(room, chat.Change{Kind: chat.Join})
	s.fails(err, chat.ErrForbidden, "nobody joins an archived room")
	if got := bob.log(room); len(got) != int(e.Seq) {
		s.Errorf("an archived room reads %s", show(got))
	}
	ann.change(room, chat.Change{Kind: chat.Restore})
	bob.reach(room, bob.post(room, "again").Seq)
}
