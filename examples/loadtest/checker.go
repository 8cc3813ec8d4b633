package main

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/internal/histogram"
)

// checker knows what was posted and what came, and judges it. A session's part
// of it is in its places; what is here is common to all sessions.
type checker struct {
	prefix string    // of the ids of this run's messages
	began  time.Time // of the run; times are counted from it
	msgs   []message // of this run, by number

	mu    sync.RWMutex
	rooms map[string]*room

	deliveries                         atomic.Int64 // of all events
	lost, repeated, reordered, clashes atomic.Int64
	missing                            atomic.Int64 // events that others came before, and that have not come
	gapped                             atomic.Int64 // events that the server said it leaves out
	latency, stored                    histogram.Histogram

	examplesMu sync.Mutex
	examples   []string
}

// message is one that this run has posted.
type message struct {
	room *room        // set before it is posted
	due  atomic.Int64 // when it was to be sent, ns since the beginning
	seq  atomic.Int64 // in its room, once that is known
}

// room is what all sessions together know of a room.
type room struct {
	id   string
	head atomic.Int64 // the newest event that anybody has seen, or was told of

	mu   sync.RWMutex
	base int64    // seq of the first of events
	log  []uint64 // a hash of the id of each event, 0: not known
}

// maxExamples is how many violations are described.
const maxExamples = 10

var seed = maphash.MakeSeed()

func (c *checker) room(id []byte) *room {
	c.mu.RLock()
	r := c.rooms[string(id)]
	c.mu.RUnlock()
	if r != nil {
		return r
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r = c.rooms[string(id)]; r == nil {
		r = &room{id: string(id)}
		c.rooms[r.id] = r
	}
	return r
}

// raise makes v the value of m, unless it is more.
func raise(m *atomic.Int64, v int64) {
	for old := m.Load(); old < v; old = m.Load() {
		if m.CompareAndSwap(old, v) {
			return
		}
	}
}

// agree reports whether everybody has seen the same event at seq. It remembers
// the first.
func (r *room) agree(seq int64, id []byte) bool {
	h := maphash.Bytes(seed, id) | 1
	r.mu.RLock()
	if i := seq - r.base; i >= 0 && i < int64(len(r.log)) && r.log[i] != 0 {
		same := r.log[i] == h
		r.mu.RUnlock()
		return same
	}
	r.mu.RUnlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.log) == 0 {
		r.base = seq
	}
	if seq < r.base { // of before the run, which nobody will ask for again
		return true
	}
	for int64(len(r.log)) <= seq-r.base {
		r.log = append(r.log, 0)
	}
	old := &r.log[seq-r.base]
	if *old == 0 {
		*old = h
	}
	return *old == h
}

// violation counts one of n and describes it.
func (c *checker) violation(n *atomic.Int64, by int64, format string, args ...any) {
	n.Add(by)
	c.examplesMu.Lock()
	defer c.examplesMu.Unlock()
	if len(c.examples) < maxExamples {
		c.examples = append(c.examples, fmt.Sprintf(format, args...))
	}
}

// violations is how many there are.
func (c *checker) violations() int64 {
	return c.lost.Load() + c.repeated.Load() + c.reordered.Load() + c.clashes.Load()
}

// place is where a session stands in a room.
type place struct {
	room *room
	last int64
	// What was jumped over and has not come since, in ascending order.
	missing []span
}

// span is from first to last.
type span struct{ first, last int64 }

// maxMissing is how many spans a place keeps; more are lost for good.
const maxMissing = 1000

// came judges an event of the room and reports whether it is the first time
// that the session sees it.
func (c *checker) came(who int, p *place, f *frame, joined bool) bool {
	c.deliveries.Add(1)
	raise(&p.room.head, f.seq)
	first := true
	switch {
	case f.seq == p.last+1 || joined && f.seq > p.last:
		p.last = f.seq
	case f.seq > p.last:
		c.missing.Add(f.seq - p.last - 1)
		if len(p.missing) < maxMissing {
			p.missing = append(p.missing, span{p.last + 1, f.seq - 1})
		} else {
			c.violation(&c.lost, f.seq-p.last-1, "session %d, room %s: too much is missing", who, p.room.id)
		}
		p.last = f.seq
	case p.take(f.seq):
		c.missing.Add(-1)
		c.violation(&c.reordered, 1, "session %d, room %s: %d came after %d", who, p.room.id, f.seq, p.last)
	default:
		first = false
		c.violation(&c.repeated, 1, "session %d, room %s: %d came again after %d", who, p.room.id, f.seq, p.last)
	}
	if !p.room.agree(f.seq, f.id) {
		c.violation(&c.clashes, 1, "session %d, room %s: %d is %s, and another event for other sessions", who, p.room.id, f.seq, f.id)
	}
	return first
}

// take takes seq off what is missing, and reports whether it was.
func (p *place) take(seq int64) bool {
	for i, s := range p.missing {
		if seq < s.first || seq > s.last {
			continue
		}
		var rest []span
		if s.first < seq {
			rest = append(rest, span{s.first, seq - 1})
		}
		if seq < s.last {
			rest = append(rest, span{seq + 1, s.last})
		}
		p.missing = slices.Replace(p.missing, i, i+1, rest...)
		return true
	}
	return false
}

// number returns which message of this run has the id.
func (c *checker) number(id []byte) (n int, ours bool) {
	if len(id) != len(c.prefix)+8 || string(id[:len(c.prefix)]) != c.prefix {
		return 0, false
	}
	for _, b := range id[len(c.prefix):] {
		d := strings.IndexByte("0123456789abcdef", b)
		if d < 0 {
			return 0, false
		}
		n = n<<4 | d
	}
	return n, n >= 0 && n < len(c.msgs)
}

// id is the id of message n.
func (c *checker) id(n int) string { return fmt.Sprintf("%s%08x", c.prefix, n) }

// at says that message n has this seq: the same for all who hear of it, or it
// was stored twice.
func (c *checker) at(n int, seq int64) {
	m := &c.msgs[n]
	if !m.seq.CompareAndSwap(0, seq) && m.seq.Load() != seq {
		c.violation(&c.clashes, 1, "message %s is at %d and at %d", c.id(n), m.seq.Load(), seq)
	}
}

// late is how long it is since message n was due.
func (c *checker) late(n int, now time.Time) time.Duration {
	return now.Sub(c.began) - time.Duration(c.msgs[n].due.Load())
}

// end judges what has not come to a session until the end.
func (c *checker) end(who int, p *place) {
	var n int64
	for _, s := range p.missing {
		n += s.last - s.first + 1
	}
	if head := p.room.head.Load(); head > p.last {
		n += head - p.last
	}
	if n > 0 {
		c.violation(&c.lost, n, "session %d, room %s: %d of the events up to %d did not come", who, p.room.id, n, p.room.head.Load())
	}
}
