package chattest

import (
	"slices"
	"strings"

	"github.com/carlware/gochat/chat"
)

var userCases = []storeCase{
	{"Put", testUsers, nil},
	{"Renamed", testUserRenamed, nil},
	{"WritersDoNotRename", testWritersDoNotRename, nil},
	{"OddIDs", testOddUserIDs, nil},
}

func (w *world) known(ids ...chat.UserID) []chat.User {
	w.Helper()
	users, err := w.s.Users(w.Context(), ids)
	w.ok(err, "Users")
	slices.SortFunc(users, func(a, b chat.User) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return users
}

func testUsers(w *world) {
	if got := w.known("nobody", bob.ID, bot.ID, bob.ID); !slices.Equal(got, []chat.User{bob, bot}) {
		w.Errorf("Users is %s, want bob and the bot, once: those of ids that are known", show(got))
	}
	if got := w.known(); len(got) != 0 {
		w.Errorf("Users without ids is %s", show(got))
	}
	w.ok(w.s.PutUsers(w.Context(), nil), "PutUsers without users")
	w.ok(w.s.PutUsers(w.Context(), []chat.User{{ID: "dan", Name: "Dan"}, {ID: bob.ID, Name: "Robert"}}), "PutUsers")
	if got := w.known("dan", bob.ID, ann.ID); !slices.Equal(got, []chat.User{ann, {ID: "bob", Name: "Robert"}, {ID: "dan", Name: "Dan"}}) {
		w.Errorf("Users is %s after PutUsers of a new one and of a new name", show(got))
	}
	if _, err := w.s.RoomsRevs(w.Context(), []chat.UserID{"dan"}); err != nil {
		w.Errorf("RoomsRevs of a user without rooms: %v", err)
	}
}

// testUserRenamed renames everybody, and then looks everywhere.
func testUserRenamed(w *world) {
	room := w.room(ann, bob)
	direct := w.create(w.roomOf(chat.Direct, "", ann, bob)).ID
	w.do(w.upon(room, ann, chat.RoleChanged, bob, chat.Admin))
	m := w.message(room, ann, "hello")
	w.do(m)
	call := w.call(room, bob)
	w.opens(call)
	ended := w.settles(chat.Settlement{ID: call.ID, Answers: []string{"an answer"}})

	for _, u := range []chat.User{ann, bob, bot} {
		u.Name = "New " + u.Name
		w.ok(w.s.PutUsers(w.Context(), []chat.User{u}), "PutUsers")
	}
	look := func(where string, v any) {
		w.Helper()
		for _, old := range []string{`"Ann"`, `"Bob"`, `"Stock"`} {
			if s := show(v); strings.Contains(s, old) {
				w.Errorf("%s has the old name %s: names are kept with the user and are new everywhere\n%s", where, old, s)
			}
		}
	}
	for _, r := range []chat.RoomID{room, direct} {
		look("Page", w.all(chat.System, r))
		look("Snapshot", w.snapshot(r))
		members, err := w.s.Members(w.Context(), ann.ID, r, "", 10)
		w.ok(err, "Members")
		look("Members", members)
	}
	found, _, err := w.s.Find(w.Context(), room, ann.ID, m.ID)
	w.ok(err, "Find")
	look("Find", found)
	again, err := w.append(w.Context(), m)
	w.ok(err, "Append again")
	look("a repeated Append", again)
	inbox, err := w.s.Inbox(w.Context(), ann.ID)
	w.ok(err, "Inbox")
	look("Inbox", inbox)
	rooms, err := w.s.Rooms(w.Context(), ann.ID, "", 10)
	w.ok(err, "Rooms")
	look("Rooms", rooms)
	stored, err := w.s.Call(w.Context(), ended.ID)
	w.ok(err, "Call")
	look("Call", stored)
	look("a new event", w.post(room, ann, "hello"))
	look("a new event upon somebody", w.do(w.upon(room, ann, chat.RoleChanged, bob, chat.Owner)))
}

// testWritersDoNotRename writes with users that the node knows by id only.
func testWritersDoNotRename(w *world) {
	bare := func(u chat.User) chat.User { return chat.User{ID: u.ID} }
	room := w.create(w.roomOf(chat.Private, "Bare", bare(ann), bare(bob))).ID
	if e := w.post(room, bare(ann), "hello"); e.User != ann {
		w.Errorf("the event is by %s, want %s: the name is the one that is kept with the user", show(e.User), show(ann))
	}
	if e := w.do(w.upon(room, bare(ann), chat.Joined, bare(cyd), chat.Participant)); *e.Target != cyd {
		w.Errorf("the event is upon %s, want %s: the name is the one that is kept with the user", show(e.Target), show(cyd))
	}
	if got := w.known(ann.ID, bob.ID, cyd.ID); !slices.Equal(got, []chat.User{ann, bob, cyd}) {
		w.Errorf("the users are %s: names change by PutUsers only", show(got))
	}
	dan := chat.User{ID: "dan", Name: "Dan"}
	if e := w.do(w.upon(room, ann, chat.Joined, dan, chat.Participant)); *e.Target != dan {
		w.Errorf("the event is upon %s, want %s: a user that is not known yet is stored with what is named", show(e.Target), show(dan))
	}
	if got := w.known("dan"); !slices.Equal(got, []chat.User{dan}) {
		w.Errorf("Users is %s, want dan as the event named him", show(got))
	}
}

func testOddUserIDs(w *world) {
	room := w.room(ann)
	var ids []chat.UserID
	for _, id := range []string{
		"o'hara", `quo"te`, `back\slash`, "per%cent_", "two  spaces", " ", "semi;colon--", "Ñandú@exämple.org", "日本語", "👩‍🚀",
		"ANN", "Ann", "null", "0", "-1", "1e3", "a,b", "{}", "a:b", "e\u0301", "\u00e9", strings.Repeat("x", 64), strings.Repeat("é", 32),
	} {
		u := chat.User{ID: chat.UserID(id), Name: "Name of " + id}
		w.ok(w.s.PutUsers(w.Context(), []chat.User{u}), "PutUsers")
		if got := w.known(u.ID); !slices.Equal(got, []chat.User{u}) {
			w.Errorf("Users of %q is %s: ids are compared by their bytes", id, show(got))
		}
		w.do(w.upon(room, ann, chat.Joined, u, chat.Participant))
		m := w.message(room, u, "I am "+id)
		posted := w.do(m)
		w.again(m, posted)
		if posted.User != u || w.stored(room, posted.Seq).User != u {
			w.Errorf("the message of %q is by %s", id, show(posted.User))
		}
		if e := w.entry(u, room); e.Unread != 1 {
			w.Errorf("unread of %q is %d, want 1", id, e.Unread)
		}
		ids = append(ids, u.ID)
	}
	ids = append(ids, ann.ID)
	slices.Sort(ids)
	if got := w.userIDs(ann.ID, room, 4); !slices.Equal(got, ids) {
		w.Errorf("Members found %q, want %q", got, ids)
	}
}
