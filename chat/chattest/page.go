package chattest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/carlware/gochat/chat"
)

var pageCases = []storeCase{
	{"Ranges", testRanges, nil},
	{"Limits", testLimits, nil},
	{"Bytes", testPageBytes, nil},
	{"Walks", testWalks, nil},
	{"WhileAppending", testPageWhileAppending, nil},
}

func testRanges(w *world) {
	room := w.room(ann) // 1 and 2
	for i := range 10 {
		w.post(room, ann, fmt.Sprint("message ", i)) // 3 to 12
	}
	const far = 1 << 39
	for _, c := range []struct {
		name        string
		r           chat.Range
		first, last chat.Seq // 0, 0: nothing
		more        bool
	}{
		{"the zero value is the newest", chat.Range{}, 1, 12, false},
		{"the newest three", chat.Range{Limit: 3}, 10, 12, true},
		{"exactly all", chat.Range{Limit: 12}, 1, 12, false},
		{"from the beginning", chat.Range{Forward: true}, 1, 12, false},
		{"the first three", chat.Range{Forward: true, Limit: 3}, 1, 3, true},
		{"the first twelve", chat.Range{Forward: true, Limit: 12}, 1, 12, false},
		{"after", chat.Range{After: 5}, 6, 12, false},
		{"three after", chat.Range{After: 5, Limit: 3}, 6, 8, true},
		{"three after with Forward", chat.Range{After: 5, Limit: 3, Forward: true}, 6, 8, true},
		{"after the one before the head", chat.Range{After: 11}, 12, 12, false},
		{"after the head", chat.Range{After: 12}, 0, 0, false},
		{"after a future event", chat.Range{After: far}, 0, 0, false},
		{"before", chat.Range{Before: 5}, 1, 4, false},
		{"three before", chat.Range{Before: 5, Limit: 3}, 2, 4, true},
		{"four before", chat.Range{Before: 5, Limit: 4}, 1, 4, false},
		{"before the second", chat.Range{Before: 2}, 1, 1, false},
		{"before the first", chat.Range{Before: 1}, 0, 0, false},
		{"before the one after the head", chat.Range{Before: 13, Limit: 2}, 11, 12, true},
		{"before a future event", chat.Range{Before: far, Limit: 2}, 11, 12, true},
		{"up to an event, from the beginning", chat.Range{Before: 5, Limit: 3, Forward: true}, 1, 3, true},
		{"all between", chat.Range{After: 3, Before: 8}, 4, 7, false},
		{"the first two between", chat.Range{After: 3, Before: 8, Limit: 2}, 4, 5, true},
		{"nothing between", chat.Range{After: 7, Before: 8}, 0, 0, false},
		{"the wrong way round", chat.Range{After: 8, Before: 4}, 0, 0, false},
	} {
		p := w.page(ann.ID, room, c.r)
		var want []chat.Seq
		for seq := c.first; seq > 0 && seq <= c.last; seq++ {
			want = append(want, seq)
		}
		if !slices.Equal(seqs(p.Events), want) || p.More != c.more {
			w.Errorf("%s: Page %+v of a log of 12 is %v, more=%v, want %v, more=%v", c.name, c.r, seqs(p.Events), p.More, want, c.more)
		}
		if p.Head != 12 || p.Floor != 1 {
			w.Errorf("%s: Page has head %d and floor %d, want 12 and 1", c.name, p.Head, p.Floor)
		}
	}
}

func testLimits(w *world) {
	room := w.room(ann)
	m := w.message(room, ann, "x")
	together(8, func(g int) {
		for i := range 32 {
			m := m
			m.ID = fmt.Sprintf("limit_%d_%d", g, i)
			if _, err := w.append(w.Context(), m); err != nil {
				w.Errorf("Append: %v", err)
			}
		}
	})
	for limit, want := range map[int]int{0: 50, 1: 1, 199: 199, 200: 200, 201: 200, 100000: 200} {
		for _, forward := range []bool{true, false} {
			p := w.page(ann.ID, room, chat.Range{Limit: limit, Forward: forward})
			if len(p.Events) != want || !p.More {
				w.Errorf("Page with limit %d, forward=%v, of a log of 258 has %d events, more=%v, want %d and more: 0 means 50, more than 200 means 200",
					limit, forward, len(p.Events), p.More, want)
			}
		}
	}
}

// testPageBytes reads long messages: a page of 200 of them would be larger
// than what a node may send at once.
func testPageBytes(w *world) {
	room := w.room(ann)
	long := strings.Repeat("0123456789abcde\n", 1<<10) // 16 KiB
	for range 20 {
		w.post(room, ann, long)
	}
	edited := w.do(w.about(room, ann, chat.Edited, 5, long))
	for _, forward := range []bool{true, false} {
		var found []chat.Seq
		for r := (chat.Range{Forward: forward, Limit: 200}); ; {
			p := w.page(ann.ID, room, r)
			bytes := 0
			for _, e := range p.Events {
				bytes += len(e.Text) + len(e.Data)
			}
			if bytes > 200<<10 {
				w.Errorf("a page has %d bytes of text and data: it is kept below 200 KiB, and edits have the text of their message", bytes)
			}
			if len(p.Events) == 0 {
				w.Fatalf("Page %+v is empty after %v: a page has at least one event if there is one", r, found)
			}
			if forward {
				found = append(found, seqs(p.Events)...)
				r.After = found[len(found)-1]
			} else {
				found = append(seqs(p.Events), found...)
				r.Before = found[0]
			}
			if !p.More {
				break
			}
		}
		if len(found) != int(edited.Seq) || !slices.IsSorted(found) || found[0] != 1 {
			w.Errorf("a walk with forward=%v through a log of %d found %v: a page that is cut by its size has More, and no holes", forward, edited.Seq, found)
		}
	}
}

func testWalks(w *world) {
	room := w.room(ann)
	for i := range 35 {
		w.post(room, ann, fmt.Sprint("message ", i))
	}
	for _, limit := range []int{1, 2, 5, 7, 36, 37, 38} {
		var there, back []chat.Seq
		for r := (chat.Range{Forward: true, Limit: limit}); ; {
			p := w.page(ann.ID, room, r)
			there = append(there, seqs(p.Events)...)
			if !p.More {
				break
			}
			r.After = there[len(there)-1]
		}
		for r := (chat.Range{Limit: limit}); ; {
			p := w.page(ann.ID, room, r)
			back = append(seqs(p.Events), back...)
			if !p.More {
				break
			}
			r.Before = back[0]
		}
		if len(there) != 37 || !slices.Equal(there, back) || !slices.IsSorted(there) {
			w.Errorf("with limit %d a walk forward found %v, and back %v: both find the log of 37", limit, there, back)
		}
	}
}

// testPageWhileAppending walks while others write.
func testPageWhileAppending(w *world) {
	room := w.room(ann, bob)
	m := w.message(room, bob, "more")
	together(8, func(g int) {
		if g < 4 {
			for i := range 40 {
				m := m
				m.ID = fmt.Sprintf("busy_%d_%d", g, i)
				if _, err := w.append(w.Context(), m); err != nil {
					w.Errorf("Append: %v", err)
				}
			}
			return
		}
		var last, head chat.Seq
		for range 60 {
			p, err := w.s.Page(w.Context(), ann.ID, room, chat.Range{After: last, Limit: 7, Forward: true})
			if err != nil {
				w.Errorf("Page: %v", err)
				return
			}
			for _, e := range p.Events {
				if e.Seq != last+1 {
					w.Errorf("after %d came %d: what was committed earlier has the lower seq, so a reader never sees a hole", last, e.Seq)
				}
				last = e.Seq
			}
			if p.Head < head || p.Head < last || p.More != (p.Head > last) {
				w.Errorf("Page up to %d has head %d after %d, more=%v: head and events are read at one moment", last, p.Head, head, p.More)
			}
			head = p.Head
		}
	})
}
