package chattest

import (
	"fmt"
	"slices"

	"github.com/carlware/gochat/chat"
)

var hubListCases = []hubCase{
	{"History", hubHistory, nil},
	{"LongHistory", hubLongHistory, nil},
	{"Inbox", hubInbox, nil},
	{"ReadMarkers", hubReadMarkers, nil},
	{"Rooms", hubRooms, nil},
	{"Members", hubMembers, nil},
	{"Info", hubInfo, nil},
}

func hubHistory(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	last := ann.posts(room, 120)
	bob.reach(room, last)
	bob.reads(room, last, []wantPage{
		{chat.Range{}, last - 49, last, true},
		{chat.Range{Limit: 10}, last - 9, last, true},
		{chat.Range{Limit: 1000}, 1, last, false},
		{chat.Range{Before: 10, Limit: 5}, 5, 9, true},
		{chat.Range{Before: 4, Limit: 5}, 1, 3, false},
		{chat.Range{After: 10, Limit: 5}, 11, 15, true},
		{chat.Range{After: last - 2, Limit: 5}, last - 1, last, false},
		{chat.Range{Forward: true, Limit: 5}, 1, 5, true},
		{chat.Range{After: 10, Before: 14, Limit: 10}, 11, 13, false},
		{chat.Range{After: last}, 0, 0, false},
		{chat.Range{Before: 1}, 0, 0, false},
	})
	if got, want := show(bob.log(room)), show(ann.log(room)); got != want {
		s.Errorf("bob reads\n%s, ann reads\n%s", got, want)
	}
}

// hubLongHistory reads a log that is longer than a page may be.
func hubLongHistory(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	last := ann.posts(room, 258)
	bob.reach(room, last)
	around := func(seq chat.Seq, limit int) chat.Range { return chat.Range{Around: seq, Limit: limit} }
	bob.reads(room, last, []wantPage{
		{chat.Range{Limit: 200}, last - 199, last, true},
		{chat.Range{Limit: 201}, last - 199, last, true},
		{chat.Range{Limit: 1 << 40}, last - 199, last, true},
		{chat.Range{Forward: true, Limit: 1000}, 1, 200, true},
		{chat.Range{After: 10, Limit: 1000}, 11, 210, true},
		{chat.Range{After: last - 200, Limit: 1000}, last - 199, last, false},
		{chat.Range{Before: 240, Limit: 1000}, 40, 239, true},
		{around(131, 9), 127, 135, true},
		{around(131, 0), 106, 155, true},
		{around(131, 200), 31, 230, true},
		{around(131, 1000), 31, 230, true},
		{around(1, 10), 1, 10, true},
		{around(1, 1000), 1, 200, true},
		{around(3, 11), 1, 11, true},
		{around(last, 10), last - 5, last, true},
		{around(last, 1000), last - 100, last, true},
		{around(last+1000, 10), last - 5, last, true},
	})
	_, err := bob.room(room).History(s.Context(), "bob", chat.Range{Around: 131, Before: 200})
	s.input(err, "bad_request", "around", "a page around an event and before another one")
}

// wantPage is a range and the page that it is to give.
type wantPage struct {
	r           chat.Range
	first, last chat.Seq
	more        bool
}

// reads reads pages of a room whose newest event is head.
func (c *client) reads(room chat.RoomID, head chat.Seq, pages []wantPage) {
	s := c.s
	s.Helper()
	for _, want := range pages {
		p := c.read(room, want.r)
		var first, end chat.Seq
		for i, e := range p.Events {
			if i == 0 {
				first = e.Seq
			} else if e.Seq != end+1 {
				s.Errorf("History %+v has %d after %d: a page is a run of the log", want.r, e.Seq, end)
			}
			end = e.Seq
		}
		if first != want.first || end != want.last || p.More != want.more || p.Head != head || p.Floor > 1 {
			s.Errorf("History %+v is %d to %d, more %v, head %d, floor %d; want %d to %d, more %v, head %d: it has up to Limit events, and never more than 200",
				want.r, first, end, p.More, p.Head, p.Floor, want.first, want.last, want.more, head)
		}
	}
}

func hubInbox(s *stage) {
	ann, bob, _ := s.cast()
	empty := ann.create(chat.NewRoom{Name: "Empty", Members: []chat.UserID{"bob"}})
	room := ann.create(chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
	ann.create(chat.NewRoom{Name: "Not bob's"})
	ann.posts(room, 3)
	last := bob.post(room, "four")
	check := func(where string, entries []chat.InboxEntry) {
		s.Helper()
		byID := map[chat.RoomID]chat.InboxEntry{}
		for _, e := range entries {
			byID[e.ID] = e
		}
		e := byID[room]
		if len(entries) != 2 || byID[empty].Unread != 0 || byID[empty].Last != nil {
			s.Errorf("%s has %s, want two rooms, one without messages", where, show(entries))
		}
		if e.Name != "Tea" || e.Kind != chat.Public || e.Role != chat.Participant || e.Head != last.Seq || e.Unread != 4 || e.Last == nil || e.Last.Seq != last.Seq || e.Last.Text != "four" || e.Members != 2 {
			s.Errorf("%s has %s, want it with 4 unread messages, the last of which is %s", where, show(e), show(last))
		}
	}
	inbox, err := bob.hub.Inbox(s.Context(), "bob")
	s.ok(err, "Inbox")
	check("the inbox", inbox.Rooms)
	check("the welcome", bob.again(nil).welcome.Rooms)
}

func hubReadMarkers(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	last := ann.posts(room, 5) // 4 to 8
	mark := func(seq chat.Seq) {
		s.ok(bob.room(room).MarkRead(s.Context(), "bob", seq), "MarkRead")
	}
	is := func(read chat.Seq, unread int64) func() bool {
		return func() bool {
			e, _ := bob.entry(room)
			return e.Read == read && e.Unread == unread
		}
	}
	s.soon(is(0, 5), "before the first marker all messages are unread")
	mark(6)
	s.soon(is(6, 2), "the read marker is where it was put, and what is after it is unread")
	mark(4)
	mark(7)
	s.soon(is(7, 1), "the read marker moves forward only")
	mark(1 << 39)
	s.soon(is(last, 0), "the read marker stops at the head")
	ann.post(room, "news")
	s.soon(is(last, 1), "what comes after the marker is unread")
	if e, _ := ann.entry(room); e.Read != 0 {
		s.Errorf("ann's marker is at %d: it is bob who has read", e.Read)
	}
}

func hubRooms(s *stage) {
	ann, bob, _ := s.cast()
	var want []chat.RoomID
	for i := range 7 {
		want = append(want, ann.create(chat.NewRoom{Name: fmt.Sprint("Room ", i)}))
	}
	want = append(want, ann.create(chat.NewRoom{Kind: chat.Private, Members: []chat.UserID{"bob"}}))
	ann.create(chat.NewRoom{Kind: chat.Private})
	banned := ann.create(chat.NewRoom{Name: "Banned"})
	ann.change(banned, chat.Change{Kind: chat.Ban, User: "bob"})
	archived := ann.create(chat.NewRoom{Name: "Archived"})
	ann.change(archived, chat.Change{Kind: chat.Archive})
	slices.Sort(want)
	var got []chat.RoomID
	for after := chat.RoomID(""); ; {
		rooms, err := bob.hub.Rooms(s.Context(), "bob", after, 3)
		s.ok(err, "Rooms")
		if len(rooms) > 3 {
			s.Fatalf("a page of 3 rooms has %d", len(rooms))
		}
		for _, r := range rooms {
			got = append(got, r.ID)
			after = r.ID
		}
		if len(rooms) < 3 {
			break
		}
	}
	if !slices.Equal(got, want) {
		s.Errorf("Rooms of bob are %v, want %v: one's own and the public ones that one could join, by id", got, want)
	}
}

func hubMembers(s *stage) {
	ann, bob, _ := s.cast()
	users := []chat.UserID{"ann", "bob"}
	for _, u := range []chat.UserID{"m1", "m2", "m3", "m4", "m5"} {
		s.ok(ann.hub.Admit(s.Context(), principal(u)), "Admit")
		users = append(users, u)
	}
	room := ann.create(chat.NewRoom{Kind: chat.Private, Members: users[1:]})
	ann.change(room, chat.Change{Kind: chat.SetRole, User: "bob", Role: chat.Admin})
	ann.change(room, chat.Change{Kind: chat.Ban, User: "cyd"})
	walk := func(c *client, by chat.UserID) (ids []chat.UserID, roles map[chat.UserID]chat.Member) {
		s.Helper()
		roles = map[chat.UserID]chat.Member{}
		for after := chat.UserID(""); ; {
			ms, err := c.room(room).Members(s.Context(), by, after, 3)
			s.ok(err, "Members")
			for _, m := range ms {
				ids, roles[m.User.ID], after = append(ids, m.User.ID), m, m.User.ID
			}
			if len(ms) < 3 {
				return ids, roles
			}
		}
	}
	ids, roles := walk(bob, "bob")
	if want := append([]chat.UserID{"ann", "bob", "cyd"}, users[2:]...); !slices.Equal(ids, want) {
		s.Errorf("the members, for an admin, are %v, want %v with who is banned, by id", ids, want)
	}
	if roles["ann"].Role != chat.Owner || roles["bob"].Role != chat.Admin || roles["m1"].Role != chat.Participant || !roles["cyd"].Banned || roles["cyd"].Role != "" {
		s.Errorf("the members are %s", show(roles))
	}
	if roles["m1"].User != principal("m1").User {
		s.Errorf("a member is %s, want the name that the host told", show(roles["m1"]))
	}
	if ids, _ = walk(ann, "m1"); !slices.Equal(ids, users) {
		s.Errorf("the members, for a member, are %v, want %v: who is banned is for owners and admins", ids, users)
	}
}

func hubInfo(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}, Hides: true, Data: []byte(`{"topic":"leaves"}`)})
	last := ann.post(room, "hello").Seq
	info, err := bob.room(room).Info(s.Context(), "bob")
	s.ok(err, "Info")
	if info.ID != room || info.Name != "Tea" || info.Kind != chat.Public || !info.Hides || info.Archived || info.Head != last || info.Members != 2 ||
		string(info.Data) != `{"topic":"leaves"}` || info.Created.IsZero() || info.With != nil {
		s.Errorf("Info is %s", show(info))
	}
	e := ann.change(room, chat.Change{Kind: chat.Archive})
	info, err = bob.room(room).Info(s.Context(), "bob")
	if err != nil || !info.Archived || info.Head != e.Seq {
		s.Errorf("Info of the archived room is %s, %v", show(info), err)
	}
}
