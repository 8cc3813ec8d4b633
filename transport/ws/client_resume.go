package ws

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/carlware/gochat/chat"
)

// greet prepares a hello that says what was seen. c.mu is held.
func (c *Client) greet(l *link) {
	l.hello = chat.NewID()
	body := helloRequest{}
	l.sent = nil
	if c.epoch != "" && len(c.seen) > 0 && !c.plain {
		l.sent = c.latest(maxHelloRooms)
		body.Epoch, body.Rooms = c.epoch, l.sent
	}
	l.greeting, _ = encodeRequest("hello", l.hello, &body)
}

// latest returns the n rooms that were used last. c.mu is held.
func (c *Client) latest(n int) map[chat.RoomID]chat.Seq {
	ids := slices.Collect(maps.Keys(c.seen))
	if len(ids) > n {
		slices.SortFunc(ids, func(a, b chat.RoomID) int { return cmp.Compare(c.seen[b].used, c.seen[a].used) })
		ids = ids[:n]
	}
	m := make(map[chat.RoomID]chat.Seq, len(ids))
	for _, id := range ids {
		m[id] = c.seen[id].seq
	}
	return m
}

// see moves the position in a room. c.mu is held.
func (c *Client) see(room chat.RoomID, seq chat.Seq) {
	c.touched++
	c.seen[room] = position{seq, c.touched}
}

// maxHoles is how often a connection may leave something out before another is
// tried.
const maxHoles = 3

// again says hello once more, because events were left out. What comes of the
// old session is dropped until the new welcome. c.mu is held.
func (c *Client) again(l *link, room chat.RoomID) error {
	if l.holes++; l.holes > maxHoles {
		return errHole
	}
	c.see(room, c.seen[room].seq) // so that this hello lists it
	c.greet(l)
	l.welcomed = time.Now() // its time begins anew
	l.rouse()
	return nil
}

func (c *Client) welcome(l *link, re string, data []byte) error {
	w, err := as[welcomeReply](data)
	if err != nil {
		return err
	}
	c.mu.Lock()
	if re == "" || re != l.hello {
		c.mu.Unlock()
		return nil
	}
	if c.user.ID != "" && c.user.ID != w.User.ID {
		c.mu.Unlock()
		return ErrOtherUser
	}
	first := c.user.ID == ""
	l.hello, l.welcomed, c.user, c.plain = "", time.Now(), w.User, false
	gaps := c.resume(l, &w)
	// Under the lock, so that no event comes before it.
	c.updates.push(Update{Welcome: &Welcome{w.Welcome, w.More}}, len(data))
	for i := range gaps {
		c.updates.push(Update{Gap: &gaps[i]}, 0)
	}
	c.mu.Unlock()
	if first {
		close(c.online)
	}
	l.rouse()
	return nil
}

// resume takes over where each room stands, and returns what the server will
// not tell of. c.mu is held.
func (c *Client) resume(l *link, w *welcomeReply) []chat.Gap {
	var gaps []chat.Gap
	renewed := c.epoch != "" && c.epoch != w.Epoch
	before := c.seen
	c.epoch, c.seen = w.Epoch, map[chat.RoomID]position{}
	l.reset = map[chat.RoomID]bool{}
	if w.More && !renewed {
		// Rooms that a shortened list leaves out are still the user's, as far
		// as is known.
		maps.Copy(c.seen, before)
	}
	for _, r := range w.Rooms {
		was, known := before[r.ID]
		_, said := l.sent[r.ID]
		switch {
		case said && !renewed:
			c.seen[r.ID] = was // and the server goes on from there
			continue
		case known && renewed:
			// At once: the connection may end before the server says so, and
			// the next hello is one of the new epoch.
			l.reset[r.ID] = said
			gaps = append(gaps, chat.Gap{Room: r.ID, Head: r.Head, Floor: r.Floor, Reset: true})
		case known && !said && r.Head > was.seq:
			gaps = append(gaps, chat.Gap{Room: r.ID, After: was.seq, Head: r.Head, Floor: r.Floor})
		}
		c.seen[r.ID] = position{r.Head, was.used}
	}
	return gaps
}

func (c *Client) event(l *link, data []byte) error {
	e, err := as[chat.Event](data)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	was, known := c.seen[e.Room]
	if l.hello != "" || known && e.Seq <= was.seq {
		return nil // of an old session, or a repeat
	}
	whom := e.User.ID
	if e.Target != nil {
		whom = e.Target.ID
	}
	mine := whom == c.user.ID
	switch {
	case mine && (e.Kind == chat.Left || e.Kind == chat.Banned && !e.Off):
		delete(c.seen, e.Room) // the last there is of this room, whatever its number
	case known && e.Seq > was.seq+1 && !(mine && e.Kind == chat.Joined):
		return c.again(l, e.Room)
	default:
		c.see(e.Room, e.Seq)
	}
	c.updates.push(Update{Event: &e}, len(data))
	return nil
}

func (c *Client) gap(l *link, data []byte) error {
	g, err := as[chat.Gap](data)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	was, known := c.seen[g.Room]
	if g.Reset && l.reset[g.Room] {
		delete(l.reset, g.Room)
		g.Reset, g.After = false, was.seq // but for what was said since the welcome
	}
	if l.hello != "" || known && !g.Reset && g.Head <= was.seq {
		return nil
	}
	c.see(g.Room, g.Head)
	c.updates.push(Update{Gap: &g}, len(data))
	return nil
}

func (c *Client) notice(l *link, data []byte) error {
	n, err := as[notice](data)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.Kind == "auth_expiring" {
		l.renew = true
		l.rouse()
		return nil
	}
	if l.hello == "" {
		c.updates.push(Update{Notice: &n.Notice}, len(data))
	}
	return nil
}
