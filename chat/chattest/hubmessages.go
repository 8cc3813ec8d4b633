package chattest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/carlware/gochat/chat"
)

var hubMessageCases = []hubCase{
	{"Post", hubPost, nil},
	{"Reply", hubReply, nil},
	{"Mentions", hubMentions, nil},
	{"Edit", hubEdit, nil},
	{"Delete", hubDelete, nil},
	{"React", hubReact, nil},
	{"ReactAtOnce", hubReactAtOnce, nil},
	{"System", hubSystem, nil},
}

// texts are messages as people write them, with what could be taken for
// something else.
var texts = []string{
	"hello", "/say", "//x", "=1+1", "a\nb\tc", " around ", "<script>alert(1)</script>", "😀👩‍👩‍👧", "مرحبا", "\u202eevil",
	`{"type":"message"}`, "'; DROP TABLE x; --", strings.Repeat("ü", 40),
}

func hubPost(s *stage) {
	ann, bob, cyd := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob", "cyd"}})
	var sent []chat.Event
	for i, text := range texts {
		d := chat.Draft{ID: chat.NewID(), Text: text}
		if i%2 == 0 {
			d.Data = json.RawMessage(`{"n": 1, "a":[true]}`)
		}
		by := []*client{ann, bob, cyd}[i%3]
		rc := by.send(room, d)
		e := rc.Event
		if rc.Duplicate || e.Text != text || string(e.Data) != string(d.Data) || e.User != principal(by.user).User || e.Time.IsZero() || e.Call != nil || e.Target != nil {
			s.Errorf("Post of %s by %s returned %s: a message is taken literally, with its data, and its author is who acts", show(d), by.user, show(rc))
		}
		sent = append(sent, e)
	}
	for _, c := range []*client{ann, bob, cyd} {
		c.reach(room, sent[len(sent)-1].Seq)
		if got := lastOf(c.events[room], len(sent)); show(got) != show(sent) {
			s.Errorf("%s was given\n%s, the receipts were\n%s", c.user, show(got), show(sent))
		}
		page := c.read(room, chat.Range{Limit: len(sent)})
		if show(page.Events) != show(sent) {
			s.Errorf("%s reads\n%s, the receipts were\n%s", c.user, show(page.Events), show(sent))
		}
	}
}

func hubReply(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	first := ann.post(room, "what is it?")
	e := bob.send(room, chat.Draft{Text: "tea", ReplyTo: first.Seq}).Event
	if e.Ref != first.Seq {
		s.Errorf("the reply has Ref %d, want %d", e.Ref, first.Seq)
	}
	_, err := bob.room(room).Post(s.Context(), "bob", chat.Draft{ID: chat.NewID(), Text: "x", ReplyTo: e.Seq + 100})
	s.input(err, "bad_request", "reply_to", "a reply to what is not there")
	ann.reach(room, e.Seq)
	if got := ann.newest(room); got.Ref != first.Seq {
		s.Errorf("the reply was given as %s, want the Ref %d", show(got), first.Seq)
	}
}

func hubMentions(s *stage) {
	ann, _, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	e := ann.send(room, chat.Draft{Text: "@bob @cyd @bob", Mentions: []chat.UserID{"bob", "cyd", "bob", "nobody"}}).Event
	if !slices.Equal(e.Mentions, []chat.UserID{"bob"}) {
		s.Errorf("the mentions of a member, somebody else and nobody are %v, want the member, once", e.Mentions)
	}
}

func hubEdit(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	m := ann.send(room, chat.Draft{Text: "wrogn", Data: json.RawMessage(`{"a":1}`)}).Event
	edit := chat.Edit{ID: chat.NewID(), Seq: m.Seq, Text: "right", Data: json.RawMessage(`{"a":2}`)}
	rc, err := ann.room(room).Edit(s.Context(), "ann", edit)
	s.ok(err, "Edit")
	if e := rc.Event; e.Kind != chat.Edited || e.Ref != m.Seq || e.Seq != m.Seq+1 || e.ID != edit.ID || e.User.ID != "ann" {
		s.Errorf("Edit returned %s: an edit is an event of its own, about the message", show(rc))
	}
	bob.reach(room, rc.Event.Seq)
	if e := bob.newest(room); e.Kind != chat.Edited || e.Ref != m.Seq || e.Text != "right" || string(e.Data) != `{"a":2}` {
		s.Errorf("the edit was given as %s: it brings the new text and data", show(e))
	}
	p := bob.read(room, chat.Range{After: m.Seq - 1, Before: m.Seq + 1})
	if len(p.Events) != 1 || p.Events[0].Text != "right" || string(p.Events[0].Data) != `{"a":2}` || p.Events[0].EditedBy != rc.Event.Seq {
		s.Errorf("the message reads %s: it has the new text and data, and says which edit they are from", show(p.Events))
	}
	again, err := ann.room(room).Post(s.Context(), "ann", chat.Draft{ID: m.ID, Text: "wrogn", Data: json.RawMessage(`{"a":1}`)})
	s.ok(err, "the original sent again after the edit")
	if !again.Duplicate || again.Event.Seq != m.Seq || again.Event.Text != "right" {
		s.Errorf("the original sent again after the edit returned %s: it is known by its id, and has its present text", show(again))
	}
	_, err = bob.room(room).Edit(s.Context(), "bob", chat.Edit{ID: chat.NewID(), Seq: m.Seq, Text: "mine"})
	s.fails(err, chat.ErrForbidden, "only who wrote a message edits it")
}

func hubDelete(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	m := bob.send(room, chat.Draft{Text: "secret", Data: json.RawMessage(`{"a":"secret"}`)}).Event
	r := bob.room(room)
	rc, err := r.Delete(s.Context(), "bob", m.Seq, chat.NewID())
	s.ok(err, "Delete")
	if e := rc.Event; e.Kind != chat.Deleted || e.Ref != m.Seq || e.Seq != m.Seq+1 {
		s.Errorf("Delete returned %s: a deletion is an event of its own, about the message", show(rc))
	}
	for _, e := range ann.log(room) {
		if strings.Contains(show(e), "secret") {
			s.Errorf("after the deletion one reads %s: its text and data are nowhere", show(e))
		}
	}
	none, err := r.Delete(s.Context(), "bob", m.Seq, chat.NewID())
	if err != nil || none.Event.Seq != 0 {
		s.Errorf("deleting it again returned %s and %v: that is a no-op", show(none), err)
	}
	_, err = r.Edit(s.Context(), "bob", chat.Edit{ID: chat.NewID(), Seq: m.Seq, Text: "x"})
	s.fails(err, chat.ErrNotFound, "what is deleted can't be edited")
	_, err = r.Delete(s.Context(), "bob", m.Seq+100, chat.NewID())
	s.fails(err, chat.ErrNotFound, "there is no such message")
	_, err = r.Delete(s.Context(), "bob", 1, chat.NewID())
	s.fails(err, chat.ErrNotFound, "an event that is no message can't be deleted")
	ann.reach(room, rc.Event.Seq)
}

func hubReact(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	m := ann.post(room, "tea?")
	e := bob.change(room, chat.Change{Kind: chat.React, Seq: m.Seq, Emoji: "👍"})
	if e.Kind != chat.Reacted || e.Ref != m.Seq || e.Text != "👍" || e.Off || e.User.ID != "bob" {
		s.Errorf("React returned %s", show(e))
	}
	if e := bob.change(room, chat.Change{Kind: chat.React, Seq: m.Seq, Emoji: "👍"}); e.Seq != 0 {
		s.Errorf("the same reaction again was stored as %s: there is one of each user and emoji", show(e))
	}
	ann.change(room, chat.Change{Kind: chat.React, Seq: m.Seq, Emoji: "👍"})
	read := func() []chat.Reaction {
		p := bob.read(room, chat.Range{After: m.Seq - 1, Before: m.Seq + 1})
		if len(p.Events) != 1 {
			s.Fatalf("the message reads %s", show(p))
		}
		return p.Events[0].Reactions
	}
	if got := read(); len(got) != 1 || got[0].Text != "👍" || got[0].Count != 2 || !slices.Contains(got[0].Users, "bob") {
		s.Errorf("the message reads with the reactions %s, want one emoji of two users", show(got))
	}
	off := bob.change(room, chat.Change{Kind: chat.React, Seq: m.Seq, Emoji: "👍", Off: true})
	if got := read(); len(got) != 1 || got[0].Count != 1 || !off.Off {
		s.Errorf("taken back (%s) the reactions are %s, want one of one user", show(off), show(got))
	}
	ann.reach(room, off.Seq)
}

// hubReactAtOnce has one user put the same emoji on a message with many requests
// at once: some may be stored, but it is one reaction.
func hubReactAtOnce(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	m := ann.post(room, "tea?")
	var last chat.Seq
	for _, off := range []bool{false, true, false} {
		together(8, func(i int) {
			r, err := s.hubs[i%len(s.hubs)].Room(s.Context(), "bob", room)
			if err == nil {
				_, err = r.Change(s.Context(), "bob", chat.Change{ID: chat.NewID(), Kind: chat.React, Seq: m.Seq, Emoji: "👍", Off: off})
			}
			if err != nil {
				s.Errorf("React by bob, 8 times at once: %v", err)
			}
		})
		p := ann.read(room, chat.Range{After: m.Seq - 1, Before: m.Seq + 1})
		if len(p.Events) != 1 {
			s.Fatalf("the message reads %s", show(p))
		}
		var want []chat.Reaction
		if !off {
			want = []chat.Reaction{{Text: "👍", Count: 1, Users: []chat.UserID{"bob"}}}
		}
		if got := p.Events[0].Reactions; len(got)+len(want) > 0 && show(got) != show(want) {
			s.Errorf("after 8 requests at once (taken back: %v) the reactions are %s, want %s: there is one of each user and emoji", off, show(got), show(want))
		}
		if p.Head <= max(last, m.Seq) {
			s.Errorf("after 8 requests at once (taken back: %v) nothing was stored", off)
		}
		last = p.Head
	}
	ann.reach(room, last)
	bob.reach(room, last)
}

func hubSystem(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Kind: chat.Private, Members: []chat.UserID{"bob"}})
	bob.reach(room, 3)
	r, err := bob.hub.Room(s.Context(), chat.System, room)
	s.ok(err, "Room for System")
	rc, err := r.Post(s.Context(), chat.System, chat.Draft{ID: chat.NewID(), Text: "The kettle is hot."})
	s.ok(err, "Post by System")
	if rc.Event.User.ID != chat.System {
		s.Errorf("Post by System returned %s", show(rc))
	}
	_, err = r.Change(s.Context(), chat.System, chat.Change{ID: chat.NewID(), Kind: chat.Remove, User: "bob"})
	s.ok(err, "Remove by System")
	p, err := r.History(s.Context(), chat.System, chat.Range{})
	s.ok(err, "History for System")
	if len(p.Events) != int(p.Head) {
		s.Errorf("System reads %d events of %d", len(p.Events), p.Head)
	}
	ann.reach(room, rc.Event.Seq+1)
	bob.reach(room, rc.Event.Seq+1)
}
