package chattest

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

var hubErrorCases = []hubCase{
	{"Messages", hubBadMessages, nil},
	{"Rooms", hubBadRooms, nil},
	{"Changes", hubBadChanges, nil},
	{"Reads", hubBadReads, nil},
	{"Commands", hubBadCommands, nil},
	{"Ids", hubBadIDs, nil},
}

// input fails the test unless err says that a field of a request is wrong.
func (s *stage) input(err error, code, field, what string) {
	s.Helper()
	if e, ok := errors.AsType[*chat.InputError](err); !ok || e.Code != code || e.Field != field || e.Message == "" {
		s.Errorf("%s: error is %v, want an InputError with code %s, field %s and a message", what, err, code, field)
	}
	s.code(err, code, what)
}

// code fails the test unless err has that code on the wire.
func (s *stage) code(err error, code, what string) {
	s.Helper()
	if err == nil {
		s.Errorf("%s: no error, want one with the code %s", what, code)
	} else if got := chat.AsError(err); got.Code != code || got.Message == "" {
		s.Errorf("%s: %v has the code %q and the message %q, want the code %s: decorators wrap errors, they don't replace them", what, err, got.Code, got.Message, code)
	}
}

// unchanged runs f and fails the test if anything was stored in the room.
func (c *client) unchanged(room chat.RoomID, f func()) {
	c.s.Helper()
	before := show(c.log(room))
	f()
	if after := show(c.log(room)); after != before {
		c.s.Errorf("the room was\n%s, after requests that were refused it is\n%s: an error means that nothing was stored", before, after)
	}
}

var badIDs = []string{"", "short", strings.Repeat("x", 65), "has spaces in it", "slash/slash/slash", "ünïcödeünïcödeünï", "nul\x00nul\x00nul\x00nul\x00"}

// badTexts has why each is wrong.
var badTexts = []struct{ name, text, code string }{
	{"nothing", "", "empty"},
	{"only blanks", " \n\t ", "empty"},
	{"4,001 letters", strings.Repeat("a", 4001), "too_long"},
	{"more than 16 KiB", strings.Repeat("x", 16<<10+1), "too_long"},
	{"a NUL", "a\x00b", "bad_request"},
	{"an escape", "a\x1b[31mb", "bad_request"},
	{"no UTF-8", "a\xffb", "bad_request"},
}

func hubBadMessages(s *stage) {
	ann, _, _ := s.cast()
	room := ann.create(chat.NewRoom{})
	m := ann.post(room, strings.Repeat("ü", 4000)) // which is the limit
	r := ann.room(room)
	ann.unchanged(room, func() {
		for _, b := range badTexts {
			_, err := r.Post(s.Context(), "ann", chat.Draft{ID: chat.NewID(), Text: b.text})
			s.input(err, b.code, "text", "a message of "+b.name)
			_, err = r.Edit(s.Context(), "ann", chat.Edit{ID: chat.NewID(), Seq: m.Seq, Text: b.text})
			s.input(err, b.code, "text", "an edit to "+b.name)
		}
		for data, code := range map[string]string{
			`[1]`: "bad_request", `"x"`: "bad_request", `{`: "bad_request", `{} {}`: "bad_request", `null`: "bad_request",
			`{"a":"` + strings.Repeat("x", 4<<10) + `"}`: "too_long",
		} {
			_, err := r.Post(s.Context(), "ann", chat.Draft{ID: chat.NewID(), Text: "x", Data: json.RawMessage(data)})
			s.input(err, code, "data", "a message with the data "+data[:min(len(data), 20)])
		}
		_, err := r.Post(s.Context(), "ann", chat.Draft{ID: chat.NewID(), Text: "x", Mentions: make([]chat.UserID, 51)})
		s.input(err, "bad_request", "mentions", "a message with 51 mentions")
	})
}

func hubBadRooms(s *stage) {
	ann, bob, _ := s.cast()
	ann.create(chat.NewRoom{Name: "Tea Time"})
	for _, c := range []struct {
		what, code, field string
		room              chat.NewRoom
	}{
		{"no name", "empty", "name", chat.NewRoom{}},
		{"a name of 81 letters", "too_long", "name", chat.NewRoom{Name: strings.Repeat("x", 81)}},
		{"a name of two lines", "bad_request", "name", chat.NewRoom{Name: "a\nb"}},
		{"an invisible letter", "bad_request", "name", chat.NewRoom{Name: "a\u200bb"}},
		{"an odd kind", "bad_request", "kind", chat.NewRoom{Name: "x", Kind: "secret"}},
		{"a direct one", "bad_request", "kind", chat.NewRoom{Name: "x", Kind: chat.Direct}},
		{"data that is no object", "bad_request", "data", chat.NewRoom{Name: "x", Data: json.RawMessage(`1`)}},
	} {
		c.room.ID = chat.NewID()
		_, err := ann.hub.CreateRoom(s.Context(), "ann", c.room)
		s.input(err, c.code, c.field, "a room with "+c.what)
	}
	many := chat.NewRoom{ID: chat.NewID(), Name: "many"}
	for range 51 {
		many.Members = append(many.Members, chat.UserID(chat.NewID()))
	}
	_, err := ann.hub.CreateRoom(s.Context(), "ann", many)
	s.input(err, "bad_request", "members", "a room with 51 members")
	_, err = bob.hub.CreateRoom(s.Context(), "bob", chat.NewRoom{ID: chat.NewID(), Name: "TEA time"})
	s.fails(err, chat.ErrConflict, "names of public rooms are unique without regard to case")
	s.code(err, "conflict", "a name that is taken")
	bob.create(chat.NewRoom{Name: "TEA time", Kind: chat.Private})
	_, err = ann.hub.CreateRoom(s.Context(), "ann", chat.NewRoom{ID: chat.NewID(), Name: "x", Members: []chat.UserID{"nobody"}})
	s.fails(err, chat.ErrNotFound, "a member whom nobody knows")
	_, err = ann.hub.Direct(s.Context(), "ann", "nobody", chat.NewID())
	s.fails(err, chat.ErrNotFound, "a direct room with somebody whom nobody knows")
	_, err = ann.hub.Room(s.Context(), "ann", "no-such-room")
	s.fails(err, chat.ErrNotFound, "a room that there is not")
	s.code(err, "not_found", "a room that there is not")
	rooms, err := ann.hub.Rooms(s.Context(), "ann", "", 200)
	s.ok(err, "Rooms")
	if len(rooms) != 1 {
		s.Errorf("after rooms that were refused there are %s, want one", show(rooms))
	}
}

func hubBadChanges(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
	bob.create(chat.NewRoom{Name: "Coffee"})
	m := ann.post(room, "hello")
	ann.unchanged(room, func() {
		for _, c := range []struct {
			what, code, field string
			change            chat.Change
		}{
			{"no kind", "bad_request", "kind", chat.Change{}},
			{"an odd kind", "bad_request", "kind", chat.Change{Kind: "promote"}},
			{"an odd role", "bad_request", "role", chat.Change{Kind: chat.SetRole, User: "bob", Role: "king"}},
			{"no user", "bad_request", "user", chat.Change{Kind: chat.Invite}},
			{"a long user id", "bad_request", "user", chat.Change{Kind: chat.Ban, User: chat.UserID(strings.Repeat("u", 65))}},
			{"no name", "empty", "name", chat.Change{Kind: chat.Rename}},
			{"data that is no object", "bad_request", "data", chat.Change{Kind: chat.Update, Data: json.RawMessage(`[]`)}},
			{"no emoji", "empty", "text", chat.Change{Kind: chat.React, Seq: m.Seq}},
			{"a blank emoji", "empty", "text", chat.Change{Kind: chat.React, Seq: m.Seq, Emoji: " \u200b"}},
			{"a NUL in the emoji", "bad_request", "text", chat.Change{Kind: chat.React, Seq: m.Seq, Emoji: "👍\x00"}},
			{"an emoji that is not UTF-8", "bad_request", "text", chat.Change{Kind: chat.React, Seq: m.Seq, Emoji: "👍\xff"}},
			{"a control character in the emoji", "bad_request", "text", chat.Change{Kind: chat.React, Seq: m.Seq, Emoji: "\x1b👍"}},
			{"a C1 control character in the emoji", "bad_request", "text", chat.Change{Kind: chat.React, Seq: m.Seq, Emoji: "👍\u0085"}},
			{"an emoji of two lines", "bad_request", "text", chat.Change{Kind: chat.React, Seq: m.Seq, Emoji: "👍\n👍"}},
			{"a tab in the emoji", "bad_request", "text", chat.Change{Kind: chat.React, Seq: m.Seq, Emoji: "👍\t"}},
			{"many emoji", "bad_request", "text", chat.Change{Kind: chat.React, Seq: m.Seq, Emoji: strings.Repeat("👍", 17)}},
		} {
			_, err := ann.try(room, c.change)
			s.input(err, c.code, c.field, "a change with "+c.what)
		}
		for what, c := range map[string]chat.Change{
			"nobody is invited":              {Kind: chat.Invite, User: "nobody"},
			"a reaction to nothing":          {Kind: chat.React, Seq: m.Seq + 100, Emoji: "👍"},
			"a reaction to no message":       {Kind: chat.React, Seq: 1, Emoji: "👍"},
			"a role of who is not a member":  {Kind: chat.SetRole, User: "cyd", Role: chat.Admin},
			"a role of a user nobody knows ": {Kind: chat.SetRole, User: "nobody", Role: chat.Admin},
		} {
			_, err := ann.try(room, c)
			s.fails(err, chat.ErrNotFound, what)
		}
		_, err := ann.try(room, chat.Change{Kind: chat.Rename, Name: "COFFEE"})
		s.fails(err, chat.ErrConflict, "the name of another public room")
	})
}

func hubBadReads(s *stage) {
	ann, _, _ := s.cast()
	room := ann.create(chat.NewRoom{})
	for _, limit := range []int{-1, 201} {
		_, err := ann.hub.Rooms(s.Context(), "ann", "", limit)
		s.input(err, "bad_request", "limit", "Rooms")
		_, err = ann.room(room).Members(s.Context(), "ann", "", limit)
		s.input(err, "bad_request", "limit", "Members")
	}
	s.input(ann.room(room).MarkRead(s.Context(), "ann", 1<<40), "bad_request", "seq", "MarkRead beyond all positions")
	if p := ann.read(room, chat.Range{After: 1 << 50, Limit: 1 << 30}); len(p.Events) != 0 {
		s.Errorf("History beyond the head is %s", show(p))
	}
}

func hubBadCommands(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{})
	ann.unchanged(room, func() {
		run := func(c *client, line string) error {
			_, err := ann.room(room).Command(s.Context(), c.user, chat.CommandLine{ID: chat.NewID(), Text: line})
			return err
		}
		err := run(ann, "/wisper")
		s.code(err, command.CodeUnknownCommand, "a command that nobody has")
		if err != nil && !strings.Contains(err.Error(), "whisper") {
			s.Errorf("the error about /wisper is %v: it names what was perhaps meant", err)
		}
		for _, line := range []string{"", "say", "/", "/ say", "/1"} {
			if err := run(ann, line); err == nil {
				s.Errorf("the command line %q was run", line)
			}
		}
		s.fails(run(bob, "/say"), chat.ErrForbidden, "who is not a member runs no command")
	})
	if n := s.bot.runs.Load(); n != 0 {
		s.Errorf("the bot ran %d times, for commands that were refused", n)
	}
}

func hubBadIDs(s *stage) {
	ann, _, _ := s.cast()
	room := ann.create(chat.NewRoom{})
	m := ann.post(room, "hello")
	r := ann.room(room)
	ann.unchanged(room, func() {
		for _, id := range badIDs {
			_, err := r.Post(s.Context(), "ann", chat.Draft{ID: id, Text: "x"})
			s.input(err, "bad_request", "id", "Post with the id "+id)
			_, err = r.Edit(s.Context(), "ann", chat.Edit{ID: id, Seq: m.Seq, Text: "x"})
			s.input(err, "bad_request", "id", "Edit with the id "+id)
			_, err = r.Delete(s.Context(), "ann", m.Seq, id)
			s.input(err, "bad_request", "id", "Delete with the id "+id)
			_, err = r.Change(s.Context(), "ann", chat.Change{ID: id, Kind: chat.Update})
			s.input(err, "bad_request", "id", "Change with the id "+id)
			_, err = r.Command(s.Context(), "ann", chat.CommandLine{ID: id, Text: "/say"})
			s.input(err, "bad_request", "id", "Command with the id "+id)
			_, err = ann.hub.CreateRoom(s.Context(), "ann", chat.NewRoom{ID: id, Name: "x"})
			s.input(err, "bad_request", "id", "CreateRoom with the id "+id)
			_, err = ann.hub.Direct(s.Context(), "ann", "bob", id)
			s.input(err, "bad_request", "id", "Direct with the id "+id)
		}
	})
}
