package chattest

import (
	"encoding/json"
	"strings"

	"github.com/carlware/gochat/chat"
)

var editCases = []storeCase{
	{"Edited", testEdited, nil},
	{"EditedTwice", testEditedTwice, nil},
	{"Deleted", testDeleted, nil},
	{"Refs", testRefs, nil},
	{"OldTextIsGone", testOldTextIsGone, nil},
	{"OldTextIsGoneReopened", func(w *world) { testOldTextIsGone(w); w.reopen(); w.noSecrets() }, persistent},
}

func testEdited(w *world) {
	room := w.room(ann, bob)
	m := w.message(room, ann, "first")
	m.Data, m.Mentions = json.RawMessage(`{"v":1}`), []chat.UserID{bob.ID}
	posted := w.do(m)
	edit := w.about(room, ann, chat.Edited, posted.Seq, "second")
	edit.Data, edit.Mentions = json.RawMessage(`{"v":2}`), []chat.UserID{cyd.ID}
	edited := w.do(edit)
	if edited.Text != "second" || string(edited.Data) != `{"v":2}` || len(edited.Mentions) != 1 || edited.Ref != posted.Seq || edited.EditedBy != 0 {
		w.Errorf("Append of the edit returned %s: it has the new text, and the message as Ref", show(edited))
	}
	if s := w.stored(room, edited.Seq); show(s) != show(edited) {
		w.Errorf("the edit reads as %s, was %s: it is returned with the present text of its message", show(s), show(edited))
	}
	want := posted
	want.Text, want.Data, want.Mentions, want.EditedBy = edited.Text, edited.Data, edited.Mentions, edited.Seq
	if s := w.stored(room, posted.Seq); show(s) != show(want) {
		w.Errorf("the message reads as\n%s, want\n%s: it has the new text and says by which event", show(s), show(want))
	}
}

func testEditedTwice(w *world) {
	room := w.room(ann, bob)
	posted := w.post(room, ann, "first")
	one := w.do(w.about(room, ann, chat.Edited, posted.Seq, "second"))
	two := w.do(w.about(room, ann, chat.Edited, posted.Seq, "third"))
	for _, seq := range []chat.Seq{posted.Seq, one.Seq, two.Seq} {
		if s := w.stored(room, seq); s.Text != "third" {
			w.Errorf("event %d reads as %s, want the text %q: rows that are read late show the newest text", seq, show(s), "third")
		}
	}
	if s := w.stored(room, posted.Seq); s.EditedBy != two.Seq {
		w.Errorf("the message was edited by %d, want %d: the one that gave it its present text", s.EditedBy, two.Seq)
	}
	noData := w.message(room, ann, "with data")
	noData.Data = json.RawMessage(`{"v":1}`)
	e := w.do(noData)
	w.do(w.about(room, ann, chat.Edited, e.Seq, "without"))
	if s := w.stored(room, e.Seq); len(s.Data) > 0 {
		w.Errorf("the message reads as %s: an edit replaces text, mentions and data, also by nothing", show(s))
	}
}

func testDeleted(w *world) {
	room := w.room(ann, bob)
	m := w.message(room, bob, "first")
	m.Data, m.Mentions = json.RawMessage(`{"v":1}`), []chat.UserID{bob.ID}
	posted := w.do(m)
	edited := w.do(w.about(room, bob, chat.Edited, posted.Seq, "second"))
	deleted := w.do(w.about(room, ann, chat.Deleted, posted.Seq, ""))
	if deleted.Ref != posted.Seq || deleted.User != ann || deleted.Text != "" {
		w.Errorf("Append of the deletion returned %s: it has the message as Ref", show(deleted))
	}
	want := posted
	want.Text, want.Data, want.Mentions, want.DeletedBy = "", nil, nil, deleted.Seq
	if s := w.stored(room, posted.Seq); show(s) != show(want) {
		w.Errorf("the message reads as\n%s, want\n%s: it is empty, keeps its place, and says by which event: EditedBy or DeletedBy", show(s), show(want))
	}
	if s := w.stored(room, edited.Seq); s.Text != "" || len(s.Data) > 0 || len(s.Mentions) > 0 {
		w.Errorf("the edit of a deleted message reads as %s: there is no text any more", show(s))
	}
}

func testRefs(w *world) {
	room, other := w.room(ann), w.room(ann)
	message := w.post(room, ann, "hello").Seq
	for range 3 {
		w.post(other, ann, "elsewhere")
	}
	elsewhere := w.head(other) // beyond the head of room
	deleted := w.post(room, ann, "deleted").Seq
	edited := w.do(w.about(room, ann, chat.Edited, message, "edited")).Seq
	w.do(w.about(room, ann, chat.Deleted, deleted, ""))
	head := w.head(room)
	for _, kind := range []chat.EventKind{chat.Edited, chat.Deleted, chat.Reacted} {
		for _, ref := range []struct {
			seq chat.Seq
			is  string
		}{
			{0, "nothing"}, {head + 1, "an event that is not there yet"}, {1 << 39, "an event far beyond the head"}, {1, "not a message"},
			{edited, "an edit"}, {deleted, "a deleted message"}, {head + elsewhere, "a message of another room"},
		} {
			_, err := w.append(w.Context(), w.about(room, ann, kind, ref.seq, "x"))
			w.fails(err, chat.ErrNotFound, string(kind)+" of "+ref.is+": Ref must be a message of the room that is not deleted")
		}
	}
	if now := w.head(room); now != head {
		w.Errorf("the head went from %d to %d: what fails is not stored", head, now)
	}
}

// testOldTextIsGone edits and deletes, and then looks everywhere.
func testOldTextIsGone(w *world) {
	room := w.room(ann, bob)
	secret := func(kind chat.EventKind, ref chat.Seq) chat.Write {
		m := w.about(room, ann, kind, ref, "SECRET text")
		m.Data, m.Mentions = json.RawMessage(`{"a":"SECRET data"}`), []chat.UserID{"SECRET mention"}
		return m
	}
	first, second := secret(chat.Message, 0), secret(chat.Message, 0)
	edited, deleted := w.do(first), w.do(second)
	again := secret(chat.Edited, deleted.Seq)
	w.do(again)
	w.do(w.about(room, ann, chat.Edited, edited.Seq, "harmless"))
	w.do(w.about(room, ann, chat.Deleted, deleted.Seq, ""))
	for _, m := range []chat.Write{first, second, again} {
		a, err := w.append(w.Context(), m)
		w.ok(err, "Append again")
		if strings.Contains(show(a.Event), "SECRET") {
			w.Errorf("a repeated Append returned %s: text that was edited or deleted is never returned", show(a.Event))
		}
	}
	w.noSecrets()
}

// noSecrets looks for text that is gone in all that reads a log.
func (w *world) noSecrets() {
	w.Helper()
	inbox, err := w.s.Inbox(w.Context(), bob.ID)
	w.ok(err, "Inbox")
	if strings.Contains(show(inbox), "SECRET") {
		w.Errorf("Inbox returned %s: text that was edited or deleted is never returned", show(inbox))
	}
	for _, r := range inbox.Rooms {
		for _, e := range w.all(bob.ID, r.ID) {
			if strings.Contains(show(e), "SECRET") {
				w.Errorf("Page returned %s: text that was edited or deleted is never returned", show(e))
			}
			found, _, err := w.s.Find(w.Context(), r.ID, e.User.ID, e.ID)
			w.ok(err, "Find")
			if strings.Contains(show(found), "SECRET") {
				w.Errorf("Find returned %s: text that was edited or deleted is never returned", show(found))
			}
		}
	}
}
