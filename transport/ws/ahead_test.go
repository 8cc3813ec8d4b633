package ws

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// However the bytes of many frames arrive, short and long ones and a few pings,
// each is served once, in order, whole.
func TestFramesInAnyPieces(t *testing.T) {
	for _, poll := range []bool{false, true} {
		t.Run(fmt.Sprint("poll=", poll), func(t *testing.T) {
			s := start(t, nil, &Options{Poll: poll})
			room := &listeningRoom{}
			s.h.hub = listeningHub{s.node, room}
			c, br := s.session(t)

			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, 0))
			var stream []byte
			var want []string
			for i := range 600 {
				n := []int{1, 30, 119, 256, len(ahead{}) - 60, len(ahead{}), 3 * len(ahead{})}[r.IntN(7)]
				want = append(want, fmt.Sprint(i, " ", strings.Repeat("x", n)))
				stream = append(stream, text(fmt.Sprintf(`{"type":"message","id":"%s","room":"Zk3vJ8sLq2","text":"%s"}`, chat.NewID(), want[i]))...)
				if i%60 == 0 {
					stream = append(stream, raw(0x89, []byte("are you there?"))...)
				}
			}
			go func() {
				for len(stream) > 0 {
					n := min(len(stream), 1+r.IntN([]int{2, 300, 3 * len(ahead{}), 50_000}[r.IntN(4)]))
					if _, err := c.Write(stream[:n]); err != nil {
						return
					}
					stream = stream[n:]
				}
			}()
			for replies := 0; replies < len(want); {
				op, b, err := readFrame(br)
				require.NoError(t, err)
				if op == 1 {
					require.Contains(t, string(b), `"type":"ok"`)
					replies++
				}
			}
			room.mu.Lock()
			defer room.mu.Unlock()
			require.Equal(t, want, room.texts)
		})
	}
}

// listeningHub has one room, which keeps the texts that it gets.
type listeningHub struct {
	chat.Hub
	room *listeningRoom
}

func (h listeningHub) Room(context.Context, chat.UserID, chat.RoomID) (chat.Room, error) {
	return h.room, nil
}

type listeningRoom struct {
	chat.Room
	mu    sync.Mutex
	texts []string
}

func (r *listeningRoom) Post(_ context.Context, _ chat.UserID, d chat.Draft) (chat.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, d.Text)
	return chat.Receipt{Event: chat.Event{Seq: 1}}, nil
}
