package chattest

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/chat"
)

// What is written to rooms that were trimmed.

func testTrimOnce(w *world) {
	room := w.room(ann, bob)
	gone := w.message(room, ann, "old")
	first := w.do(gone) // 4
	w.clock.move(old)
	m := w.message(room, ann, "young")
	kept := w.do(m) // 5
	edit := w.about(room, ann, chat.Edited, first.Seq, "edited")
	edited := w.do(edit)
	w.post(room, bob, "other")
	w.clock.move(23 * time.Hour)
	w.trims(room, chat.Retention{Age: time.Hour}, 4, "the old ones")

	w.again(m, kept)
	edited.Text = "" // of a message that is gone
	w.again(edit, edited)
	m.Hash = hash("something else")
	_, err := w.append(w.Context(), m)
	w.fails(err, chat.ErrIDReused, "the ids of events that are kept are used")
	_, _, err = w.s.Find(w.Context(), room, ann.ID, gone.ID)
	w.fails(err, chat.ErrNotFound, "Find of an event that was removed")
	if e := w.do(gone); e.Seq != 8 {
		w.Errorf("a write with the id of an event that was removed got seq %d, want 8: it is a new one", e.Seq)
	}
}

func testTrimRefs(w *world) {
	room := w.room(ann, bob)
	secret := w.post(room, ann, "a secret")  // 4
	deleted := w.post(room, ann, "a secret") // 5
	w.clock.move(old)
	reply := w.message(room, bob, "a reply") // 6
	reply.Ref = secret.Seq
	w.do(reply)
	w.do(w.about(room, ann, chat.Edited, secret.Seq, "still a secret")) // 7
	w.do(w.about(room, bob, chat.Reacted, secret.Seq, "👍"))             // 8
	w.do(w.about(room, ann, chat.Deleted, deleted.Seq, ""))             // 9
	other := w.message(room, bob, "another reply")                      // 10
	other.Ref = 6
	w.do(other)
	before := w.all(ann.ID, room)[5:]
	w.trims(room, chat.Retention{Age: time.Hour}, 5, "the old ones")

	before[1].Text = ""
	for i, e := range w.all(ann.ID, room) {
		if show(e) != show(before[i]) {
			w.Errorf("event %d is\n%s, want\n%s: what refers to events that are gone stays as it was, but for their text", e.Seq, show(e), show(before[i]))
		}
		if strings.Contains(show(e), "secret") {
			w.Errorf("event %d is %s: the text of a message that was removed is gone", e.Seq, show(e))
		}
	}
	for _, kind := range []chat.EventKind{chat.Edited, chat.Deleted, chat.Reacted} {
		for _, ref := range []chat.Seq{secret.Seq, deleted.Seq, 1} {
			_, err := w.append(w.Context(), w.about(room, ann, kind, ref, "👍"))
			w.fails(err, chat.ErrNotFound, fmt.Sprintf("%s with the Ref %d, which was removed", kind, ref))
		}
	}
	reply = w.message(room, ann, "a late reply")
	reply.Ref = secret.Seq
	if e := w.stored(room, w.do(reply).Seq); e.Ref != secret.Seq {
		w.Errorf("a reply to a message that was removed is %s: a message may have any Ref", show(e))
	}
	w.do(w.about(room, bob, chat.Edited, 10, "edited"))
	w.do(w.about(room, ann, chat.Reacted, 10, "👍"))
	w.reactions(ann.ID, chat.Event{Room: room, Seq: 10}, "👍 ann", "a message that is kept can be reacted to")
}

func testTrimReactions(w *world) {
	room := w.room(ann, bob)
	gone := w.post(room, ann, "old") // 4
	kept := w.post(room, ann, "old") // 5
	w.reacts(ann, gone, "👍", true)
	w.reacts(bob, kept, "❤️", true)
	w.reacts(ann, kept, "👍", true)
	w.clock.move(old)
	w.post(room, ann, "young")
	if n := w.trim(room, chat.Retention{Age: time.Hour}, 4); n != 4 {
		w.Errorf("Trim with limit 4 removed %d", n)
	}
	w.reactions(bob.ID, kept, "❤️ bob, 👍 ann", "a message that is kept has its reactions")
	w.trims(room, chat.Retention{Age: time.Hour}, 4, "the message and the reactions of 6 to 8")
	for _, e := range w.all(chat.System, room) {
		if len(e.Reactions) > 0 {
			w.Errorf("event %d has the reactions %s, which were to a message that was removed", e.Seq, show(e.Reactions))
		}
	}
}

// testTrimWhileAppending trims a long log while others write to it and read
// it.
func testTrimWhileAppending(w *world) {
	room := w.room(ann, bob)
	const before, posts = 200, 200
	m := w.message(room, ann, "hello")
	together(8, func(g int) {
		for i := range before / 8 {
			m := m
			m.ID = fmt.Sprintf("before_%d_%d", g, i)
			if _, err := w.append(w.Context(), m); err != nil {
				w.Errorf("Append: %v", err)
			}
		}
	})
	w.clock.move(old)
	var posting atomic.Int64
	posting.Store(4)
	together(9, func(g int) {
		switch {
		case g < 4:
			defer posting.Add(-1)
			for i := range posts / 4 {
				m := m
				m.ID = fmt.Sprintf("meanwhile_%d_%d", g, i)
				if _, err := w.append(w.Context(), m); err != nil {
					w.Errorf("Append: %v", err)
				}
			}
		case g == 4:
			removed := 0
			for removed < before+3 {
				n, err := w.s.(chat.Trimmer).Trim(w.Context(), room, chat.Retention{Age: time.Hour}, 7)
				if err != nil {
					w.Errorf("Trim: %v", err)
					return
				}
				removed += n
				if n == 0 && posting.Load() == 0 {
					break
				}
			}
		default:
			w.walkWhileTrimmed(room, func() bool { return posting.Load() > 0 })
		}
	})
	w.floors[room] = w.snapshot(room).Info.Floor
	if head := w.head(room); head != 3+before+posts || w.floors[room] != 3+before+1 {
		w.Errorf("the log goes from %d to %d, want %d to %d: the old ones are removed, and nothing else", w.floors[room], head, 3+before+1, 3+before+posts)
	}
	w.unread(bob, room, before+posts, "all messages, kept or not")
}

// walkWhileTrimmed reads a log from its beginning to its end, again and again.
func (w *world) walkWhileTrimmed(room chat.RoomID, goOn func() bool) {
	floor := chat.Seq(1)
	for goOn() {
		last := chat.Seq(0)
		for {
			p, err := w.s.Page(w.Context(), bob.ID, room, chat.Range{After: last, Limit: 20, Forward: true})
			if err != nil {
				w.Errorf("Page: %v", err)
				return
			}
			if p.Floor < floor || len(p.Events) == 0 && last < p.Head {
				w.Errorf("Page after %d has floor %d, which was %d, head %d and %d events", last, p.Floor, floor, p.Head, len(p.Events))
				return
			}
			floor = p.Floor
			for _, e := range p.Events {
				if e.Seq != max(last+1, p.Floor) {
					w.Errorf("after %d came %d, and the floor is %d: a log that is trimmed has no holes, and floor and events are read at one moment", last, e.Seq, p.Floor)
				}
				last = e.Seq
			}
			if !p.More {
				break
			}
		}
		_, _, err := w.s.Find(w.Context(), room, ann.ID, "before_0_0")
		if err != nil && !errors.Is(err, chat.ErrNotFound) {
			w.Errorf("Find: %v", err)
		}
	}
}
