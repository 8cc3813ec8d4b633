package chattest

import (
	"errors"
	"slices"

	"github.com/carlware/gochat/chat"
)

var viewerCases = []storeCase{
	{"Members", testViewerMembers, nil},
	{"AddedAgain", testViewerAddedAgain, nil},
	{"HiddenHistory", testHiddenHistory, nil},
	{"OneMoment", testViewerOneMoment, nil},
}

const hidden = "a viewer who is not a member in the same snapshot gets ErrNotFound"

// unseen checks that user can read nothing of room.
func (w *world) unseen(user chat.UserID, room chat.RoomID, who string) {
	w.Helper()
	for _, r := range []chat.Range{{}, {Forward: true}, {After: 1, Before: 3}} {
		p, err := w.s.Page(w.Context(), user, room, r)
		w.fails(err, chat.ErrNotFound, "Page for "+who+": "+hidden)
		if len(p.Events) > 0 || p.Head != 0 {
			w.Errorf("Page for %s returned events with its error", who)
		}
	}
	_, err := w.s.Members(w.Context(), user, room, "", 10)
	w.fails(err, chat.ErrNotFound, "Members for "+who+": "+hidden)
}

func testViewerMembers(w *world) {
	for _, kind := range []chat.RoomKind{chat.Public, chat.Private} {
		room := w.create(w.roomOf(kind, "Viewers "+string(kind), ann, bob)).ID
		w.post(room, ann, "hello")
		w.unseen(cyd.ID, room, "somebody outside of a "+string(kind)+" room")
		w.unseen("nobody", room, "an unknown user")
		w.unseen("", room, "an empty user id")
		w.unseen(ann.ID, "nowhere", "a room that does not exist")
		w.unseen(chat.System, "nowhere", "a room that does not exist")
		w.do(w.upon(room, ann, chat.Left, bob, ""))
		w.unseen(bob.ID, room, "somebody who was removed")
		w.do(w.upon(room, ann, chat.Banned, bob, ""))
		w.unseen(bob.ID, room, "somebody who is banned")
		if n := len(w.all(chat.System, room)); n != 6 {
			w.Errorf("System sees %d events, want all 6: it sees everything", n)
		}
	}
	direct := w.create(w.roomOf(chat.Direct, "", ann, bob)).ID
	w.unseen(cyd.ID, direct, "a third person in a direct room")
	w.page(bob.ID, direct, chat.Range{})

	archived := w.room(ann)
	w.do(w.write(archived, ann, chat.Archived))
	w.page(ann.ID, archived, chat.Range{}) // an archived room can be read
}

func testViewerAddedAgain(w *world) {
	room := w.room(ann, bob)
	w.do(w.upon(room, ann, chat.Left, bob, ""))
	w.post(room, ann, "while bob is away")
	w.do(w.upon(room, ann, chat.Joined, bob, chat.Participant))
	if got := seqs(w.all(bob.ID, room)); !slices.Equal(got, []chat.Seq{1, 2, 3, 4, 5, 6}) {
		w.Errorf("who was added again sees %v, want all 6: a member of a room that does not hide history has no floor", got)
	}
}

func testHiddenHistory(w *world) {
	create := w.roomOf(chat.Private, "Hiding", ann)
	create.Hides = true
	info := w.create(create)
	room := info.ID
	if !info.Hides || !w.snapshot(room).Info.Hides {
		w.Errorf("Hides of the room is not stored")
	}
	w.post(room, ann, "before bob")
	joined := w.do(w.upon(room, ann, chat.Joined, bob, chat.Participant))
	if m := w.snapshot(room).Members[bob.ID]; m.VisibleFrom != joined.Seq {
		w.Errorf("VisibleFrom is %d, want the join %d: in a room that hides history a member does not see what was before", m.VisibleFrom, joined.Seq)
	}
	w.post(room, ann, "with bob")
	last := w.head(room)
	for _, r := range []chat.Range{{}, {Forward: true}, {After: 1}, {Before: last + 1}, {After: 1, Before: last + 1}} {
		p := w.page(bob.ID, room, r)
		if !slices.Equal(seqs(p.Events), []chat.Seq{joined.Seq, last}) || p.More || p.Floor != joined.Seq {
			w.Errorf("Page %+v is %v, more=%v, floor %d, want %d and %d from the join on, no more, and the join as floor", r, seqs(p.Events), p.More, p.Floor, joined.Seq, last)
		}
	}
	if p := w.page(bob.ID, room, chat.Range{Before: joined.Seq}); len(p.Events) > 0 || p.More {
		w.Errorf("Page before the join is %v, more=%v: there is nothing for this viewer", seqs(p.Events), p.More)
	}
	if p := w.page(bob.ID, room, chat.Range{Limit: 1}); !p.More {
		w.Errorf("Page of the newest one has no More, but the join is before it")
	}
	if p := w.page(ann.ID, room, chat.Range{}); p.Floor != 2 || p.Events[0].Seq != 2 {
		w.Errorf("the owner's floor is %d, want her own join 2", p.Floor)
	}
	if n := len(w.all(chat.System, room)); n != int(last) {
		w.Errorf("System sees %d of %d events: it sees everything", n, last)
	}

	w.do(w.upon(room, bob, chat.Left, bob, ""))
	w.post(room, ann, "while bob is away")
	again := w.do(w.upon(room, ann, chat.Joined, bob, chat.Participant))
	if got := seqs(w.all(bob.ID, room)); !slices.Equal(got, []chat.Seq{again.Seq}) {
		w.Errorf("who was added again sees %v, want %d: the floor moves with each join", got, again.Seq)
	}
	w.do(w.upon(room, ann, chat.RoleChanged, bob, chat.Admin))
	if m := w.snapshot(room).Members[bob.ID]; m.VisibleFrom != again.Seq || m.Since != again.Seq {
		w.Errorf("after a change of role the floor is %d, since %d, want %d for both: that is no joining", m.VisibleFrom, m.Since, again.Seq)
	}
}

// testViewerOneMoment reads while the reader is added and removed again and
// again: whatever a page shows, its reader is a member at its head.
func testViewerOneMoment(w *world) {
	room := w.room(ann)
	meanwhile(func() { w.comeAndGo(room, cyd, 25) }, func() {
		p, err := w.s.Page(w.Context(), cyd.ID, room, chat.Range{Limit: 3})
		switch {
		case errors.Is(err, chat.ErrNotFound):
			return
		case err != nil || len(p.Events) == 0:
			w.Errorf("Page of a room with events: %s, %v", show(p), err)
			return
		}
		if last := p.Events[len(p.Events)-1]; last.Kind == chat.Left || last.Seq != p.Head || last.Kind == chat.Created {
			w.Errorf("Page with head %d ends with %s, when the viewer is not a member: membership and rows are read in one snapshot", p.Head, show(last))
		}
	})
}
