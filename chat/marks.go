package chat

import (
	"context"
	"sync"
	"time"
)

const (
	marksEvery = time.Second
	maxMarks   = 10_000 // waiting; beyond it markers are stored at once

	// readersTold is how many live sessions a room may have for all of them to
	// be told who has read what: each message may be read by each of them.
	readersTold = 20
)

// marks collects read markers, so that reading along costs one small write a
// second. What a crash loses of them is harmless.
type marks struct {
	mu   sync.Mutex
	at   map[markKey]Seq
	full chan struct{}
}

type markKey struct {
	room RoomID
	user UserID
}

func (m *marks) add(r ReadMark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := markKey{r.Room, r.User}
	m.at[k] = max(m.at[k], r.Seq)
	if len(m.at) >= maxMarks {
		select {
		case m.full <- struct{}{}:
		default:
		}
	}
}

func (m *marks) take() []ReadMark {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]ReadMark, 0, len(m.at))
	for k, seq := range m.at {
		out = append(out, ReadMark{Room: k.room, User: k.user, Seq: seq})
	}
	clear(m.at)
	return out
}

// tellRead tells who may want to know of markers that were stored.
func (n *Node) tellRead(ctx context.Context, rs []ReadMark) {
	for _, m := range rs {
		u, err := n.user(ctx, m.User)
		if err != nil {
			continue // a notice less
		}
		notice := &Notice{Kind: Read, In: m.Room, User: &u, Seq: m.Seq}
		n.showRead(notice)
		if n.broker != nil {
			n.enqueue(published{notice: &noticeTo{Users: []UserID{u.ID}, Notice: *notice}})
		}
	}
}

// showRead tells the user's own sessions here, and others in the room if they
// are few, how far a user has read.
func (n *Node) showRead(notice *Notice) {
	n.tellLocal([]UserID{notice.User.ID}, notice)
	r := n.hosted(notice.In)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.subs) <= readersTold {
		r.tell(notice, notice.User.ID)
	}
}

func (m *marks) loop(n *Node) func() {
	m.at, m.full = map[markKey]Seq{}, make(chan struct{}, 1)
	return func() {
		tick := time.NewTicker(marksEvery)
		defer tick.Stop()
		for {
			stop := false
			select {
			case <-tick.C:
			case <-m.full:
			case <-n.stop:
				stop = true
			}
			if rs := m.take(); len(rs) > 0 {
				ctx, cancel := n.timeout()
				if err := n.store.MarkRead(ctx, rs); err != nil {
					n.log.Warn("chat: store read markers", "err", err)
				} else {
					n.tellRead(ctx, rs)
				}
				cancel()
			}
			if stop {
				return
			}
		}
	}
}
