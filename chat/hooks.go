package chat

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// Action is something that a user is about to do, as [Options].Authorize is
// asked about it.
type Action struct {
	By      UserID     // who is about to do it
	Do      ActionKind // what
	Room    RoomID     // where; empty for a room that is to be made
	Kind    RoomKind   // of the room; empty for [ActRead]
	User    UserID     // whom it is done to, if anybody
	Command string     // of [ActCommand]: the command's name
}

// ActionKind says what an [Action] is: one of the constants below, or what a
// [Change] does, such as [Join] or [Rename].
type ActionKind = ChangeKind

// The kinds of actions, besides those of a [Change].
const (
	ActPost    ActionKind = "post"
	ActEdit    ActionKind = "edit"
	ActDelete  ActionKind = "delete"
	ActCommand ActionKind = "command"
	ActCreate  ActionKind = "create_room"
	ActDirect  ActionKind = "direct"
	ActRead    ActionKind = "read" // history and members; live delivery goes by membership alone
)

// Intercepted is a message before it is stored, as [Options].Intercept sees
// it; it owns it, slices included. What it changes is checked as if the sender
// had written it.
type Intercepted struct {
	Room  RoomID // where; changing it has no effect
	By    User   // who wrote it; changing it has no effect
	Edits Seq    // the message whose text is replaced; 0 for a new one

	Text     string          // as written
	Mentions []UserID        // of a new one; they can be taken away
	Data     json.RawMessage // a JSON object of the app, or nil
}

// Trace is told what a node does, for metrics. Each field may be nil. They are
// called from any goroutine, also while locks are held, and must neither block
// nor call the node.
type Trace struct {
	// Stored: a request came to a stored event; took is the whole time of the
	// request.
	Stored func(kind EventKind, duplicate bool, took time.Duration)
	// Refused: a request to store an event, to make a room or to run a command
	// came to err. [AsError] has the code that the user is told.
	Refused func(err error)
	// Delivered: an event of a hosted room was handed to so many sessions here.
	Delivered func(sessions int)
	// Connected: a session began.
	Connected func()
	// Disconnected: a session ended with err, see [Session.Err].
	Disconnected func(err error)
	// FellBehind: a session has to read a room from the log, because its
	// queue is full or because it came back.
	FellBehind func()
	// Filled: events were read from the log because nobody had told of them.
	Filled func(events int)
	// Swept: the node compared what it knows with the store, as it does every
	// two seconds; err is nil, or what the store said.
	Swept func(took time.Duration, err error)
	// Ended: a command ended; this node stored its end.
	Ended func(command string, status CallStatus)
	// Answered: a command that this node was asked first came to its end, on
	// whichever node; took is the whole time of it.
	Answered func(command string, status CallStatus, took time.Duration)
	// LateReply: a bot replied to a command that had ended.
	LateReply func(bot string)
	// Dropped: something was left out: "events" to other nodes or "hook" to
	// Options.Committed, whose queue was full; "foreign", from the broker and
	// not of this chat; "reply", of a bot to no call or to another bot's.
	Dropped func(what string)
}

// complete makes every field callable.
func (t *Trace) complete() Trace {
	var c Trace
	if t != nil {
		c = *t
	}
	if c.Stored == nil {
		c.Stored = func(EventKind, bool, time.Duration) {}
	}
	if c.Refused == nil {
		c.Refused = func(error) {}
	}
	if c.Delivered == nil {
		c.Delivered = func(int) {}
	}
	if c.Connected == nil {
		c.Connected = func() {}
	}
	if c.Disconnected == nil {
		c.Disconnected = func(error) {}
	}
	if c.FellBehind == nil {
		c.FellBehind = func() {}
	}
	if c.Filled == nil {
		c.Filled = func(int) {}
	}
	if c.Swept == nil {
		c.Swept = func(time.Duration, error) {}
	}
	if c.Answered == nil {
		c.Answered = func(string, CallStatus, time.Duration) {}
	}
	if c.Ended == nil {
		c.Ended = func(string, CallStatus) {}
	}
	if c.LateReply == nil {
		c.LateReply = func(string) {}
	}
	if c.Dropped == nil {
		c.Dropped = func(string) {}
	}
	return c
}

// authorize asks the host's own rules.
func (n *Node) authorize(ctx context.Context, a Action) error {
	if n.hostRules == nil || a.By == System {
		return nil
	}
	return n.hostRules(ctx, a)
}

// moderate shows a message to Options.Intercept and checks what it made of it.
func (n *Node) moderate(ctx context.Context, m Intercepted) (Intercepted, error) {
	if n.intercept == nil || m.By.ID == System {
		return m, nil
	}
	shown := m // which the host may keep, and change, not what the caller has
	shown.Mentions, shown.Data = slices.Clone(m.Mentions), slices.Clone(m.Data)
	if err := n.intercept(ctx, &shown); err != nil {
		return Intercepted{}, err
	}
	return shown, n.checkMessage(shown.Text, shown.Data)
}

// hookLoop calls Options.Committed with what this node has committed, in
// order, to the last one before Shutdown.
func (n *Node) hookLoop(hook func(Event)) {
	eachUntil(n.stop, n.hooked, func(events []Event) {
		for _, e := range events {
			hook(e)
		}
	})
}

// eachUntil calls fn with what comes on queue until stop is closed, and then
// with what is left there.
func eachUntil[T any](stop <-chan struct{}, queue <-chan T, fn func(T)) {
	for {
		select {
		case v := <-queue:
			fn(v)
			continue
		case <-stop:
		}
		for {
			select {
			case v := <-queue:
				fn(v)
			default:
				return
			}
		}
	}
}
