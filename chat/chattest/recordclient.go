package chattest

import (
	"github.com/carlware/gochat/chat"
)

// Client is one client of a user: a tab, a phone, a process. It may connect
// again and again.
type Client struct {
	r    *Recorder
	user chat.UserID
	name string

	// Guarded by r.mu.
	connected bool
	epoch     string
	places    map[chat.RoomID]*place
	given     map[lifeOfRoom]*given
}

// given is which events of a room a client was given in one life of the store.
type given struct {
	runs  []run
	gaps  []chat.Seq // where the gaps that it was told of end
	jumps []chat.Seq // where gaps begin that do not begin where it was
}

// run is events in a row.
type run struct{ first, last chat.Seq }

// Sent says that the client is about to send a request that stores an event with
// this id, for the first time or again. It is called before it is sent.
func (c *Client) Sent(room chat.RoomID, id string) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	q := c.request(room, id)
	if !q.sent {
		c.r.counts.Sent++
	}
	q.sent, q.refused = true, false
}

// Acked says that the client was told that its request is stored at seq, by it
// or by one with the same id before.
func (c *Client) Acked(room chat.RoomID, id string, seq chat.Seq) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	q := c.request(room, id)
	if q.acked && q.epoch == c.epoch && q.seq != seq {
		c.r.faults.add(c, ruleOnce, room, seq, "request %s was acknowledged at %d and at %d", id, q.seq, seq)
	}
	if !q.acked {
		c.r.counts.Acked++
	}
	q.acked, q.seq, q.epoch = true, seq, c.epoch
}

// Refused says that the client was told that its request stores nothing: by any
// error but [chat.ErrOutcomeUnknown] and lost connections. It may be sent again.
func (c *Client) Refused(room chat.RoomID, id string) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.request(room, id).refused = true
	c.r.counts.Refused++
}

// request returns what is known of a request. r.mu is held.
func (c *Client) request(room chat.RoomID, id string) *request {
	k := requestKey{c.user, room, id}
	q := c.r.sends[k]
	if q == nil {
		q = &request{client: c}
		c.r.sends[k] = q
	}
	return q
}

// Connected says that the client begins a session: with this welcome, and with
// the options that it came back with, nil for none. They are not kept.
func (c *Client) Connected(w chat.Welcome, o *chat.SessionOptions) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.connected, c.epoch, c.r.epoch = true, w.Epoch, w.Epoch
	clear(c.places)
	for i := range w.Rooms {
		p := welcomed(&w, &w.Rooms[i], o)
		c.places[w.Rooms[i].ID] = &p
	}
	c.r.counts.Connects++
}

// Disconnected says that the session has ended. In the end, clients that are
// connected must have everything, others need not.
func (c *Client) Disconnected() {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.connected = false
	for _, p := range c.places {
		p.away = 0 // what would have come is not known
	}
}

// Resume returns what the client should come back with.
func (c *Client) Resume() *chat.SessionOptions {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	o := &chat.SessionOptions{Epoch: c.epoch, Rooms: map[chat.RoomID]chat.Seq{}}
	for id, p := range c.places {
		if p.in && !p.foreign {
			o.Rooms[id] = p.at
		}
	}
	return o
}

// At returns how far the client is in a room: up to there it was given every
// event that is its to see, or told that it will not be.
func (c *Client) At(room chat.RoomID) chat.Seq {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if p := c.places[room]; p != nil {
		return p.at
	}
	return 0
}

// Delivered says what the client was given. Notices are ignored: they may be
// lost. Nothing of d is kept.
func (c *Client) Delivered(d *chat.Delivery) {
	r := c.r
	var event, text uint64
	if d.Event != nil {
		event, text = r.hashes(d.Event)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case d.Event != nil:
		r.counts.Events++
		c.event(d.Event, event, text)
	case d.Gap != nil:
		r.counts.Gaps++
		g := c.givenIn(d.Gap.Room)
		jumps, f := c.place(d.Gap.Room).gap(d.Gap)
		if f != nil {
			r.faults.add(c, f.rule, d.Gap.Room, d.Gap.Head, "gap after %d: %s", d.Gap.After, f.says)
		}
		if jumps {
			g.jumps = append(g.jumps, d.Gap.After+1)
		}
		g.gaps = append(g.gaps, d.Gap.Head)
	case d.Outcome != nil:
		c.outcome(d.Outcome)
	}
}

// event takes in an event with its hashes. r.mu is held.
func (c *Client) event(e *chat.Event, event, text uint64) {
	r := c.r
	if f := c.place(e.Room).event(e.Seq, begins(e, c.user), ends(e, c.user)); f != nil {
		r.faults.add(c, f.rule, e.Room, e.Seq, "it was given the event (%s): %s", e.Kind, f.says)
	}
	g := c.givenIn(e.Room)
	if n := len(g.runs); n > 0 && g.runs[n-1].last+1 == e.Seq {
		g.runs[n-1].last = e.Seq
	} else {
		g.runs = append(g.runs, run{e.Seq, e.Seq})
	}
	life := lifeOfRoom{c.epoch, e.Room}
	all := r.seen[life]
	if all == nil {
		all = map[chat.Seq]mark{}
		r.seen[life] = all
	}
	m, there := all[e.Seq]
	switch {
	case !there:
		all[e.Seq] = mark{c, event, text}
	case m.event != event || m.text != 0 && text != 0 && m.text != text:
		r.faults.add(c, ruleOrder, e.Room, e.Seq, "it was given %s %q by %s, and %s something else", e.Kind, e.ID, e.User.ID, m.client)
	case m.text == 0 && text != 0:
		m.text = text
		all[e.Seq] = m
	}
}

// place returns the client's place in a room. r.mu is held.
func (c *Client) place(room chat.RoomID) *place {
	p := c.places[room]
	if p == nil {
		p = &place{}
		c.places[room] = p
	}
	return p
}

// givenIn returns what the client was given of a room. r.mu is held.
func (c *Client) givenIn(room chat.RoomID) *given {
	life := lifeOfRoom{c.epoch, room}
	g := c.given[life]
	if g == nil {
		g = &given{}
		c.given[life] = g
	}
	return g
}

// String returns the name and the user.
func (c *Client) String() string { return c.name + " of " + string(c.user) }
