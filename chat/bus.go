package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carlware/gochat/internal/strictjson"
	"github.com/carlware/gochat/transport"
)

// published is something for the other nodes; one field is set.
type published struct {
	events     []Event
	notice     *noticeTo
	outcome    *outcomeTo
	revocation *Revocation
	presence   *presenceTo
	crowd      *crowdTo
}

// envelope is the body of what nodes publish to each other.
type envelope struct {
	V        int         `json:"v"` // 1
	Store    string      `json:"store"`
	Epoch    string      `json:"epoch"`
	Node     string      `json:"node"` // who published it
	Events   []Event     `json:"events,omitempty"`
	Notice   *noticeTo   `json:"notice,omitempty"`
	Outcome  *outcomeTo  `json:"outcome,omitempty"`
	Revoke   *Revocation `json:"revoke,omitempty"`
	Presence *presenceTo `json:"presence,omitempty"`
	Crowd    *crowdTo    `json:"crowd,omitempty"`
}

type noticeTo struct {
	Users  []UserID `json:"users,omitempty"` // none: everybody
	Notice Notice   `json:"notice"`
}

type outcomeTo struct {
	User    UserID  `json:"user"`
	Outcome Outcome `json:"outcome"`
}

const (
	maxBusEvents = 64
	maxBusBytes  = 64 << 10
)

// enqueue hands p to the publisher. When its queue is full p is dropped: the
// other nodes find events in the log, at most one sweep later.
func (n *Node) enqueue(p published) {
	select {
	case n.out <- p:
	default:
		n.trace.Dropped("events")
	}
}

// publishLoop publishes what was enqueued, to the last one before Shutdown.
func (n *Node) publishLoop() { eachUntil(n.stop, n.out, n.publish) }

func (n *Node) publish(p published) {
	switch {
	case p.notice != nil:
		_ = n.send("notice", envelope{Notice: p.notice})
	case p.outcome != nil:
		_ = n.send("outcome", envelope{Outcome: p.outcome})
	case p.presence != nil:
		_ = n.send("presence", envelope{Presence: p.presence})
	case p.crowd != nil:
		_ = n.send("presence", envelope{Crowd: p.crowd})
	case p.revocation != nil:
		_ = n.send("revoke", envelope{Revoke: p.revocation})
	}
	for len(p.events) > 0 {
		k, size := 0, 0
		for k < len(p.events) && k < maxBusEvents && p.events[k].Room == p.events[0].Room {
			if size += 256 + len(p.events[k].Text) + len(p.events[k].Data); k > 0 && size > maxBusBytes {
				break
			}
			k++
		}
		n.sendEvents(p.events[:k])
		p.events = p.events[k:]
	}
}

// sendEvents publishes events of one room: by halves when JSON made them longer
// than the broker carries.
func (n *Node) sendEvents(events []Event) {
	err := n.send("room:"+string(events[0].Room), envelope{Events: events})
	if half := len(events) / 2; half > 0 && errors.Is(err, transport.ErrTooLarge) {
		n.sendEvents(events[:half])
		n.sendEvents(events[half:])
	}
}

// send publishes one envelope. Failures are the broker's to report: what is
// lost here is found in the log.
func (n *Node) send(key string, e envelope) error {
	e.V, e.Store, e.Epoch, e.Node = 1, n.storeID, *n.epoch.Load(), n.id
	body, err := json.Marshal(e)
	if err != nil {
		n.log.Error("chat: encode for other nodes", "err", err)
		return err
	}
	ctx, cancel := n.timeout()
	defer cancel()
	if err = n.broker.Publish(ctx, n.storeID, key, body); err != nil {
		n.log.Debug("chat: publish to other nodes", "err", err)
	}
	return err
}

// subscribeLoop receives what other nodes and bots publish.
func (n *Node) subscribeLoop() {
	n.supervise("receive events", func(ctx context.Context) error {
		return n.broker.Subscribe(ctx, n.storeID, func(b transport.Batch) {
			if b.Gap {
				n.sweepSoon()
				n.calls.resend()
				n.askPresence()
			}
			for _, e := range b.Events {
				n.received(e)
			}
		})
	})
}

func (n *Node) received(e transport.Event) {
	if strings.HasPrefix(e.Key, "progress:") {
		n.calls.progressed(e)
		return
	}
	var env envelope
	err := strictjson.Unmarshal(e.Body, &env)
	if err == nil && (env.V != 1 || env.Store != n.storeID) {
		err = fmt.Errorf("chat: event of version %d for store %q", env.V, env.Store)
	}
	if err != nil {
		n.log.Warn("chat: dropped a foreign event", "key", e.Key, "err", err)
		n.trace.Dropped("foreign")
		return
	}
	if env.Node == n.id {
		return
	}
	if env.Epoch != *n.epoch.Load() {
		n.suspectEpoch() // the store will tell who is right
		return
	}
	if len(env.Events) > 0 {
		if slices.ContainsFunc(env.Events, func(e Event) bool { return !e.sound() }) {
			n.log.Warn("chat: dropped a malformed event", "key", e.Key)
			n.trace.Dropped("foreign")
			return
		}
		n.commits.Add(1)
		n.deliver(env.Events, true)
	}
	if to := env.Notice; to != nil {
		switch u := to.Notice.User; {
		case to.Notice.Kind == Typing && u != nil:
			n.showTyping(&to.Notice)
		case to.Notice.Kind == Read && u != nil:
			n.showRead(&to.Notice)
		default:
			n.tellLocal(to.Users, &to.Notice)
		}
	}
	if env.Crowd != nil {
		n.heardCrowd(env.Node, *env.Crowd)
	}
	if env.Presence != nil {
		n.heardPresence(env.Node, *env.Presence)
	}
	if env.Revoke != nil {
		n.revoke(*env.Revoke)
	}
	if env.Outcome != nil {
		n.calls.heard(env.Outcome.User, env.Outcome.Outcome)
	}
}

// sound reports whether an event from outside can be worked with.
func (e *Event) sound() bool {
	switch e.Kind {
	case Joined, Left, Banned, RoleChanged:
		if e.Target == nil {
			return false
		}
	}
	return e.Room != "" && e.Seq > 0 && e.Seq < maxSeq
}

// tell gives a notice to all sessions of users, or of everybody when there are
// none, on all nodes.
func (n *Node) tell(users []UserID, notice *Notice) {
	n.tellLocal(users, notice)
	if n.broker != nil {
		n.enqueue(published{notice: &noticeTo{Users: users, Notice: *notice}})
	}
}

func (n *Node) tellLocal(users []UserID, notice *Notice) {
	d := &Delivery{Notice: notice}
	if len(users) == 0 {
		for _, s := range n.directory.everyone() {
			s.push(d, false)
		}
		return
	}
	for _, u := range users {
		for _, s := range n.directory.sessions(u) {
			s.push(d, false)
		}
	}
}
