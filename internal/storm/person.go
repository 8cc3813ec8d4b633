package storm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
)

// person is one client of a user, who does this and that.
type person struct {
	s      *storm
	user   chat.UserID
	record *chattest.Client
	rng    *rand.Rand
	slot   int // where it connects next

	node    *chat.Node // of the session
	session *chat.Session
	epoch   string // of the session
	asleep  int    // turns in which nothing is read
	outbox  []*task
	posted  []posted // the latest own messages
}

// task is a request that has no certain answer yet.
type task struct {
	room   chat.RoomID
	id     string
	send   func(ctx context.Context, r chat.Room) (chat.Receipt, error)
	done   func(seq chat.Seq)
	line   string // of a command
	called bool   // it was accepted
	ended  bool
	err    error // the last answer
}

type posted struct {
	room  chat.RoomID
	seq   chat.Seq
	draft chat.Draft
}

// live acts until it is calm and everything has its answer.
func (p *person) live() {
	var end time.Time
	for {
		if p.s.calm.Load() {
			if end.IsZero() {
				end = time.Now().Add(time.Minute)
			}
			p.asleep = 0
			if p.connect(); p.session != nil && p.flush() {
				return
			}
			if time.Now().After(end) {
				p.s.Errorf("%v has no answer to %d requests, session %v", p.record, len(p.outbox), p.session != nil)
				for _, t := range p.outbox[:min(len(p.outbox), 3)] {
					p.s.Logf("%s %q, accepted %v: %v", t.id, t.line, t.called, t.err)
				}
				return
			}
		} else {
			p.act()
		}
		time.Sleep(time.Duration(p.rng.IntN(5)) * time.Millisecond)
	}
}

// act does something, unless there is much to be sent already.
func (p *person) act() {
	n := p.rng.IntN(100)
	if len(p.outbox) > 5 {
		n = 100
	}
	switch {
	case n < 5:
		p.leave()
	case n < 10:
		p.asleep = 20 + p.rng.IntN(60)
	case n < 55:
		p.post()
	case n < 62:
		p.change(func(m posted, id string) task {
			return task{send: func(ctx context.Context, r chat.Room) (chat.Receipt, error) {
				return r.Edit(ctx, p.user, chat.Edit{ID: id, Seq: m.seq, Text: "edited"})
			}, done: func(chat.Seq) { p.again(m) }}
		})
	case n < 65:
		p.change(func(m posted, id string) task {
			return task{send: func(ctx context.Context, r chat.Room) (chat.Receipt, error) { return r.Delete(ctx, p.user, m.seq, id) },
				done: func(chat.Seq) { p.again(m) }}
		})
	case n < 68:
		p.change(func(m posted, id string) task {
			return task{send: func(ctx context.Context, r chat.Room) (chat.Receipt, error) {
				return r.Change(ctx, p.user, chat.Change{ID: id, Kind: chat.React, Seq: m.seq, Emoji: "👍"})
			}}
		})
	case n < 75:
		what := []string{"say", "whisper", "fail", "wait"}[p.rng.IntN(4)]
		p.add(task{room: p.room(), line: fmt.Sprintf("/%s %s", []string{"near", "far"}[p.rng.IntN(2)], what)})
	case n < 85:
		p.move()
	}
	p.connect()
	p.flush()
}

func (p *person) room() chat.RoomID { return p.s.rooms[p.rng.IntN(len(p.s.rooms))] }

func (p *person) add(t task) {
	if t.id == "" {
		t.id = chat.NewID()
	}
	p.outbox = append(p.outbox, &t)
}

func (p *person) post() {
	m := posted{room: p.room(), draft: chat.Draft{ID: chat.NewID(), Text: fmt.Sprintf("%s says %d", p.user, p.rng.Uint64())}}
	p.add(task{room: m.room, id: m.draft.ID,
		send: func(ctx context.Context, r chat.Room) (chat.Receipt, error) { return r.Post(ctx, p.user, m.draft) },
		done: func(seq chat.Seq) {
			m.seq = seq
			if p.posted = append(p.posted, m); len(p.posted) > 10 {
				p.posted = p.posted[1:]
			}
			if p.rng.IntN(10) == 0 {
				p.again(m)
			}
		}})
}

// again sends a message that is stored once more.
func (p *person) again(m posted) {
	p.add(task{room: m.room, id: m.draft.ID,
		send: func(ctx context.Context, r chat.Room) (chat.Receipt, error) { return r.Post(ctx, p.user, m.draft) }})
}

// change does something to one of the latest own messages.
func (p *person) change(make func(m posted, id string) task) {
	if len(p.posted) == 0 {
		return
	}
	m, id := p.posted[p.rng.IntN(len(p.posted))], chat.NewID()
	t := make(m, id)
	t.room, t.id = m.room, id
	p.add(t)
}

// move changes who is in a room.
func (p *person) move() {
	c := chat.Change{ID: chat.NewID(), Kind: []chat.ChangeKind{chat.Join, chat.Leave, chat.Join}[p.rng.IntN(3)]}
	room := p.room()
	if p.user == owner {
		c.Kind = []chat.ChangeKind{chat.Remove, chat.Ban, chat.Unban, chat.Invite, chat.Invite, chat.Invite}[p.rng.IntN(6)]
		c.User = chat.UserID(fmt.Sprint("u", 1+p.rng.IntN(5)))
	}
	p.add(task{room: room, id: c.ID, send: func(ctx context.Context, r chat.Room) (chat.Receipt, error) { return r.Change(ctx, p.user, c) }})
}

// connect begins a session if there is none, at the next node.
func (p *person) connect() {
	if p.session != nil {
		select {
		case <-p.session.Done():
			p.leave()
		default:
			return
		}
	}
	p.slot++
	node := p.s.slots[p.slot%len(p.s.slots)].node()
	if node == nil {
		return
	}
	o := p.record.Resume()
	if p.rng.IntN(20) == 0 {
		o = nil // a new tab
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	session, err := node.Connect(ctx, principal(p.user), o)
	if err != nil {
		return
	}
	p.node, p.session = node, session
	w := session.Welcome()
	p.epoch = w.Epoch
	p.record.Connected(w, o)
}

// leave ends the session; what waits in it is lost.
func (p *person) leave() {
	if p.session == nil {
		return
	}
	p.record.Disconnected()
	p.session.Close()
	p.session = nil
	for _, t := range p.outbox {
		t.called = false // its outcome may have been lost
	}
}

// drain reads what there is.
func (p *person) drain() {
	if p.session == nil {
		return
	}
	for _, d := range p.session.Take(nil, 1<<20) {
		p.record.Delivered(d)
		if d.Outcome == nil {
			continue
		}
		for _, t := range p.outbox {
			t.ended = t.ended || t.id == d.Outcome.ID && t.line != ""
		}
	}
}

// flush reads, sends what has no answer, and reports whether everything has one.
func (p *person) flush() bool {
	if p.asleep--; p.asleep < 0 {
		p.drain()
	}
	if p.session == nil {
		return false
	}
	waiting := p.outbox
	p.outbox = nil
	var left []*task
	for _, t := range waiting {
		if !t.ended && !p.send(t) {
			left = append(left, t)
		}
	}
	p.outbox = append(left, p.outbox...)
	return len(p.outbox) == 0
}

// send sends a request and reports whether it has its last answer.
func (p *person) send(t *task) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := p.node.Room(ctx, chat.System, t.room) // the room itself says who may
	if t.err = err; err != nil {
		return false
	}
	if t.line != "" {
		return p.run(ctx, t, r)
	}
	p.record.Sent(t.room, t.id)
	rc, err := t.send(ctx, r)
	t.err = err
	switch {
	case err == nil && rc.Event.Seq != 0:
		p.record.Acked(t.room, t.id, rc.Event.Seq)
		if t.done != nil {
			t.done(rc.Event.Seq)
		}
		return true
	case errors.Is(err, chat.ErrOutcomeUnknown):
		return false
	}
	p.record.Refused(t.room, t.id) // or nothing was to be done
	return !again(err)
}

// run runs a command, once in each session until it has ended.
func (p *person) run(ctx context.Context, t *task, r chat.Room) bool {
	if t.called {
		return false
	}
	p.record.Called(t.id)
	_, err := r.Command(ctx, p.user, chat.CommandLine{ID: t.id, Text: t.line})
	t.err = err
	if t.called = err == nil; t.called {
		p.record.Accepted(t.id)
		return false
	}
	if errors.Is(err, chat.ErrOutcomeUnknown) || again(err) {
		return false
	}
	p.record.Rejected(t.id)
	return true
}

// again reports whether an error says to come back.
func again(err error) bool {
	return errors.Is(err, chat.ErrUnavailable) || errors.Is(err, chat.ErrClosed) || errors.Is(err, chat.ErrBusy) || errors.Is(err, chat.ErrStale) ||
		errors.Is(err, context.DeadlineExceeded)
}
