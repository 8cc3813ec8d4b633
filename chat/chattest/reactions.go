package chattest

import (
	"fmt"
	"slices"

	"github.com/carlware/gochat/chat"
)

var reactionCases = []storeCase{
	{"Order", testReactionOrder, nil},
	{"Limit", testReactionLimit, nil},
	{"TakenBack", testReactionTakenBack, nil},
	{"Twice", testReactionTwice, nil},
	{"Changed", testReactionChanged, nil},
	{"Pages", testReactionPages, nil},
	{"OnlyRead", testReactionOnlyRead, nil},
	{"OwnSlices", testReactionSlices, nil},
}

// reacts puts an emoji on a message, or takes it back.
func (w *world) reacts(by chat.User, to chat.Event, emoji string, on bool) {
	w.Helper()
	m := w.about(to.Room, by, chat.Reacted, to.Seq, emoji)
	m.Off = !on
	w.do(m)
}

// reactions checks what a page has of a message for viewer, in the form
// "emoji users, emoji users".
func (w *world) reactions(viewer chat.UserID, to chat.Event, want, rule string) {
	w.Helper()
	p := w.page(viewer, to.Room, chat.Range{After: to.Seq - 1, Forward: true, Limit: 1})
	if len(p.Events) != 1 || p.Events[0].Seq != to.Seq {
		w.Fatalf("Page after %d with limit 1 returned %v", to.Seq-1, seqs(p.Events))
	}
	got := ""
	for i, r := range p.Events[0].Reactions {
		if i > 0 {
			got += ", "
		}
		got += r.Text
		for _, id := range r.Users {
			got += " " + string(id)
		}
		if r.Count != len(r.Users) {
			got += fmt.Sprintf(" (%d)", r.Count)
		}
	}
	if got != want {
		w.Errorf("message %d has for %s the reactions %q, want %q: %s", to.Seq, viewer, got, want, rule)
	}
}

func testReactionOrder(w *world) {
	room := w.room(ann, bob, cyd)
	e := w.post(room, ann, "hello")
	w.reactions(ann.ID, e, "", "there are none at first")
	w.reacts(cyd, e, "👍", true)
	w.reacts(bob, e, "❤️", true)
	w.reacts(bob, e, "👍", true)
	w.reacts(ann, e, "👍", true)
	w.reacts(ann, e, "+1", true)
	for _, viewer := range []chat.UserID{ann.ID, bob.ID, cyd.ID, chat.System} {
		w.reactions(viewer, e, "👍 cyd bob ann, ❤️ bob, +1 ann", "in the order in which their emoji were first used, and their users reacted")
	}
}

func testReactionLimit(w *world) {
	var members []chat.User
	for i := range 25 {
		members = append(members, chat.User{ID: chat.UserID(fmt.Sprintf("member%02d", 24-i)), Name: "Member"})
	}
	room := w.room(append(members, ann)...)
	e := w.post(room, ann, "hello")
	basis := w.snapshot(room).Access
	first := ""
	for i, m := range members {
		w.do(chat.Write{Room: room, User: m, Kind: chat.Reacted, ID: w.newID(), Ref: e.Seq, Text: "👍", Basis: basis})
		if i < 19 {
			first += " " + string(m.ID)
		}
		if i == 19 {
			w.reactions(members[19].ID, e, "👍"+first+" "+string(members[19].ID), "all of the users, when they are 20")
		}
	}
	const rule = "at most 20 users, the first of them, and always the reader if among them"
	w.reactions(ann.ID, e, "👍"+first+" "+string(members[19].ID)+" (25)", rule)
	w.reactions(members[3].ID, e, "👍"+first+" "+string(members[19].ID)+" (25)", rule)
	w.reactions(members[20].ID, e, "👍"+first+" "+string(members[20].ID)+" (25)", rule)
	w.reactions(members[24].ID, e, "👍"+first+" "+string(members[24].ID)+" (25)", rule)
	w.reactions(chat.System, e, "👍"+first+" "+string(members[19].ID)+" (25)", rule)
}

func testReactionTakenBack(w *world) {
	room := w.room(ann, bob, cyd)
	e := w.post(room, ann, "hello")
	w.reacts(ann, e, "👍", true)
	w.reacts(bob, e, "👍", true)
	w.reacts(bob, e, "❤️", true)
	w.reacts(ann, e, "❤️", false) // was none
	w.reacts(cyd, e, "👎", false)  // was none of anybody's
	w.reactions(ann.ID, e, "👍 ann bob, ❤️ bob", "taking back what was not there changes nothing")
	w.reacts(bob, e, "👍", false)
	w.reactions(bob.ID, e, "👍 ann, ❤️ bob", "one reaction of one user is taken back")
	w.reacts(cyd, e, "👍", true)
	w.reacts(ann, e, "👍", false)
	w.reactions(ann.ID, e, "👍 cyd, ❤️ bob", "an emoji keeps its place while somebody has it")
	w.reacts(ann, e, "👍", true)
	w.reactions(ann.ID, e, "👍 cyd ann, ❤️ bob", "who reacts again comes last")
	w.reacts(cyd, e, "👍", false)
	w.reacts(ann, e, "👍", false)
	w.reactions(ann.ID, e, "❤️ bob", "an emoji that nobody has is not there")
	w.reacts(bob, e, "❤️", false)
	w.reactions(ann.ID, e, "", "all were taken back")
	w.reacts(bob, e, "❤️", true)
	w.reactions(ann.ID, e, "❤️ bob", "and put again")
}

func testReactionTwice(w *world) {
	room := w.room(ann, bob)
	e := w.post(room, ann, "hello")
	w.reacts(bob, e, "👍", true)
	w.reacts(ann, e, "👍", true)
	w.reacts(bob, e, "👍", true)
	w.reactions(ann.ID, e, "👍 bob ann", "the same reaction counts once for each user")
	m := w.about(room, ann, chat.Reacted, e.Seq, "👍")
	m.Off = true
	off := w.do(m)
	w.reacts(ann, e, "👍", true)
	w.again(m, off)
	w.reactions(ann.ID, e, "👍 bob ann", "a duplicate changes nothing")
	w.reacts(bob, e, "👍", false)
	w.reactions(ann.ID, e, "👍 ann", "what was put twice is taken back at once")
}

func testReactionChanged(w *world) {
	room := w.room(ann, bob)
	e := w.post(room, ann, "hello")
	other := w.post(room, ann, "other")
	w.reacts(bob, e, "👍", true)
	w.reacts(ann, other, "❤️", true)
	w.do(w.about(room, ann, chat.Edited, e.Seq, "edited"))
	w.reactions(ann.ID, e, "👍 bob", "an edited message keeps its reactions")
	w.ok(w.s.PutUsers(w.Context(), []chat.User{{ID: bob.ID, Name: "Robert"}}), "PutUsers")
	w.do(w.upon(room, bob, chat.Left, bob, ""))
	w.reactions(ann.ID, e, "👍 bob", "the reactions of who left stay")
	w.do(w.about(room, ann, chat.Deleted, e.Seq, ""))
	w.reactions(ann.ID, e, "", "a deleted message has no reactions")
	w.reactions(ann.ID, other, "❤️ ann", "a deletion concerns one message")
	_, err := w.append(w.Context(), w.about(room, ann, chat.Reacted, e.Seq, "👍"))
	w.fails(err, chat.ErrNotFound, "a reaction to a deleted message")
}

// testReactionPages reads the reactions to many messages of several rooms.
func testReactionPages(w *world) {
	rooms := []chat.RoomID{w.room(ann, bob), w.room(ann, bob), w.room(ann, bob)}
	const messages = 12 // from seq 4 on
	for _, room := range rooms {
		for i := range messages {
			w.post(room, ann, fmt.Sprint(i))
		}
	}
	want := func(room int, seq chat.Seq) (reactions []chat.Reaction) {
		if seq < 4 || seq >= 4+messages {
			return nil
		}
		for i := range (int(seq) + room) % 4 {
			r := chat.Reaction{Text: fmt.Sprint(room, "-", seq, "-", i), Count: 1, Users: []chat.UserID{ann.ID}}
			if i == 1 {
				r.Count, r.Users = 2, []chat.UserID{ann.ID, bob.ID}
			}
			reactions = append(reactions, r)
		}
		return reactions
	}
	for i, room := range rooms {
		for seq := chat.Seq(4 + messages - 1); seq >= 4; seq-- {
			for _, r := range want(i, seq) {
				for _, id := range r.Users {
					w.reacts(chat.User{ID: id}, chat.Event{Room: room, Seq: seq}, r.Text, true)
				}
			}
		}
	}
	for i, room := range rooms {
		for _, r := range []chat.Range{
			{Limit: 200}, {Forward: true, Limit: 200}, {Forward: true, Limit: 7}, {After: 5, Before: 13}, {Before: 14, Limit: 3}, {After: 5, Limit: 1},
		} {
			for _, e := range w.page(bob.ID, room, r).Events {
				if want := want(i, e.Seq); show(e.Reactions) != show(want) {
					w.Errorf("in Page %+v event %d has the reactions %s, want %s: each message has its own", r, e.Seq, show(e.Reactions), show(want))
				}
			}
		}
	}
}

func testReactionOnlyRead(w *world) {
	room := w.room(ann, bob)
	e := w.post(room, ann, "hello")
	w.reacts(bob, e, "👍", true)
	edit := w.do(w.about(room, ann, chat.Edited, e.Seq, "edited"))
	live, _ := w.log.event(room, edit.Seq)
	if len(edit.Reactions) > 0 || len(live.Reactions) > 0 {
		w.Errorf("an edit of a message with reactions is %s, the receiver was given %s: a live event has no reactions", show(edit), show(live))
	}
	for _, e := range w.all(ann.ID, room) {
		if (e.Kind == chat.Message) != (len(e.Reactions) > 0) {
			w.Errorf("read back, an event is %s: reactions are those of messages", show(e))
		}
	}
}

func testReactionSlices(w *world) {
	room := w.room(ann, bob)
	e := w.post(room, ann, "hello")
	w.reacts(ann, e, "👍", true)
	w.reacts(bob, e, "👍", true)
	r := w.stored(room, e.Seq).Reactions[0]
	slices.Reverse(r.Users)
	w.reactions(ann.ID, e, "👍 ann bob", "what Page returned belongs to the caller")
}
