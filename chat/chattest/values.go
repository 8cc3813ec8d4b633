package chattest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/carlware/gochat/chat"
)

var valueCases = []storeCase{
	{"Texts", testTexts, nil},
	{"Data", testData, nil},
	{"IDs", testIDs, nil},
	{"Calls", testCallValues, nil},
	{"Times", testTimes, nil},
	{"Clock", testClock, clocked},
	{"ClockSetBack", testClockSetBack, clocked},
	{"ClockSetBackReopened", testClockSetBackReopened, clockedPersistent},
}

var oddTexts = []string{
	"", "a", " ", "\n", "\t tab and newline \n", "'", `"`, `\`, `\x00 \u0000 %00`, "'; DROP TABLE messages; --", "$1 ?1 :name @name %s %d",
	"👍", "👩‍👩‍👧‍👦", "👩🏽‍🚀", "🇦🇷🏴‍☠️", "e\u0301 and \u00e9", "Ñandú ñandú", "שלום \u202eabc\u202c", "日本語テキスト", "\u2028\u2029\ufeff\u200b",
	"NULL", "null", "0", "0x41", "1e10", "<script>&amp;</script>", "\U0010ffff", strings.Repeat("x", 16<<10), strings.Repeat("👍", 4<<10),
}

func testTexts(w *world) {
	room := w.room(ann)
	for _, text := range oddTexts {
		posted := w.post(room, ann, text)
		edited := w.do(w.about(room, ann, chat.Edited, w.post(room, ann, "x").Seq, text))
		reread := w.stored(room, posted.Seq)
		for _, got := range []string{posted.Text, reread.Text, edited.Text, w.stored(room, edited.Ref).Text} {
			if got != text {
				w.Errorf("the text %.40q became %.40q: it is stored byte for byte", text, got)
			}
		}
		if text == "" || len(text) > 320 {
			continue
		}
		reaction := w.do(w.about(room, ann, chat.Reacted, posted.Seq, text))
		private := w.create(w.roomOf(chat.Private, text, ann))
		if got := w.stored(room, reaction.Seq).Text; got != text || w.snapshot(private.ID).Info.Name != text {
			w.Errorf("a reaction %q became %q, a room's name %q", text, got, w.snapshot(private.ID).Info.Name)
		}
	}
}

func testData(w *world) {
	room := w.room(ann)
	for _, data := range []string{
		``, `{}`, "{ \"b\" : 1,\n\t\"a\":2 }", `{"n":1.50,"big":123456789012345678901234567890,"e":1E5,"neg":-0.0}`, `{"a":1,"a":2}`,
		`{"u":"\u00e9\ud83d\ude00é\u0000\/"}`, `{"html":"<b>&</b>"}`, `{"deep":[[[[[[{}]]]]]]}`, `{"x":"` + strings.Repeat("x", 4080) + `"}`,
	} {
		m := w.message(room, ann, "with data")
		m.Data = json.RawMessage(data)
		posted := w.do(m)
		stored := w.stored(room, posted.Seq)
		if string(posted.Data) != data || string(stored.Data) != data {
			w.Errorf("the data %.60q became %.60q, then %.60q: it is stored as it is", data, posted.Data, stored.Data)
		}
		create := w.roomOf(chat.Private, "with data", ann)
		create.Data = json.RawMessage(data)
		if info := w.create(create); string(info.Data) != data || string(w.snapshot(info.ID).Info.Data) != data {
			w.Errorf("the data %.60q of a room became %.60q", data, info.Data)
		}
	}
}

func testIDs(w *world) {
	room := w.room(ann)
	seen := make(map[chat.Seq]string)
	for _, id := range []string{
		"a", "A", "a ", " a", "0", "00", "1", "01", "1.0", "é", "e\u0301", "É", "👍", `"'\`, "a%", "a_", "-", "_", "null",
		strings.Repeat("x", 64), strings.Repeat("x", 63), strings.Repeat("x", 63) + "X",
	} {
		m := w.message(room, ann, "id "+id)
		m.ID, m.Hash = id, hash(id)
		e := w.do(m)
		if other, taken := seen[e.Seq]; taken {
			w.Errorf("the ids %q and %q are one: they are compared by their bytes", other, id)
		}
		seen[e.Seq] = id
		w.again(m, e)
		if found, h, err := w.s.Find(w.Context(), room, ann.ID, id); err != nil || found.Seq != e.Seq || h != hash(id) {
			w.Errorf("Find of %q: seq %d, %v, want %d", id, found.Seq, err, e.Seq)
		}
		open := w.call(room, ann)
		open.Key = id
		w.opens(open)
		if found, _, err := w.s.FindCall(w.Context(), ann.ID, id); err != nil || found.ID != open.ID || found.Key != id {
			w.Errorf("FindCall of %q: %s, %v, want %s", id, found.ID, err, open.ID)
		}
	}
	zero := w.message(room, ann, "the hash is any 16 bytes")
	zero.Hash = [16]byte{}
	w.again(zero, w.do(zero))
}

func testCallValues(w *world) {
	room := w.room(ann)
	open := w.call(room, ann)
	open.Line = "/stock " + strings.Repeat("👍", 4000)
	w.opens(open)
	var answers, private []string
	for i := range 8 {
		answers = append(answers, strings.Repeat("a", 4<<10)+fmt.Sprint(i))
		private = append(private, strings.Repeat("é", 2<<10)+fmt.Sprint(i))
	}
	private = append(private, "", "'\"\\", "👩‍🚀\n")
	call := w.settles(chat.Settlement{ID: open.ID, Answers: answers, Private: private})
	if call.Line != open.Line || len(call.Seqs) != len(answers) || show(call.Private) != show(private) {
		w.Errorf("a call with large values came back changed")
	}
	for i, seq := range call.Seqs {
		if w.stored(room, seq).Text != answers[i] {
			w.Errorf("answer %d came back changed", i)
		}
	}
}

// whole checks the form of a time.
func (w *world) whole(at time.Time, what string) {
	w.Helper()
	if at.IsZero() || at.Location() != time.UTC || !at.Equal(at.Truncate(time.Millisecond)) {
		w.Errorf("the time of %s is %v: it is UTC in whole milliseconds", what, at)
	}
}

func testTimes(w *world) {
	room := w.room(ann)
	w.post(room, ann, "hello")
	open := w.call(room, ann)
	w.settles(chat.Settlement{New: &open, Answers: []string{"one", "two"}})
	var last time.Time
	for _, e := range w.all(ann.ID, room) {
		w.whole(e.Time, string(e.Kind))
		if e.Time.Before(last) {
			w.Errorf("event %d is of %v, the one before of %v: time never runs backwards in a room", e.Seq, e.Time, last)
		}
		received, _ := w.log.event(room, e.Seq)
		w.whole(received.Time, "a received "+string(e.Kind))
		last = e.Time
	}
	w.whole(w.snapshot(room).Info.Created, "a room")
}

func testClock(w *world) {
	room := w.room(ann)
	want := w.clock.Now().Truncate(time.Millisecond)
	if e := w.stored(room, 1); !e.Time.Equal(want) || !w.snapshot(room).Info.Created.Equal(want) {
		w.Errorf("the room is of %v, its first event of %v, the clock shows %v", w.snapshot(room).Info.Created, e.Time, want)
	}
	for range 3 {
		w.clock.move(1500 * time.Millisecond)
		want = want.Add(1500 * time.Millisecond)
		if e := w.post(room, ann, "hello"); !e.Time.Equal(want) {
			w.Errorf("an event is of %v, the clock shows %v", e.Time, want)
		}
	}
}

func testClockSetBack(w *world) {
	room := w.room(ann)
	before := w.post(room, ann, "before").Time
	w.clock.move(-time.Hour)
	open := w.call(room, ann)
	call := w.settles(chat.Settlement{New: &open, Answers: []string{"answer"}})
	for _, e := range []chat.Event{w.post(room, ann, "after"), w.stored(room, call.Seqs[0])} {
		if e.Time.Before(before) {
			w.Errorf("with the clock set back an event is of %v, after one of %v: time never runs backwards in a room", e.Time, before)
		}
	}
	other := w.room(ann)
	if e := w.stored(other, 1); !e.Time.Before(before) {
		w.Errorf("another room begins at %v: only what is in a room holds its time", e.Time)
	}
	w.clock.move(2 * time.Hour)
	if e := w.post(room, ann, "much later"); !e.Time.After(before) {
		w.Errorf("an event is of %v, when the clock has passed %v again", e.Time, before)
	}
}

func testClockSetBackReopened(w *world) {
	room := w.room(ann)
	before := w.post(room, ann, "before").Time
	w.clock.move(-time.Hour)
	w.reopen()
	if e := w.post(room, ann, "after"); e.Time.Before(before) {
		w.Errorf("reopened with the clock set back, an event is of %v, after one of %v", e.Time, before)
	}
}
