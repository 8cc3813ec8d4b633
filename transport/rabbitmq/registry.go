package rabbitmq

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/carlware/gochat/transport"
)

const (
	maxKnown      = 1000     // announcements
	maxKnownBytes = 16 << 20 // of their bodies
)

// registry is what is announced, by this program and by all.
type registry struct {
	wake chan struct{} // holds one token while the announcer has something to do

	mu      sync.Mutex
	own     []*announcing
	leaving []*announcing // withdrawn, and not said yet
	asked   bool          // somebody wants to know
	told    time.Time     // when somebody was answered last
	known   map[announcer]*heard
	bytes   int
	round   bool          // the first round of asking is over
	version uint64        // of known
	changed chan struct{} // closed and replaced with version and round
}

// announcing is one Announce call.
type announcing struct {
	transport.Announcement
	due  time.Time     // of the next repetition
	left chan struct{} // closed when the withdrawal was sent
}

// announcer tells announcements apart.
type announcer struct{ bot, instance string }

// heard is an announcement that came from the broker.
type heard struct {
	transport.Announcement
	user  string // who made it, as far as RabbitMQ knows
	until time.Time
}

func newRegistry() *registry {
	return &registry{wake: make(chan struct{}, 1), known: make(map[announcer]*heard), changed: make(chan struct{})}
}

// hear takes in an announcement, and says whether it could.
func (g *registry) hear(a transport.Announcement, user string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	who := announcer{a.Bot, a.Instance}
	old := g.known[who]
	switch {
	case old != nil && old.user != user:
		return false // somebody else's
	case old == nil && len(g.known) >= maxKnown, g.bytes+len(a.Body) > maxKnownBytes:
		return false
	}
	same := old != nil && old.Since.Equal(a.Since) && bytes.Equal(old.Body, a.Body)
	if old != nil {
		g.bytes -= len(old.Body)
	}
	g.known[who] = &heard{a, user, now.Add(a.TTL)}
	g.bytes += len(a.Body)
	if !same {
		g.raise()
	}
	return true
}

// forget takes out an announcement that was withdrawn, and says whether user
// may.
func (g *registry) forget(who announcer, user string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.known[who]
	if old == nil {
		return true
	}
	if old.user != user {
		return false
	}
	g.drop(who)
	return true
}

// drop takes out an announcement. The caller holds mu.
func (g *registry) drop(who announcer) {
	g.bytes -= len(g.known[who].Body)
	delete(g.known, who)
	g.raise()
}

// expire takes out what was not repeated in time.
func (g *registry) expire(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for who, h := range g.known {
		if now.After(h.until) {
			g.drop(who)
		}
	}
}

// renew gives everybody time to repeat what they announced: while there was no
// connection nobody could.
func (g *registry) renew(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, h := range g.known {
		h.until = now.Add(h.TTL)
	}
	for _, a := range g.own {
		a.due = now
	}
}

func (g *registry) ask() {
	g.mu.Lock()
	g.asked = true
	g.mu.Unlock()
	g.notify()
}

func (g *registry) endRound() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.round {
		g.round = true
		g.raise()
	}
}

// add begins to announce a.
func (g *registry) add(a *announcing) {
	g.mu.Lock()
	g.own = append(g.own, a)
	g.mu.Unlock()
	g.notify()
}

// withdraw ends announcing a.
func (g *registry) withdraw(a *announcing) {
	g.mu.Lock()
	g.own = slices.DeleteFunc(g.own, func(o *announcing) bool { return o == a })
	g.leaving = append(g.leaving, a)
	g.mu.Unlock()
	g.notify()
}

// due returns what has to be sent now: withdrawals first, so that what replaces
// them comes after.
func (g *registry) due(now time.Time) (leaving, repeats []*announcing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	leaving, g.leaving = g.leaving, nil
	answer := g.asked && now.Sub(g.told) >= announceTick
	if answer {
		g.asked, g.told = false, now
	}
	for _, a := range g.own {
		if answer || !now.Before(a.due) {
			a.due = now.Add(a.TTL / 3)
			repeats = append(repeats, a)
		}
	}
	return leaving, repeats
}

// again has a sent once more: it did not get out.
func (g *registry) again(a *announcing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a.due = time.Time{}
}

func (g *registry) notify() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// raise wakes the watchers. The caller holds mu.
func (g *registry) raise() {
	g.version++
	close(g.changed)
	g.changed = make(chan struct{})
}

// all returns copies of what is known, oldest first, once the first round is
// over.
func (g *registry) all() (all []transport.Announcement, version uint64, ok bool, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all = make([]transport.Announcement, 0, len(g.known))
	for _, h := range g.known {
		a := h.Announcement
		a.Body = bytes.Clone(a.Body)
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b transport.Announcement) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Bot, b.Bot), cmp.Compare(a.Instance, b.Instance))
	})
	return all, g.version, g.round, g.changed
}
