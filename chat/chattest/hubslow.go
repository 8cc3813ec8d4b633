package chattest

import (
	"errors"
	"time"

	"github.com/carlware/gochat/chat"
)

func smallQueue(o *chat.Options) { o.Limits.SessionBytes = 4 << 10 }

var hubSlowCases = []hubCase{
	{"ReadsOn", hubSlowReadsOn, smallQueue},
	{"HurtsNobody", hubSlowHurtsNobody, smallQueue},
	{"FarBehind", hubSlowFarBehind, func(o *chat.Options) { smallQueue(o); o.Limits.Replay = 50 }},
	{"Removed", hubSlowRemoved, smallQueue},
	{"Silent", hubSilent, smallQueue},
}

func hubSlowReadsOn(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	last := ann.posts(room, 300) // many times what bob's queue holds
	bob.reach(room, last)
	if len(bob.gaps) > 0 || len(bob.events[room]) != 301 {
		s.Errorf("a slow session got %d events and the gaps %s: it is late, and misses nothing", len(bob.events[room]), show(bob.gaps))
	}
	bob.reach(room, ann.post(room, "live").Seq)
}

func hubSlowHurtsNobody(s *stage) {
	ann, bob, cyd := s.cast()
	tab := s.connect("bob", bob.at, nil)
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob", "cyd"}})
	for range 5 {
		last := ann.posts(room, 50) // bob does not read
		cyd.reach(room, last)
		tab.reach(room, last)
		ann.reach(room, last)
	}
	if bob.Err() != nil {
		s.Errorf("the slow session ended with %v", bob.Err())
	}
	bob.reach(room, cyd.place(room).at)
}

func hubSlowFarBehind(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	last := ann.posts(room, 300)
	bob.reach(room, last)
	if len(bob.gaps) == 0 {
		s.Errorf("who was 300 events behind, where 50 are sent, was told of no gap")
	}
	bob.reach(room, ann.post(room, "live").Seq)
}

// hubSlowRemoved removes somebody whose session is behind.
func hubSlowRemoved(s *stage) {
	ann, bob, cyd := s.cast()
	room := ann.create(chat.NewRoom{Kind: chat.Private, Members: []chat.UserID{"bob", "cyd"}})
	ann.posts(room, 100)
	removed := ann.change(room, chat.Change{Kind: chat.Remove, User: "bob"}).Seq
	cyd.reach(room, ann.posts(room, 3))
	bob.reach(room, removed)
	bob.drain()
	if p := bob.place(room); p.in || p.at != removed {
		s.Errorf("who was removed at %d, while behind, has the room up to %d", removed, p.at)
	}
}

// hubSilent has a session that nobody reads while the answers to its user's
// commands pile up. It ends; the user's others go on.
func hubSilent(s *stage) {
	ann, _, _ := s.cast()
	tab := s.connect("ann", ann.at, nil)
	room := ann.create(chat.NewRoom{})
	for range 30 {
		id, _ := tab.run(room, "/fill")
		tab.outcome(id)
	}
	select {
	case <-ann.Done():
	case <-time.After(s.patience):
		s.Fatalf("a session that nobody reads lives on with 30 outcomes of 60 KB waiting")
	}
	if !errors.Is(ann.Err(), chat.ErrBusy) {
		s.Errorf("it ended with %v, want ErrBusy", ann.Err())
	}
	tab.reach(room, tab.post(room, "still here").Seq)
}
