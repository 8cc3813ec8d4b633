package chat

import (
	"sync"
	"time"
)

const (
	marksEvery = time.Second
	maxMarks   = 10_000 // waiting; beyond it markers are stored at once
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
				}
				cancel()
			}
			if stop {
				return
			}
		}
	}
}
