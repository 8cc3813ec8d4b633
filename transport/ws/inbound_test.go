//go:build !race

package ws

import (
	"bytes"
	"context"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// An inbound message costs 4 allocations from the socket to the hub, those of
// its request and of the strings in that, and 2 for its reply. (The race
// detector allocates for itself.)
func TestInboundAllocations(t *testing.T) {
	const frames, each = 4096, 64
	const request, reply = 4, 2
	frame := text(`{"type":"message","id":"9Yw2kU5mR0a1nXb3cQ4dEf","room":"Zk3vJ8sLq2","text":"how is it going?"}`)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		if _, fine := quick(frame[6:]); !fine {
			t.Error("the frame is no longer read the quick way")
		}
	}), float64(request))
	for _, poll := range []bool{false, true} {
		s := start(t, nil, &Options{Poll: poll})
		room := &countingRoom{}
		s.h.hub = countingHub{s.node, room}
		c, br := s.session(t)
		chunk := bytes.Repeat(frame, each)
		var got [4 << 10]byte // readFrame would allocate
		round := func(n int) {
			for range n / each {
				_, err := c.Write(chunk)
				require.NoError(t, err)
				for left := each; left > 0; {
					n, err := br.Read(got[:])
					require.NoError(t, err)
					left -= bytes.Count(got[:n], []byte(`"re":"`))
				}
			}
		}
		round(each) // pools fill, and the room is looked for
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		round(frames)
		runtime.ReadMemStats(&after)
		require.EqualValues(t, frames+each, room.got.Load())
		const now = 0.5 // what is made now and then, for many frames
		require.LessOrEqual(t, float64(after.Mallocs-before.Mallocs)/frames, request+reply+now, "poll=%v", poll)
	}
}

// countingHub has one room, in which nothing is stored.
type countingHub struct {
	chat.Hub
	room *countingRoom
}

func (h countingHub) Room(context.Context, chat.UserID, chat.RoomID) (chat.Room, error) {
	return h.room, nil
}

type countingRoom struct {
	chat.Room
	got atomic.Int64
}

func (r *countingRoom) Post(context.Context, chat.UserID, chat.Draft) (chat.Receipt, error) {
	r.got.Add(1)
	return chat.Receipt{Event: chat.Event{Seq: 1}}, nil
}
