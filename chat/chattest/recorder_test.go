package chattest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
)

// tale is a history in the making, of the room tea: ann and bob are in it from 2
// and 3 on, and cyd never. The log is as it is told with log.
type tale struct {
	*chattest.Recorder
	ann, bob, tab, cyd *chattest.Client // tab is another one of bob
	events             []chat.Event
	info               chat.RoomInfo
}

const tea chat.RoomID = "tea"

func newTale() *tale {
	h := &tale{Recorder: new(chattest.Recorder), info: chat.RoomInfo{ID: tea, Kind: chat.Public}}
	h.ann, h.bob = h.Client("ann", "laptop"), h.Client("bob", "phone")
	h.tab, h.cyd = h.Client("bob", "tab"), h.Client("cyd", "phone")
	h.add("ann", chat.Created, "")
	h.add("ann", chat.Joined, "ann")
	h.add("ann", chat.Joined, "bob")
	for _, c := range []*chattest.Client{h.ann, h.bob, h.tab} {
		h.connect(c, "e1", 3, nil)
	}
	c := chat.Welcome{Epoch: "e1"}
	h.cyd.Connected(c, nil)
	return h
}

// connect connects a client to the room with that head.
func (h *tale) connect(c *chattest.Client, epoch string, head chat.Seq, o *chat.SessionOptions) {
	c.Connected(chat.Welcome{Epoch: epoch, Rooms: []chat.InboxEntry{{RoomInfo: chat.RoomInfo{ID: tea, Head: head}}}}, o)
}

// add adds an event to the log.
func (h *tale) add(by chat.UserID, kind chat.EventKind, target chat.UserID) *chat.Event {
	seq := chat.Seq(len(h.events) + 1)
	e := chat.Event{Room: tea, Seq: seq, ID: fmt.Sprint("id", seq), Kind: kind, User: chat.User{ID: by, Bot: strings.HasPrefix(string(by), "bot:")},
		Time: time.UnixMilli(int64(seq))}
	if kind == chat.Message {
		e.Text = fmt.Sprint("text ", seq)
	}
	if target != "" {
		e.Target = &chat.User{ID: target}
	}
	h.events = append(h.events, e)
	return &h.events[seq-1]
}

// say has ann post, and returns the event.
func (h *tale) say() *chat.Event {
	e := h.add("ann", chat.Message, "")
	h.ann.Sent(tea, e.ID)
	h.ann.Acked(tea, e.ID, e.Seq)
	return e
}

// give delivers events to clients.
func give(e *chat.Event, to ...*chattest.Client) {
	for _, c := range to {
		c.Delivered(&chat.Delivery{Event: e})
	}
}

// all are the three clients of members.
func (h *tale) all() []*chattest.Client { return []*chattest.Client{h.ann, h.bob, h.tab} }

// check ends the tale.
func (h *tale) check() error {
	h.Log(h.info, h.events)
	return h.Check()
}

// outcome is how a command of ann ended.
func outcome(id string, status chat.CallStatus, text string, seqs ...chat.Seq) *chat.Delivery {
	return &chat.Delivery{Outcome: &chat.Outcome{ID: id, Call: "call-" + id, Room: tea, Status: status, Text: text, Seqs: seqs}}
}

// TestGoodHistories are what a chat may do, however odd.
func TestGoodHistories(t *testing.T) {
	for name, tell := range map[string]func(h *tale){
		"nothing": func(*tale) {},
		"a few":   func(h *tale) { give(h.say(), h.all()...); give(h.say(), h.all()...) },
		"before the ok": func(h *tale) {
			e := h.add("ann", chat.Message, "")
			h.ann.Sent(tea, e.ID)
			give(e, h.all()...)
			h.ann.Acked(tea, e.ID, e.Seq)
		},
		"resent": func(h *tale) {
			e := h.say()
			h.ann.Sent(tea, e.ID)
			h.ann.Acked(tea, e.ID, e.Seq)
			give(e, h.all()...)
		},
		"never heard of again": func(h *tale) { h.ann.Sent(tea, "lost") },
		"refused and sent again": func(h *tale) {
			h.ann.Sent(tea, "id4")
			h.ann.Refused(tea, "id4")
			give(h.say(), h.all()...)
		},
		"a gap": func(h *tale) {
			e := [3]*chat.Event{h.say(), h.say(), h.say()}
			for _, c := range h.all() {
				c.Delivered(&chat.Delivery{Gap: &chat.Gap{Room: tea, After: 3, Head: 5}})
				give(e[2], c)
			}
		},
		"a reconnect": func(h *tale) {
			give(h.say(), h.all()...)
			h.bob.Disconnected()
			e := h.say()
			give(e, h.ann, h.tab)
			h.connect(h.bob, "e1", 5, h.bob.Resume())
			give(e, h.bob)
		},
		"gone for good": func(h *tale) { h.bob.Disconnected(); give(h.say(), h.ann, h.tab) },
		"removed and back": func(h *tale) {
			give(h.add("ann", chat.Left, "bob"), h.all()...)
			e := h.say()
			give(e, h.ann)
			give(h.add("ann", chat.Joined, "bob"), h.all()...)
		},
		"removed and back, read later": func(h *tale) {
			give(h.add("ann", chat.Left, "bob"), h.all()...)
			give(h.say(), h.ann, h.bob)
			give(h.add("ann", chat.Joined, "bob"), h.all()...)
		},
		"removed and back while away": func(h *tale) {
			h.bob.Disconnected()
			h.tab.Disconnected()
			give(h.add("ann", chat.Left, "bob"), h.ann)
			give(h.say(), h.ann)
			give(h.add("ann", chat.Joined, "bob"), h.ann)
			h.connect(h.bob, "e1", 6, &chat.SessionOptions{Epoch: "e1", Rooms: map[chat.RoomID]chat.Seq{tea: 3}})
			for i := range 3 {
				give(&h.events[3+i], h.bob)
			}
		},
		"edited since": func(h *tale) {
			e := h.say()
			live := *e
			give(&live, h.ann, h.tab)
			edit := h.add("ann", chat.Edited, "")
			give(edit, h.ann, h.tab)
			e = &h.events[3]
			e.Text, e.EditedBy = "new", edit.Seq
			give(e, h.bob)
			give(edit, h.bob)
		},
		"restored": func(h *tale) {
			lost := chat.Event{Room: tea, Seq: 4, ID: "lost", Kind: chat.Message, User: chat.User{ID: "ann"}}
			h.ann.Sent(tea, "lost")
			h.ann.Acked(tea, "lost", 4)
			give(&lost, h.all()...)
			for _, c := range append(h.all(), h.cyd) {
				c.Disconnected()
			}
			h.cyd.Connected(chat.Welcome{Epoch: "e2"}, nil)
			for _, c := range h.all() {
				h.connect(c, "e2", 3, c.Resume())
				c.Delivered(&chat.Delivery{Gap: &chat.Gap{Room: tea, Head: 3, Reset: true}})
			}
			give(h.say(), h.all()...)
		},
		"restored to before the room": func(h *tale) {
			h.ann.Sent("coffee", "lost")
			h.ann.Acked("coffee", "lost", 3)
			for _, c := range append(h.all(), h.cyd) {
				c.Disconnected()
			}
			h.cyd.Connected(chat.Welcome{Epoch: "e2"}, nil)
			for _, c := range h.all() {
				h.connect(c, "e2", 3, c.Resume())
				c.Delivered(&chat.Delivery{Gap: &chat.Gap{Room: tea, Head: 3, Reset: true}})
			}
		},
		"slow": func(h *tale) { // cut, come back, told of a gap, and cut again
			e := [4]*chat.Event{h.say(), h.say(), h.say(), h.say()}
			for _, e := range e {
				give(e, h.ann, h.tab)
			}
			h.bob.Disconnected()
			h.connect(h.bob, "e1", 7, h.bob.Resume())
			h.bob.Delivered(&chat.Delivery{Gap: &chat.Gap{Room: tea, After: 3, Head: 5}})
			h.bob.Disconnected()
			h.connect(h.bob, "e1", 7, h.bob.Resume())
			give(e[2], h.bob)
			give(e[3], h.bob)
		},
		"commands": func(h *tale) {
			h.ann.Called("a")
			h.ann.Accepted("a")
			e := h.add("bot:x", chat.Message, "")
			e.Call = &chat.CallRef{ID: "call-a", By: chat.User{ID: "ann"}}
			give(e, h.all()...)
			h.ann.Delivered(outcome("a", chat.CallDone, "", 4))
			h.ann.Delivered(outcome("a", chat.CallDone, "", 4))
			h.ann.Called("b")
			h.ann.Accepted("b")
			h.ann.Delivered(outcome("b", chat.CallEphemeral, "psst"))
		},
		"a command that its node did not survive": func(h *tale) {
			h.ann.Called("a")
			h.ann.Accepted("a")
			h.ann.Called("a")
			h.ann.Rejected("a")
		},
		"trimmed": func(h *tale) {
			for range 3 {
				give(h.say(), h.all()...)
			}
			h.events = h.events[4:]
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newTale()
			tell(h)
			if err := h.check(); err != nil {
				t.Error(err)
			}
		})
	}
}
