package chattest

import (
	"errors"
	"fmt"
	"time"

	"github.com/carlware/gochat/chat"
)

// slowRates give what they allow at once, and next to nothing after it.
func slowRates(o *chat.Options) {
	r := chat.Rate{PerSecond: 0.01, Burst: 3}
	o.Limits.Messages, o.Limits.Commands, o.Limits.Joins, o.Limits.Rooms, o.Limits.Requests = r, r, r, r, r
}

var hubLimitCases = []hubCase{
	{"Rates", hubRates, slowRates},
	{"RatesComeBack", hubRatesComeBack, func(o *chat.Options) { o.Limits.Messages = chat.Rate{PerSecond: 20, Burst: 1} }},
	{"Sizes", hubSizes, func(o *chat.Options) {
		o.Limits.TextRunes, o.Limits.TextBytes, o.Limits.DataBytes, o.Limits.Mentions, o.Limits.Members = 10, 20, 30, 1, 1
	}},
}

// rated fails the test unless err says that something was too often.
func (s *stage) rated(err error, what string) {
	s.Helper()
	if e, ok := errors.AsType[*chat.RateError](err); !ok || e.RetryAfter <= 0 {
		s.Errorf("%s more than is allowed at once: error is %v, want a RateError that says when to come back", what, err)
		return
	}
	if e := chat.AsError(err); e.Code != "rate_limited" || e.RetryAfter <= 0 {
		s.Errorf("%s more than is allowed at once: on the wire it is %s", what, show(e))
	}
}

func hubRates(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	r := ann.room(room)
	var last chat.Draft
	for i := range 3 {
		last = chat.Draft{ID: chat.NewID(), Text: fmt.Sprint(i)}
		ann.send(room, last)
	}
	_, err := r.Post(s.Context(), "ann", chat.Draft{ID: chat.NewID(), Text: "x"})
	s.rated(err, "a message")
	if rc := ann.send(room, last); !rc.Duplicate {
		s.Errorf("a resend of what is stored returned %s: it is answered whatever the rate", show(rc))
	}
	bob.post(room, "others are not held up")
	ann.create(chat.NewRoom{})
	ann.create(chat.NewRoom{})
	_, err = ann.hub.CreateRoom(s.Context(), "ann", chat.NewRoom{ID: chat.NewID(), Name: "x"})
	s.rated(err, "a room")
	for range 4 {
		_, err = ann.try(room, chat.Change{Kind: chat.Update, Data: []byte(`{}`)})
	}
	s.rated(err, "a change")
	for range 4 {
		_, err = r.Command(s.Context(), "ann", chat.CommandLine{ID: chat.NewID(), Text: "/silent"})
	}
	s.rated(err, "a command")
	for range 4 {
		_, err = r.History(s.Context(), "ann", chat.Range{})
	}
	s.rated(err, "a request")
	rc, err := r.Post(s.Context(), chat.System, chat.Draft{ID: chat.NewID(), Text: "the program itself is not limited"})
	s.ok(err, "Post by System")
	bob.reach(room, rc.Event.Seq)
}

func hubRatesComeBack(s *stage) {
	ann, _, _ := s.cast()
	room := ann.create(chat.NewRoom{})
	ann.post(room, "one")
	d := chat.Draft{ID: chat.NewID(), Text: "two"}
	r := ann.room(room)
	s.soon(func() bool {
		_, err := r.Post(s.Context(), "ann", d)
		if e, ok := errors.AsType[*chat.RateError](err); ok {
			time.Sleep(min(e.RetryAfter, time.Second))
			return false
		}
		s.ok(err, "Post")
		return true
	}, "who was too fast, and waits, may go on")
	ann.reach(room, 4)
}

func hubSizes(s *stage) {
	ann, bob, _ := s.cast()
	l := ann.hub.Limits()
	if l.TextRunes != 10 || l.TextBytes != 20 || l.DataBytes != 30 || l.Mentions != 1 || l.Members != 1 {
		s.Errorf("Limits returns %s, want those that were set", show(l))
	}
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	r := bob.room(room)
	for _, c := range []struct {
		d           chat.Draft
		code, field string
	}{
		{chat.Draft{Text: "1234567890"}, "", ""},
		{chat.Draft{Text: "12345678901"}, "too_long", "text"},
		{chat.Draft{Text: "üüüüüüüüüü"}, "", ""},
		{chat.Draft{Text: "日本日本日本日"}, "too_long", "text"},
		{chat.Draft{Text: "x", Data: []byte(`{"a":"12345678901234567890123"}`)}, "too_long", "data"},
		{chat.Draft{Text: "x", Mentions: []chat.UserID{"ann", "bob"}}, "bad_request", "mentions"},
	} {
		c.d.ID = chat.NewID()
		_, err := r.Post(s.Context(), "bob", c.d)
		if c.code != "" {
			s.input(err, c.code, c.field, show(c.d))
		} else if err != nil {
			s.Errorf("Post of %s: %v", show(c.d), err)
		}
	}
	_, err := ann.hub.CreateRoom(s.Context(), "ann", chat.NewRoom{ID: chat.NewID(), Name: "x", Members: []chat.UserID{"bob", "cyd"}})
	s.input(err, "bad_request", "members", "a room with two members")
	ann.reach(room, 5)
}
