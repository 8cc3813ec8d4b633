package chattest

import (
	"hash/maphash"
	"sync"

	"github.com/carlware/gochat/chat"
)

// Recorder notes what the clients of a chat did and saw, and the logs that the
// chat had in the end; [Recorder.Check] says whether that is a history that a
// chat may have. Clients can be of any kind: sessions of a hub, WebSocket
// clients, other processes whose output is read.
//
//	var r chattest.Recorder
//	c := r.Client("ann", "ann's laptop")
//	session, err := hub.Connect(ctx, ann, o)
//	c.Connected(session.Welcome(), o)
//	// For each message:
//	c.Sent(room, id)
//	rc, err := r.Post(ctx, "ann", chat.Draft{ID: id, …})
//	c.Acked(room, id, rc.Event.Seq) // when err is nil
//	// For each delivery:
//	c.Delivered(d)
//	// In the end, when everybody has everything:
//	r.Log(info, events)
//	err = r.Check()
//
// It keeps what is needed to check, not what was said: about 100 bytes for each
// event however many clients receive it. The zero value is ready to be used. All
// methods may be called concurrently, also those of a [Client]; but what one
// client saw must be told in the order in which it saw it.
type Recorder struct {
	once sync.Once
	seed maphash.Seed

	mu      sync.Mutex
	epoch   string // with which the last client has connected
	clients []*Client
	sends   map[requestKey]*request
	calls   map[callID]*call
	seen    map[lifeOfRoom]map[chat.Seq]mark
	logs    map[chat.RoomID]*roomLog
	faults  violations
	counts  Counts
}

// Counts says how much a [Recorder] has seen.
type Counts struct {
	Sent, Acked        int // requests, by their ids
	Refused            int
	Commands, Outcomes int // by their ids
	Events, Gaps       int // deliveries
	Connects           int
}

type requestKey struct {
	user chat.UserID
	room chat.RoomID
	id   string
}

// request is what became of a message or another event that was sent.
type request struct {
	client  *Client // who sent it first
	sent    bool
	acked   bool
	refused bool
	epoch   string // of the client when it was acknowledged
	seq     chat.Seq
}

type lifeOfRoom struct {
	epoch string
	room  chat.RoomID
}

// mark is what an event looked like to the first client that was given it.
type mark struct {
	client *Client
	event  uint64 // hash of what never changes
	text   uint64 // of the text, of a message that was not changed yet; else 0
}

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

// Client adds a client of user; name is for messages about it.
func (r *Recorder) Client(user chat.UserID, name string) *Client {
	r.begin()
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &Client{r: r, user: user, name: name, places: map[chat.RoomID]*place{}, given: map[lifeOfRoom]*given{}}
	r.clients = append(r.clients, c)
	return c
}

func (r *Recorder) begin() {
	r.once.Do(func() {
		r.seed = maphash.MakeSeed()
		r.sends, r.calls = map[requestKey]*request{}, map[callID]*call{}
		r.seen, r.logs = map[lifeOfRoom]map[chat.Seq]mark{}, map[chat.RoomID]*roomLog{}
	})
}

// Counts returns how much was recorded so far.
func (r *Recorder) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

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

// hashes returns the hash of what never changes of an event, and that of its
// text, where that is the one it was stored with; else 0.
func (r *Recorder) hashes(e *chat.Event) (event, text uint64) {
	var h maphash.Hash
	h.SetSeed(r.seed)
	part := func(s string) {
		maphash.WriteComparable(&h, len(s))
		h.WriteString(s)
	}
	part(e.ID)
	part(string(e.Kind))
	part(string(e.User.ID))
	part(string(e.Role))
	if e.Target != nil {
		part(string(e.Target.ID))
	}
	if e.Call != nil {
		part(e.Call.ID)
	}
	maphash.WriteComparable(&h, e.Ref)
	maphash.WriteComparable(&h, e.Off)
	event = h.Sum64()
	if e.Kind == chat.Message && e.EditedBy == 0 && e.DeletedBy == 0 {
		text = max(1, maphash.String(r.seed, e.Text))
	}
	return event, text
}

// idHash is the hash of an id of a user.
func (r *Recorder) idHash(user chat.UserID, id string) uint64 {
	return maphash.Comparable(r.seed, callID{user, id})
}
