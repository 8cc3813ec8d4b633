package chat

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	presenceEvery = 20 * time.Second // how often nodes say who is connected to them
	presenceTTL   = time.Minute      // how long that is believed
	presenceGrace = 5 * time.Second  // a user who is back by then never left
	presenceRooms = 200              // of a user, whose members are told
	presenceChunk = 500              // users in one message between nodes
)

// presence is who is connected to other nodes, and who is believed here to be
// online. A user is online while connected to any node, with however many
// sessions.
type presence struct {
	mu     sync.Mutex
	remote map[UserID]map[string]time.Time // by node, until when it holds
	told   map[UserID]bool                 // online, as the sessions here were told
	left   map[UserID]leaver               // whose last session here has ended
	lost   map[UserID]bool                 // told to be gone, for their node was not heard of
	asked  bool                            // another node wants to know who is here
}

type leaver struct {
	user  User
	rooms []RoomID
	at    time.Time
}

// presenceTo is what nodes tell each other of presence.
type presenceTo struct {
	Users  []User   `json:"users,omitempty"`
	Online bool     `json:"online"`
	Rooms  []RoomID `json:"rooms,omitempty"` // of the one user who has come or gone
	Ask    bool     `json:"ask,omitempty"`   // the others shall say who is connected to them
}

// online reports whether a user is connected somewhere.
func (n *Node) online(user UserID) bool {
	if len(n.directory.sessions(user)) > 0 {
		return true
	}
	n.presence.mu.Lock()
	defer n.presence.mu.Unlock()
	return len(n.presence.remote[user]) > 0
}

// came is called when a session has its places. Those who share a room are
// told, unless the user was online already.
func (n *Node) came(s *Session) {
	p := &n.presence
	p.mu.Lock()
	news := !p.told[s.user]
	p.told[s.user] = true
	delete(p.left, s.user)
	delete(p.lost, s.user)
	p.mu.Unlock()
	u, rooms := s.Principal().User, n.uncrowded(s.roomIDs())
	if !news && len(n.directory.sessions(s.user)) > 1 {
		return
	}
	if news {
		n.showPresence(u, true, rooms)
	}
	n.publishPresence(presenceTo{Users: []User{u}, Online: true, Rooms: rooms})
}

// went is called when a session has ended that had places in rooms.
func (n *Node) went(s *Session, rooms []RoomID) {
	if len(n.directory.sessions(s.user)) > 0 {
		return
	}
	n.presence.mu.Lock()
	defer n.presence.mu.Unlock()
	n.presence.left[s.user] = leaver{s.principal.User, rooms, time.Now()}
}

// leave tells of the users whose last session here has ended, if they have not
// come back in time.
func (n *Node) leave(now time.Time) {
	p := &n.presence
	var here, all []leaver
	p.mu.Lock()
	for id, l := range p.left {
		if now.Sub(l.at) < presenceGrace {
			continue
		}
		delete(p.left, id)
		all = append(all, l)
		if len(p.remote[id]) == 0 {
			delete(p.told, id)
			here = append(here, l)
		}
	}
	p.mu.Unlock()
	for _, l := range here {
		n.showPresence(l.user, false, l.rooms)
	}
	for _, l := range all {
		n.publishPresence(presenceTo{Users: []User{l.user}, Rooms: n.uncrowded(l.rooms)})
	}
}

func (n *Node) publishPresence(to presenceTo) {
	if n.broker != nil {
		n.enqueue(published{presence: &to})
	}
}

// showPresence tells each session here that shares one of rooms with u, once.
func (n *Node) showPresence(u User, online bool, rooms []RoomID) {
	seen := map[*Session]bool{}
	for _, id := range rooms {
		r := n.hosted(id)
		if r == nil {
			continue
		}
		r.mu.Lock()
		if k := n.crowded(r); k != nil {
			n.crowds.comesAndGoes(k)
		} else {
			for i := range r.subs {
				if s := r.subs[i].session; s.user != u.ID {
					seen[s] = true
				}
			}
		}
		r.mu.Unlock()
	}
	d := &Delivery{Notice: &Notice{Kind: Presence, User: &u, Online: &online}}
	for s := range maps.Keys(seen) {
		s.push(d, false)
	}
}

// heardPresence takes in what another node tells.
func (n *Node) heardPresence(node string, to presenceTo) {
	p := &n.presence
	if to.Ask {
		p.mu.Lock()
		p.asked = true
		p.mu.Unlock()
	}
	var back []UserID
	for _, u := range to.Users {
		p.mu.Lock()
		if to.Online {
			if p.remote[u.ID] == nil {
				p.remote[u.ID] = map[string]time.Time{}
			}
			p.remote[u.ID][node] = time.Now().Add(presenceTTL)
		} else {
			delete(p.remote[u.ID], node)
			if len(p.remote[u.ID]) == 0 {
				delete(p.remote, u.ID)
			}
		}
		here := len(n.directory.sessions(u.ID)) > 0
		still := here || len(p.remote[u.ID]) > 0
		news := p.told[u.ID] != still
		if still {
			p.told[u.ID] = true
		} else {
			delete(p.told, u.ID)
		}
		lost := p.lost[u.ID]
		delete(p.lost, u.ID)
		p.mu.Unlock()
		switch {
		case news && len(to.Rooms) > 0:
			n.showPresence(u, still, to.Rooms)
		case news && lost:
			back = append(back, u.ID)
		}
	}
	n.reveal(back)
}

// presenceLoop tells of users who have left, says again and again who is
// connected here, and forgets what other nodes have not said for a while.
func (n *Node) presenceLoop() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	said := time.Now()
	for {
		select {
		case <-tick.C:
		case <-n.stop:
			return
		}
		now := time.Now()
		n.leave(now)
		repeat := now.Sub(said) >= presenceEvery
		if repeat {
			said = now
			n.repeatPresence()
			n.reveal(n.forgetPresence(now))
		} else if n.presence.takeAsked() {
			n.repeatPresence()
		}
		n.tellCrowds(now, repeat)
	}
}

// askPresence is for a node that may have missed who came and went. It is
// answered within a second.
func (n *Node) askPresence() { n.publishPresence(presenceTo{Ask: true}) }

func (p *presence) takeAsked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := p.asked
	p.asked = false
	return asked
}

func (n *Node) repeatPresence() {
	if n.broker == nil {
		return
	}
	var users []User
	for _, id := range n.directory.connected() {
		if ss := n.directory.sessions(id); len(ss) > 0 {
			users = append(users, ss[0].Principal().User)
		}
	}
	for chunk := range slices.Chunk(users, presenceChunk) {
		n.publishPresence(presenceTo{Users: chunk, Online: true})
	}
}

// forgetPresence forgets what other nodes have not said for a while. It returns
// the users who are not connected anywhere now: their node has died.
func (n *Node) forgetPresence(now time.Time) (lost []UserID) {
	p := &n.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, nodes := range p.remote {
		maps.DeleteFunc(nodes, func(_ string, until time.Time) bool { return until.Before(now) })
		if len(nodes) > 0 {
			continue
		}
		delete(p.remote, id)
		if len(n.directory.sessions(id)) == 0 {
			delete(p.told, id)
			lost = append(lost, id)
			if len(p.lost) < maxNames {
				p.lost[id] = true
			}
		}
	}
	return lost
}

// reveal tells whether users are connected of whom nobody has said in which rooms
// they are: their node has died, or is heard of again. The store knows the rooms.
func (n *Node) reveal(users []UserID) {
	if len(users) == 0 {
		return
	}
	n.spawn(func() {
		ctx, cancel := n.untilStop()
		defer cancel()
		for _, id := range users {
			err := n.sweepStep(ctx, func(ctx context.Context) error {
				u, err := n.user(ctx, id)
				if err != nil {
					return err
				}
				inbox, err := n.store.Inbox(ctx, id)
				if err != nil {
					return err
				}
				rooms := make([]RoomID, len(inbox.Rooms))
				for i, e := range inbox.Rooms {
					rooms[i] = e.ID
				}
				n.showPresence(u, n.online(id), rooms)
				return nil
			})
			if err != nil {
				n.log.Debug("chat: rooms of a user whose node has died", "err", err)
				return // the store is away; members are listed right all the same
			}
		}
	})
}
