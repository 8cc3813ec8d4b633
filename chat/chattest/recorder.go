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
	Refused            int // calls of [Client.Refused]
	Commands, Outcomes int // by their ids
	Events, Gaps       int // deliveries
	Connects           int // calls of [Client.Connected]
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
