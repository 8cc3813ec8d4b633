package chattest

import (
	"fmt"

	"github.com/carlware/gochat/chat"
)

var hubOrderCases = []hubCase{
	{"ManyWriters", hubManyWriters, nil},
	{"ManyRooms", hubManyRooms, nil},
	{"OwnOrder", hubOwnOrder, nil},
}

// hubManyWriters has all people write at once. Everybody sees one order, which
// is that of the log.
func hubManyWriters(s *stage) {
	ann, bob, cyd := s.cast()
	all := []*client{ann, bob, cyd}
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob", "cyd"}})
	const each = 100
	together(3*4, func(i int) {
		c := all[i%3]
		r, err := c.hub.Room(s.Context(), c.user, room)
		if err != nil {
			s.Errorf("Room: %v", err)
			return
		}
		for n := range each / 4 {
			if _, err := r.Post(s.Context(), c.user, chat.Draft{ID: chat.NewID(), Text: fmt.Sprint(i, " ", n)}); err != nil {
				s.Errorf("Post: %v", err)
				return
			}
		}
	})
	log := ann.log(room)
	if want := 4 + 3*each; len(log) != want {
		s.Fatalf("the log has %d events, want %d", len(log), want)
	}
	for i, e := range log {
		if e.Seq != chat.Seq(i+1) || i > 0 && e.Time.Before(log[i-1].Time) {
			s.Fatalf("event %d of the log is %s, after %s: seqs are 1, 2, 3 and so on, and times never go back", i+1, show(e), show(log[max(i, 1)-1]))
		}
	}
	for _, c := range all {
		c.reach(room, chat.Seq(len(log)))
		got := c.events[room]
		if len(got) == 0 {
			s.Fatalf("%s was given nothing", c.user)
		}
		if want := lastOf(log, len(got)); show(got) != show(want) {
			s.Errorf("%s was given another order than that of the log:\n%s\n%s", c.user, show(got), show(want))
		}
	}
}

// hubManyRooms has all people write to many rooms at once.
func hubManyRooms(s *stage) {
	ann, bob, cyd := s.cast()
	all := []*client{ann, bob, cyd}
	var rooms []chat.RoomID
	for range 10 {
		rooms = append(rooms, ann.create(chat.NewRoom{Kind: chat.Private, Members: []chat.UserID{"bob", "cyd"}}))
	}
	const each = 5
	together(3, func(i int) {
		c := all[i]
		for n := range each * len(rooms) {
			r, err := c.hub.Room(s.Context(), c.user, rooms[n%len(rooms)])
			if err == nil {
				_, err = r.Post(s.Context(), c.user, chat.Draft{ID: chat.NewID(), Text: "hello"})
			}
			if err != nil {
				s.Errorf("Post: %v", err)
				return
			}
		}
	})
	for _, c := range all {
		for _, room := range rooms {
			c.reach(room, 4+3*each)
		}
	}
}

// hubOwnOrder posts one message after the other: their order is the log's.
func hubOwnOrder(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	last := chat.Seq(3)
	for i := range 30 {
		e := []*client{ann, bob}[i%2].post(room, "hello")
		if e.Seq != last+1 {
			s.Fatalf("a message that was posted after %d has seq %d", last, e.Seq)
		}
		last = e.Seq
	}
	ann.reach(room, last)
	bob.reach(room, last)
}
