package chattest

import (
	"fmt"

	"github.com/carlware/gochat/chat"
)

var hubResumeCases = []hubCase{
	{"Missed", hubMissed, nil},
	{"AgainAndAgain", hubAgainAndAgain, nil},
	{"WhileTheyWrite", hubResumeWhileTheyWrite, nil},
	{"NotListed", hubNotListed, nil},
	{"TooFarBehind", hubTooFarBehind, func(o *chat.Options) { o.Limits.Replay = 10 }},
	{"OtherEpoch", hubOtherEpoch, nil},
	{"AheadOfTheLog", hubAhead, nil},
	{"JoinedMeanwhile", hubJoinedMeanwhile, nil},
	{"RemovedMeanwhile", hubRemovedMeanwhile, nil},
	{"RemovedAndBack", hubRemovedAndBack, nil},
	{"ChangedMeanwhile", hubChangedMeanwhile, nil},
}

// posts posts n messages and returns the last seq.
func (c *client) posts(room chat.RoomID, n int) chat.Seq {
	c.s.Helper()
	r := c.room(room)
	var last chat.Seq
	for i := range n {
		rc, err := r.Post(c.s.Context(), c.user, chat.Draft{ID: chat.NewID(), Text: fmt.Sprint("message ", i)})
		c.s.ok(err, "Post")
		last = rc.Event.Seq
	}
	return last
}

// hubMissed comes back twice, with more than a page of the log missed.
func hubMissed(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	other := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	bob.reach(room, ann.post(room, "seen").Seq)
	bob.reach(other, 3)
	had := bob.place(room).at
	bob.Close()
	last, lastOther := ann.posts(room, 250), ann.posts(other, 3)
	bob = bob.again(nil)
	bob.reach(room, last)
	bob.reach(other, lastOther)
	if got := bob.events[room]; len(got) != 250 || got[0].Seq != had+1 || len(bob.gaps) > 0 {
		s.Errorf("who had %d of %d events was given %d events and the gaps %s: all that was missed, and no more", had, last, len(got), show(bob.gaps))
	}
	bob.reach(room, ann.post(room, "live").Seq)
}

func hubAgainAndAgain(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	bob.reach(room, 3)
	for range 5 {
		bob = bob.again(nil)
		ann.posts(room, 3)
		bob.drain()
	}
	bob = bob.again(nil)
	bob.reach(room, ann.post(room, "last").Seq)
	if len(bob.gaps) > 0 {
		s.Errorf("gaps: %s", show(bob.gaps))
	}
}

// hubResumeWhileTheyWrite comes back again and again while others write.
func hubResumeWhileTheyWrite(s *stage) {
	ann, bob, cyd := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob", "cyd"}})
	bob.reach(room, 4)
	r := ann.room(room)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 150 {
			if _, err := r.Post(s.Context(), "ann", chat.Draft{ID: chat.NewID(), Text: "hello"}); err != nil {
				s.Errorf("Post: %v", err)
				return
			}
		}
	}()
	for writing := true; writing; {
		select {
		case <-done:
			writing = false
		default:
		}
		bob.drain()
		bob = bob.again(nil)
	}
	last := ann.post(room, "last").Seq
	bob.reach(room, last)
	cyd.reach(room, last)
}

func hubNotListed(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	bob.Close()
	last := ann.posts(room, 5)
	bob = bob.again(&chat.SessionOptions{})
	if e := bob.welcome.Rooms; len(e) != 1 || e[0].Head < last {
		s.Fatalf("the welcome has %s, want one room with head %d", show(e), last)
	}
	bob.reach(room, ann.post(room, "live").Seq)
	if got := bob.events[room]; len(got) != 1 {
		s.Errorf("a room that was not listed was given from %s: it begins live at its head", show(got))
	}
}

func hubTooFarBehind(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	bob.reach(room, 3)
	bob.Close()
	last := ann.posts(room, 20)
	bob = bob.again(nil)
	bob.reach(room, last)
	if want := (chat.Gap{Room: room, After: 3, Head: last, Floor: 1}); len(bob.gaps) != 1 || bob.gaps[0] != want {
		s.Errorf("who is 20 events behind, where 10 are sent, was told of the gaps %s, want %s", show(bob.gaps), show(want))
	}
	bob.reach(room, ann.post(room, "live").Seq)
	if got := bob.events[room]; len(got) != 1 {
		s.Errorf("after the gap it was given %s: live delivery goes on at its head", show(got))
	}
}

func hubOtherEpoch(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	if bob.welcome.Epoch == "" || bob.welcome.Epoch != ann.welcome.Epoch {
		s.Errorf("the epochs of two sessions are %q and %q, want one", ann.welcome.Epoch, bob.welcome.Epoch)
	}
	bob.reach(room, 3)
	bob = bob.again(&chat.SessionOptions{Epoch: "another", Rooms: map[chat.RoomID]chat.Seq{room: 2}})
	bob.reset(room, 3)
	bob.reach(room, ann.post(room, "live").Seq)
}

func hubAhead(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	bob.reach(room, 3)
	bob = bob.again(&chat.SessionOptions{Epoch: bob.welcome.Epoch, Rooms: map[chat.RoomID]chat.Seq{room: 1 << 39}})
	bob.reset(room, 3)
	bob.reach(room, ann.post(room, "live").Seq)
	if ann.Err() != nil {
		s.Errorf("another session ended with %v: who claims to be ahead costs nobody else anything", ann.Err())
	}
}

// reset waits for a gap that is a reset.
func (c *client) reset(room chat.RoomID, head chat.Seq) {
	c.s.Helper()
	c.until(func() bool { return len(c.gaps) > 0 }, "a gap with Reset, since what it has is not of this log")
	if g := c.gaps[0]; !g.Reset || g.Room != room || g.Head != head || g.After != 0 {
		c.s.Errorf("the gap is %s, want one with Reset, from 0 to the head %d", show(g), head)
	}
}

func hubJoinedMeanwhile(s *stage) {
	ann, bob, _ := s.cast()
	bob.Close()
	room := ann.create(chat.NewRoom{Kind: chat.Private, Members: []chat.UserID{"bob"}})
	ann.post(room, "hello")
	bob = bob.again(nil)
	if e := bob.welcome.Rooms; len(e) != 1 || e[0].ID != room || e[0].Unread != 1 {
		s.Errorf("the welcome has the rooms %s, want the one that was joined, with one unread message", show(e))
	}
	bob.reach(room, ann.post(room, "live").Seq)
}

func hubRemovedMeanwhile(s *stage) {
	ann, bob, cyd := s.cast()
	room := ann.create(chat.NewRoom{Kind: chat.Private, Members: []chat.UserID{"bob", "cyd"}})
	bob.reach(room, 4)
	rooms := map[chat.RoomID]chat.Seq{room: 4}
	bob.Close()
	ann.change(room, chat.Change{Kind: chat.Remove, User: "bob"})
	ann.post(room, "secret")
	for i := range 2 {
		b := s.connect("bob", i, &chat.SessionOptions{Epoch: bob.welcome.Epoch, Rooms: rooms})
		if len(b.welcome.Rooms) != 0 {
			s.Errorf("the welcome of who was removed has %s", show(b.welcome.Rooms))
		}
		last := ann.post(room, "secret, too").Seq
		cyd.reach(room, last)
		b.drain() // which fails with anything of the room
	}
}

func hubRemovedAndBack(s *stage) {
	for _, hides := range []bool{false, true} {
		ann, bob := s.person("ann"), s.person("bob")
		room := ann.create(chat.NewRoom{Kind: chat.Private, Members: []chat.UserID{"bob"}, Hides: hides})
		bob.reach(room, 3)
		bob.Close()
		ann.change(room, chat.Change{Kind: chat.Remove, User: "bob"})
		ann.post(room, "while away")
		back := ann.change(room, chat.Change{Kind: chat.Invite, User: "bob"}).Seq
		last := ann.posts(room, 3)
		bob = bob.again(nil)
		bob.reach(room, last)
		if got := bob.events[room]; hides && (len(got) == 0 || got[0].Seq != back) {
			s.Errorf("in a room that hides what was before, who came back at %d was given %s: it begins with the new joined event", back, show(got))
		} else if !hides && len(got) != 6 {
			s.Errorf("who came back at %d was given %s: all since the last session", back, show(got))
		}
		if got := bob.log(room); hides && (len(got) != 4 || got[0].Seq != back) {
			s.Errorf("in a room that hides what was before, who came back at %d reads %s", back, show(got))
		}
	}
}

// hubChangedMeanwhile comes back to messages that were edited and deleted.
func hubChangedMeanwhile(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	bob.reach(room, 3)
	bob.Close()
	edited, deleted := ann.post(room, "wrogn"), ann.post(room, "secret")
	_, err := ann.room(room).Edit(s.Context(), "ann", chat.Edit{ID: chat.NewID(), Seq: edited.Seq, Text: "right"})
	s.ok(err, "Edit")
	_, err = ann.room(room).Delete(s.Context(), "ann", deleted.Seq, chat.NewID())
	s.ok(err, "Delete")
	bob = bob.again(nil)
	bob.reach(room, deleted.Seq+2)
	for _, e := range bob.events[room] {
		switch {
		case e.Seq == edited.Seq && (e.Text != "right" || e.EditedBy != deleted.Seq+1),
			e.Seq == deleted.Seq && (e.Text != "" || e.DeletedBy != deleted.Seq+2):
			s.Errorf("a message that was changed meanwhile was given as %s: as it is now", show(e))
		}
	}
}
