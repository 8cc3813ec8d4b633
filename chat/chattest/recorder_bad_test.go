package chattest_test

import (
	"time"

	"github.com/carlware/gochat/chat"
)

// badHistories has a history for each way to break a promise.
func badHistories() []badHistory {
	return []badHistory{
		{"early ack", "accepted means kept: client laptop of ann, room tea, seq 4: request lost was acknowledged, and is not in the log", func(h *tale) {
			h.ann.Sent(tea, "lost")
			h.ann.Acked(tea, "lost", 4)
		}},
		{"lost with its room", "accepted means kept: client laptop of ann, room coffee, seq 3: request lost was acknowledged, and the room has no log", func(h *tale) {
			h.ann.Sent("coffee", "lost")
			h.ann.Acked("coffee", "lost", 3)
		}},
		{"slow, and never caught up", "no gaps: client phone of bob, room tea, seq 5: the log goes on to 6, and it was not given more than 4", func(h *tale) {
			e := [3]*chat.Event{h.say(), h.say(), h.say()}
			for _, e := range e {
				give(e, h.ann, h.tab)
			}
			h.bob.Disconnected()
			h.connect(h.bob, "e1", 6, h.bob.Resume())
			give(e[0], h.bob)
		}},
		{"slow, and told nothing of what was left out", "no gaps: client phone of bob, room tea, seq 6: it was given the event (message): the one before was 3, and no gap was told", func(h *tale) {
			e := [3]*chat.Event{h.say(), h.say(), h.say()}
			for _, e := range e {
				give(e, h.ann, h.tab)
			}
			h.bob.Disconnected()
			h.connect(h.bob, "e1", 6, h.bob.Resume())
			give(e[2], h.bob)
		}},
		{"ack for another place", "accepted means kept: client laptop of ann, room tea, seq 9: request id4 was acknowledged there, and is in the log at 4", func(h *tale) {
			e := h.add("ann", chat.Message, "")
			h.ann.Sent(tea, e.ID)
			h.ann.Acked(tea, e.ID, 9)
			give(e, h.all()...)
		}},
		{"stored what was refused", "accepted means kept: client laptop of ann, room tea, seq 4: request id4 was refused for certain, and is in the log", func(h *tale) {
			e := h.add("ann", chat.Message, "")
			h.ann.Sent(tea, e.ID)
			h.ann.Refused(tea, e.ID)
			give(e, h.all()...)
		}},
		{"stored what nobody sent", "accepted means kept: room tea, seq 5: the log has a message by ann that none of its clients sent", func(h *tale) {
			give(h.say(), h.all()...)
			give(h.add("ann", chat.Message, ""), h.all()...)
		}},
		{"delivered what is not stored", "accepted means kept: client laptop of ann, room tea, seq 4: it was given what is not in the log, which ends at 3", func(h *tale) {
			give(&chat.Event{Room: tea, Seq: 4, ID: "x", Kind: chat.Message, User: chat.User{ID: "bob"}}, h.all()...)
		}},
		{"stored twice", "once: room tea, seq 5: the log has id id4 of ann at 4 and again", func(h *tale) {
			give(h.say(), h.all()...)
			e := h.add("ann", chat.Message, "")
			e.ID = "id4"
			give(e, h.all()...)
		}},
		{"delivered twice", "once: client phone of bob, room tea, seq 4: it was given the event (message): it had everything up to 4", func(h *tale) {
			e := h.say()
			give(e, h.all()...)
			give(e, h.bob)
		}},
		{"delivered twice over a reconnect", "once: client phone of bob, room tea, seq 4: it was given the event (message): it had everything up to 4", func(h *tale) {
			e := h.say()
			give(e, h.all()...)
			h.bob.Disconnected()
			h.connect(h.bob, "e1", 4, h.bob.Resume())
			give(e, h.bob)
		}},
		{"acked twice", "once: client laptop of ann, room tea, seq 5: request id4 was acknowledged at 4 and at 5", func(h *tale) {
			e := h.say()
			give(e, h.all()...)
			h.ann.Acked(tea, e.ID, 5)
		}},
		{"swapped", "client phone of bob, room tea, seq 4: it was given the event (message): it had everything up to 5", func(h *tale) {
			a, b := h.say(), h.say()
			give(a, h.ann, h.tab)
			give(b, h.ann, h.tab, h.bob)
			give(a, h.bob)
		}},
		{"another order for one", "one order: client phone of bob, room tea, seq 4: it was given message \"other\" by ann, and laptop of ann something else", func(h *tale) {
			e := h.say()
			give(e, h.ann, h.tab)
			other := *e
			other.ID = "other"
			give(&other, h.bob)
		}},
		{"another text for one", "one order: client phone of bob, room tea, seq 4", func(h *tale) {
			e := h.say()
			give(e, h.ann, h.tab)
			other := *e
			other.Text = "never said"
			give(&other, h.bob)
		}},
		{"another order than the log", "one order: client laptop of ann, room tea, seq 4: it was given something else than the log has there, a message by ann", func(h *tale) {
			other := *h.say()
			other.ID = "other"
			give(&other, h.all()...)
		}},
		{"time goes back", "one order: room tea, seq 4: its time is before that of the event before it", func(h *tale) {
			e := h.say()
			e.Time = time.UnixMilli(1)
			give(e, h.all()...)
		}},
		{"hole at one", "no gaps: client phone of bob, room tea, seq 5: it was given the event (message): the one before was 3, and no gap was told", func(h *tale) {
			give(h.say(), h.ann, h.tab)
			give(h.say(), h.all()...)
		}},
		{"hole over a reconnect", "no gaps: client phone of bob, room tea, seq 5", func(h *tale) {
			give(h.say(), h.ann, h.tab)
			e := h.say()
			give(e, h.ann, h.tab)
			o := h.bob.Resume()
			h.bob.Disconnected()
			h.connect(h.bob, "e1", 5, o)
			give(e, h.bob)
		}},
		{"hole in the log", "no gaps: room tea, seq 5: the log has it after 3", func(h *tale) {
			give(h.say(), h.all()...)
			h.events[3].Seq = 5
		}},
		{"a wrong gap", "no gaps: client phone of bob, room tea, seq 5: it was told of a gap from here on, and nothing of what is before", func(h *tale) {
			give(h.say(), h.ann, h.tab)
			give(h.say(), h.ann, h.tab)
			h.bob.Delivered(&chat.Delivery{Gap: &chat.Gap{Room: tea, After: 4, Head: 5}})
		}},
		{"the last one is missing", "no gaps: client phone of bob, room tea, seq 4: the log goes on to 4, and it was not given more than 3", func(h *tale) {
			give(h.say(), h.ann, h.tab)
		}},
		{"never added", "no gaps: client phone of cyd, room tea, seq 4: its user is a member, and it was not given the room", func(h *tale) {
			give(h.add("ann", chat.Joined, "cyd"), h.all()...)
		}},
		{"to a stranger", "the log decides access: client phone of cyd, room tea, seq 4: it was given the event (message): its user is not a member", func(h *tale) {
			give(h.say(), append(h.all(), h.cyd)...)
		}},
		{"to a stranger whom the welcome let in", "the log decides access: client phone of cyd, room tea, seq 4: it was given what was said while its user was not a member", func(h *tale) {
			h.connect(h.cyd, "e1", 3, nil)
			give(h.say(), append(h.all(), h.cyd)...)
		}},
		{"a gap to a stranger", "the log decides access: client phone of cyd, room tea, seq 4: it was told of a gap that ends while its user was not a member", func(h *tale) {
			give(h.say(), h.all()...)
			h.cyd.Delivered(&chat.Delivery{Gap: &chat.Gap{Room: tea, Head: 4}})
		}},
		{"after the removal", "the log decides access: client phone of bob, room tea, seq 5: it was given what followed the removal of its user, who did not come back", func(h *tale) {
			give(h.add("ann", chat.Left, "bob"), h.all()...)
			give(h.say(), h.ann, h.bob)
		}},
		{"long after the removal", "the log decides access: client phone of bob, room tea, seq 6: it was given the event (message): its user is not a member", func(h *tale) {
			give(h.add("ann", chat.Left, "bob"), h.all()...)
			give(h.say(), h.ann)
			give(h.say(), h.ann, h.bob)
		}},
		{"after the removal, and then back", "the log decides access: client phone of bob, room tea, seq 7: it was given the event (joined): it was given 5, from when its user was not a member, and not all that followed", func(h *tale) {
			give(h.add("ann", chat.Left, "bob"), h.all()...)
			give(h.say(), h.ann, h.bob)
			give(h.say(), h.ann)
			give(h.add("ann", chat.Joined, "bob"), h.all()...)
		}},
		{"after the ban", "the log decides access: client tab of bob, room tea, seq 5", func(h *tale) {
			give(h.add("ann", chat.Banned, "bob"), h.all()...)
			give(h.say(), h.ann, h.tab)
		}},
		{"after the removal, by a reconnect", "the log decides access: client phone of bob, room tea, seq 5: it was given what was said while its user was not a member", func(h *tale) {
			give(h.add("ann", chat.Left, "bob"), h.all()...)
			e := h.say()
			give(e, h.ann)
			h.connect(h.bob, "e1", 5, &chat.SessionOptions{Epoch: "e1", Rooms: map[chat.RoomID]chat.Seq{tea: 4}})
			give(e, h.bob)
		}},
		{"what is hidden", "the log decides access: client phone of bob, room tea, seq 5: it was given what was said while its user was not a member", func(h *tale) {
			h.info.Hides = true
			h.bob.Disconnected()
			h.tab.Disconnected()
			give(h.add("ann", chat.Left, "bob"), h.ann)
			give(h.say(), h.ann)
			give(h.add("ann", chat.Joined, "bob"), h.ann)
			h.connect(h.bob, "e1", 6, &chat.SessionOptions{Epoch: "e1", Rooms: map[chat.RoomID]chat.Seq{tea: 3}})
			for i := range 3 {
				give(&h.events[3+i], h.bob)
			}
		}},
		{"written after the removal", "the log decides access: room tea, seq 5: the log has a message (id5) by bob, who was not a member", func(h *tale) {
			give(h.add("ann", chat.Left, "bob"), h.all()...)
			e := h.add("bob", chat.Message, "")
			h.bob.Sent(tea, e.ID)
			give(e, h.ann)
		}},
		{"no end", "a command ends once: client laptop of ann: command a was accepted and has not ended", func(h *tale) {
			h.ann.Called("a")
			h.ann.Accepted("a")
		}},
		{"two ends", "a command ends once: client laptop of ann, room tea: command a ended as", func(h *tale) {
			h.ann.Called("a")
			h.ann.Delivered(outcome("a", chat.CallDone, ""))
			h.ann.Delivered(outcome("a", chat.CallFailed, ""))
		}},
		{"two texts", "a command ends once: client laptop of ann, room tea: command a ended as", func(h *tale) {
			h.ann.Called("a")
			h.ann.Delivered(outcome("a", chat.CallEphemeral, "one"))
			h.ann.Delivered(outcome("a", chat.CallEphemeral, "two"))
		}},
		{"an end for somebody else", "a command ends once: client phone of bob, room tea: it was told how command a ended, which its user did not run", func(h *tale) {
			h.ann.Called("a")
			h.bob.Delivered(outcome("a", chat.CallDone, ""))
		}},
		{"an answer that is not there", "a command ends once: client laptop of ann, room tea, seq 4: command a ended done with answers at [4], the log has them at []", func(h *tale) {
			h.ann.Called("a")
			h.ann.Delivered(outcome("a", chat.CallDone, "", 4))
		}},
		{"an answer of a failure", "a command ends once: client laptop of ann, room tea: command a ended failed with answers at [], the log has them at [4]", func(h *tale) {
			h.ann.Called("a")
			e := h.add("bot:x", chat.Message, "")
			e.Call = &chat.CallRef{ID: "call-a"}
			give(e, h.all()...)
			h.ann.Delivered(outcome("a", chat.CallFailed, ""))
		}},
		{"an answer twice", "a command ends once: client laptop of ann, room tea, seq 4: command a ended done with answers at [4], the log has them at [4 5]", func(h *tale) {
			h.ann.Called("a")
			for range 2 {
				e := h.add("bot:x", chat.Message, "")
				e.Call = &chat.CallRef{ID: "call-a"}
				give(e, h.all()...)
			}
			h.ann.Delivered(outcome("a", chat.CallDone, "", 4))
		}},
		{"two lives at once", "one epoch: client phone of bob: it is in epoch e2, laptop of ann in e1", func(h *tale) {
			h.connect(h.bob, "e2", 3, nil)
		}},
		{"no reset after a restore", "one epoch: client phone of bob, room tea, seq 4: it was given the event (message): what it came back with is not of this log, and it was not told to begin again", func(h *tale) {
			h.connect(h.bob, "e1", 3, &chat.SessionOptions{Epoch: "e0", Rooms: map[chat.RoomID]chat.Seq{tea: 3}})
			give(h.say(), h.all()...)
		}},
		{"no reset beyond the log", "one epoch: client phone of bob, room tea, seq 4", func(h *tale) {
			h.connect(h.bob, "e1", 3, &chat.SessionOptions{Epoch: "e1", Rooms: map[chat.RoomID]chat.Seq{tea: 7}})
			give(h.say(), h.all()...)
		}},
		{"a reset for nothing", "one epoch: client phone of bob, room tea, seq 3: gap after 0: it was told to begin again, but what it has is of this log", func(h *tale) {
			h.bob.Delivered(&chat.Delivery{Gap: &chat.Gap{Room: tea, Head: 3, Reset: true}})
		}},
	}
}
