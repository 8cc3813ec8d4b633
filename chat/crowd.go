package chat

import (
	"maps"
	"sync"
	"time"
)

const (
	crowdPresence = 5 * time.Second // how often a crowd is told how many are there
	crowdTyping   = typingEvery     // and how many are writing
	typingLasts   = 2 * typingEvery // after which a user who said nothing more is not
)

// crowds is the rooms that have more live sessions on a node, this one or
// another, than [Limits].Crowd. Those in them are told how many are there and how
// many are writing, now and then, instead of who comes, goes and writes.
//
// Lock order: sequencer.mu, crowds.mu.
type crowds struct {
	mu    sync.Mutex
	rooms map[RoomID]*crowd
}

type crowd struct {
	here    bool                     // crowded on this node, as far as it has told
	remote  map[string]remoteCrowd   // by node
	typing  map[UserID]time.Time     // until when they count
	changed bool                     // somebody came or went
	told    map[NoticeKind]time.Time // when the count of a kind was told
	writing int                      // what was told last
}

type remoteCrowd struct {
	crowdTo
	until time.Time
}

// crowdTo is what nodes tell each other of a crowd.
type crowdTo struct {
	Room    RoomID `json:"room"`
	Users   int    `json:"users"`             // that are connected there
	Crowded bool   `json:"crowded,omitempty"` // there too
}

// crowded returns the crowd that r is, or nil. r.mu is held.
func (n *Node) crowded(r *sequencer) *crowd {
	c := &n.crowds
	here := len(r.subs) > n.limits.Crowd
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.rooms[r.id]; here || k != nil && (k.here || k.elsewhere()) {
		return c.room(r.id)
	}
	return nil
}

// room returns a crowd, a new one if need be. c.mu is held.
func (c *crowds) room(id RoomID) *crowd {
	k := c.rooms[id]
	if k == nil {
		k = &crowd{remote: map[string]remoteCrowd{}, typing: map[UserID]time.Time{}, told: map[NoticeKind]time.Time{}}
		if c.rooms == nil {
			c.rooms = map[RoomID]*crowd{}
		}
		c.rooms[id] = k
	}
	return k
}

func (k *crowd) elsewhere() bool {
	for _, r := range k.remote {
		if r.Crowded {
			return true
		}
	}
	return false
}

// comesAndGoes notes that somebody came or went.
func (c *crowds) comesAndGoes(k *crowd) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.changed = true
}

// writes notes that a user is writing.
func (c *crowds) writes(k *crowd, user UserID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.typing[user] = time.Now().Add(typingLasts)
}

// uncrowded returns those of rooms that are none, and notes in the others that
// somebody came or went.
func (n *Node) uncrowded(rooms []RoomID) []RoomID {
	few := make([]RoomID, 0, len(rooms))
	for _, id := range rooms {
		if r := n.hosted(id); r != nil {
			r.mu.Lock()
			k := n.crowded(r)
			r.mu.Unlock()
			if k != nil {
				n.crowds.comesAndGoes(k)
				continue
			}
		}
		few = append(few, id)
	}
	return few
}

// heardCrowd takes in what another node tells.
func (n *Node) heardCrowd(node string, to crowdTo) {
	if n.hosted(to.Room) == nil {
		return
	}
	c := &n.crowds
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.room(to.Room)
	k.changed = k.changed || k.remote[node].Users != to.Users
	k.remote[node] = remoteCrowd{to, time.Now().Add(presenceTTL)}
}

// tellCrowds tells the crowds that are due what has changed. With repeat the
// other nodes are told of all.
func (n *Node) tellCrowds(now time.Time, repeat bool) {
	n.crowds.mu.Lock()
	ids := make([]RoomID, 0, len(n.crowds.rooms))
	for id := range n.crowds.rooms {
		ids = append(ids, id)
	}
	n.crowds.mu.Unlock()
	for _, id := range ids {
		n.tellCrowd(id, now, repeat)
	}
}

func (n *Node) tellCrowd(id RoomID, now time.Time, repeat bool) {
	users, here := -1, false
	r := n.hosted(id)
	if r != nil {
		r.mu.Lock()
		here = len(r.subs) > n.limits.Crowd
		if repeat || n.crowds.wantsCount(id, now, here) {
			users = r.users()
		}
		r.mu.Unlock()
	}
	notices, publish := n.crowds.due(id, now, users, here, r != nil)
	for i := range notices {
		r.mu.Lock()
		r.tell(&notices[i], "")
		r.mu.Unlock()
	}
	if n.broker != nil && (publish || repeat && r != nil) {
		n.enqueue(published{crowd: &crowdTo{id, max(users, 0), here}})
	}
}

// users counts those who have sessions in the room. r.mu is held.
func (r *sequencer) users() int {
	seen := make(map[UserID]bool, len(r.subs))
	for i := range r.subs {
		seen[r.subs[i].session.user] = true
	}
	return len(seen)
}

// wantsCount reports whether somebody is to be told now how many are in a crowd.
func (c *crowds) wantsCount(id RoomID, now time.Time, here bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.rooms[id]
	return k != nil && (k.here != here || k.toldLong(now))
}

// toldLong reports whether somebody has come or gone, and it is time to say so.
func (k *crowd) toldLong(now time.Time) bool {
	return k.changed && now.Sub(k.told[Presence]) >= crowdPresence
}

// due returns what a crowd is to be told now, and whether other nodes are. users
// is below 0 when they were not counted. A room that is no crowd any more is
// forgotten.
func (c *crowds) due(id RoomID, now time.Time, users int, here, hosted bool) (notices []Notice, publish bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.rooms[id]
	if k == nil {
		return nil, false
	}
	maps.DeleteFunc(k.remote, func(_ string, r remoteCrowd) bool { return r.until.Before(now) })
	maps.DeleteFunc(k.typing, func(_ UserID, until time.Time) bool { return !until.After(now) })
	publish = k.here != here
	k.here = here
	if !hosted || !here && !k.elsewhere() {
		delete(c.rooms, id)
		return nil, publish
	}
	if users >= 0 && k.toldLong(now) {
		for _, r := range k.remote {
			users += max(r.Users, 0)
		}
		notices = append(notices, Notice{Kind: Presence, In: id, Count: &users})
		k.changed, k.told[Presence], publish = false, now, true
	}
	if writing := len(k.typing); (writing > 0 || k.writing > 0) && now.Sub(k.told[Typing]) >= crowdTyping {
		notices = append(notices, Notice{Kind: Typing, In: id, Count: &writing})
		k.writing, k.told[Typing] = writing, now
	}
	return notices, publish
}
