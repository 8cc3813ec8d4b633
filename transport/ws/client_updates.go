package ws

import (
	"context"
	"iter"
	"sync"

	"github.com/carlware/gochat/chat"
)

// Update is one thing that [Client.Events] delivers. Exactly one of its pointers
// is set.
type Update struct {
	// Welcome begins each connection, before its events.
	Welcome *Welcome
	// Event is the next event of a room.
	Event *chat.Event
	// Gap: events of a room that will not be delivered; read them with
	// [Client.History], if they matter.
	Gap *chat.Gap
	// Notice is something that need not survive.
	Notice *chat.Notice
	// Outcome is how a command ended that this user gave, on this or another
	// connection. Equal repeats are possible.
	Outcome *chat.Outcome
}

// Welcome is what a connection begins with: who the user is and where the
// user's rooms stand.
type Welcome struct {
	chat.Welcome
	// More: the list of rooms is not complete. [Client.Rooms] goes on after
	// the last one.
	More bool
}

// Events returns what happens, beginning with the welcome of the first
// connection: of each room in the order of Seq, each event once, however often
// the connection breaks. It waits until ctx ends or the client stops, and yields
// the error of ctx or of [Client.Err] last. It may be ranged over again, and
// goes on where it was, but not by two at once: the second gets
// [ErrIterating]. The loop may call all methods of the client.
//
// What is not received yet is kept, up to 8,192 updates or 8 MiB. Then events are
// dropped in favour of one [chat.Gap] for each room, notices and outcomes
// altogether; the connection never waits for the loop. So a client that only
// posts need not call Events.
func (c *Client) Events(ctx context.Context) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		if !c.updates.receiver.TryLock() {
			yield(Update{}, ErrIterating)
			return
		}
		defer c.updates.receiver.Unlock()
		for {
			u, err := c.updates.next(ctx)
			if !yield(u, err) || err != nil {
				return
			}
		}
	}
}

const (
	maxUpdates     = 8192
	maxUpdateBytes = 8 << 20
)

// updates is the queue between the connection and the loop of Events.
type updates struct {
	receiver sync.Mutex // held by the loop

	mu    sync.Mutex
	queue []queued
	bytes int
	err   error // after the queue
	ready chan struct{}
}

type queued struct {
	Update
	size int
}

func (q *updates) init() { q.ready = make(chan struct{}, 1) }

func (q *updates) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

func (q *updates) push(u Update, size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue = append(q.queue, queued{u, size})
	q.bytes += size
	if len(q.queue) > maxUpdates || q.bytes > maxUpdateBytes {
		q.collapse()
	}
	q.signal()
}

// collapse replaces what waits by one gap for each room, behind the newest
// welcome.
func (q *updates) collapse() {
	var kept []queued
	gaps := map[chat.RoomID]*chat.Gap{}
	add := func(g chat.Gap) {
		if old := gaps[g.Room]; old != nil {
			g.After, g.Reset = min(g.After, old.After), g.Reset || old.Reset
			g.Floor = max(g.Floor, old.Floor)
			*old = g
			return
		}
		gaps[g.Room] = &g
		kept = append(kept, queued{Update{Gap: &g}, 0})
	}
	var welcome []queued
	for _, u := range q.queue {
		switch {
		case u.Welcome != nil:
			welcome = []queued{u}
		case u.Event != nil:
			add(chat.Gap{Room: u.Event.Room, After: u.Event.Seq - 1, Head: u.Event.Seq})
		case u.Gap != nil:
			add(*u.Gap)
		}
	}
	q.queue = append(welcome, kept...)
	q.bytes = 0
	for _, u := range q.queue {
		q.bytes += u.size
	}
}

// end lets the loop stop after what it still has.
func (q *updates) end(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.err = err
	q.signal()
}

func (q *updates) next(ctx context.Context) (Update, error) {
	for {
		q.mu.Lock()
		if len(q.queue) > 0 {
			u := q.queue[0]
			q.queue[0] = queued{}
			q.queue = q.queue[1:]
			q.bytes -= u.size
			q.mu.Unlock()
			return u.Update, nil
		}
		err := q.err
		q.mu.Unlock()
		if err != nil {
			return Update{}, err
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return Update{}, ctx.Err()
		}
	}
}
