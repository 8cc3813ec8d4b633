package chat

import (
	"maps"
	"slices"
	"time"
)

// idleTime is how long a room stays hosted without sessions.
const idleTime = 30 * time.Second

// hosted returns the sequencer of a room, or nil when no session is in it.
func (n *Node) hosted(id RoomID) *sequencer {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.rooms[id]
}

// host returns the sequencer of a room; begin gives a new one its position.
// The sequencer may be gone again by the time its mu is locked.
func (n *Node) host(id RoomID, begin func(*sequencer)) (r *sequencer, made bool) {
	if r := n.hosted(id); r != nil {
		return r, false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if r := n.rooms[id]; r != nil {
		return r, false
	}
	r = &sequencer{node: n, id: id, idle: time.Now()}
	begin(r)
	n.rooms[id] = r
	return r, true
}

// dropIdle forgets rooms that have had no sessions for a while.
func (n *Node) dropIdle(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, r := range n.rooms {
		r.mu.Lock()
		if len(r.subs) == 0 && !r.fetching && now.Sub(r.idle) > idleTime {
			r.gone = true
			delete(n.rooms, id)
		}
		r.mu.Unlock()
	}
}

// hostedRooms returns the rooms that are hosted.
func (n *Node) hostedRooms() []*sequencer {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return slices.AppendSeq(make([]*sequencer, 0, len(n.rooms)), maps.Values(n.rooms))
}

// committed is called by the store with each batch that it has committed, in
// order, before the writers are answered. It does not block.
func (n *Node) committed(events []Event) {
	n.commits.Add(1)
	n.deliver(events, false)
	if n.broker != nil {
		n.enqueue(published{events: events})
	}
	if n.hooked != nil {
		select {
		case n.hooked <- events:
		default:
			n.trace.Dropped("hook")
		}
	}
}

// deliver hands events, in any order, to the rooms that are hosted here.
// elsewhere says that another node has committed them.
func (n *Node) deliver(events []Event, elsewhere bool) {
	for len(events) > 0 {
		k := 1
		for k < len(events) && events[k].Room == events[0].Room {
			k++
		}
		for !n.deliverRun(events[:k], elsewhere) {
		}
		events = events[k:]
	}
}

// askHead asks the store for the head of a room that is hosted since another node
// told of it. What was committed here before was told to nobody: a user can
// write to a room before this node hears that it is the user's.
func (n *Node) askHead(room RoomID) {
	ctx, cancel := n.timeout()
	defer cancel()
	if heads, err := n.store.Heads(ctx, map[RoomID]Seq{room: 0}); err == nil { // else the sweep finds it
		n.learn(room, heads[room])
	}
}

// deliverRun delivers events of one room. It returns false when the room
// ceased to be hosted in between.
func (n *Node) deliverRun(run []Event, elsewhere bool) bool {
	r := n.hosted(run[0].Room)
	for i := range run {
		if r != nil {
			return r.offer(deliveries(run[i:]))
		}
		// Nobody here is in the room, unless somebody joins it now.
		if e := &run[i]; e.Kind == Joined && len(n.directory.sessions(e.Target.ID)) > 0 {
			r, made := n.host(e.Room, func(r *sequencer) { r.applied = e.Seq - 1 })
			if made && elsewhere {
				n.spawn(func() { n.askHead(e.Room) })
			}
			return r.offer(deliveries(run[i:]))
		}
	}
	return true
}
