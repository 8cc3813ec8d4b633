package chat_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	broker "github.com/carlware/gochat/transport/memory"
)

// told collects what one node's Committed hook is told.
type told struct {
	mu     sync.Mutex
	events []chat.Event
}

func (c *told) hook(e chat.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
}

// However a node learns of an event, by its own commit, from the other node or
// from the log, only the one that has committed it tells its hook, once.
func TestCommittedIsToldOnceOnAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		ba := broker.New(nil)
		bb := ba.Connect()
		t.Cleanup(func() { ba.Close(); bb.Close() })
		var ha, hb told
		a := newNode(t, &chat.Options{Store: s.connect(), Broker: ba, Committed: ha.hook})
		b := newNode(t, &chat.Options{Store: s.connect(), Broker: bb, Committed: hb.hook})
		ana, bob := connect(t, a, "ana", nil), connect(t, b, "bob", nil)
		ra, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		rb, err := b.Room(t.Context(), "bob", id)
		require.NoError(t, err)
		both := func(what string) {
			errs := make(chan error, 2)
			for node, r := range map[string]chat.Room{"a": ra, "b": rb} {
				go func() {
					for i := range 20 {
						d := chat.Draft{ID: chat.NewID(), Text: fmt.Sprint(node, " ", what, " ", i)}
						by := chat.UserID(map[string]string{"a": "ana", "b": "bob"}[node])
						first, err := r.Post(context.Background(), by, d)
						if err == nil && i == 0 { // a resend is no commit
							_, err = r.Post(context.Background(), by, d)
						}
						if err != nil {
							errs <- fmt.Errorf("%s %d: %w", d.Text, first.Event.Seq, err)
							return
						}
					}
					errs <- nil
				}()
			}
			require.NoError(t, <-errs)
			require.NoError(t, <-errs)
		}
		both("told") // 4 to 43
		require.Len(t, seqs(t, bob, id, 2), 41)
		epoch := ana.Welcome().Epoch
		ana.Close()

		ba.Disconnect(nil)
		bb.Disconnect(nil)
		both("lost")
		time.Sleep(5 * time.Second)
		require.Len(t, seqs(t, bob, id, 43), 40, "found by the sweep")
		ba.Reconnect()
		bb.Reconnect()
		ana = connect(t, a, "ana", &chat.SessionOptions{Epoch: epoch, Rooms: map[chat.RoomID]chat.Seq{id: 3}})
		require.Len(t, seqs(t, ana, id, 3), 80, "caught up from the log")
		time.Sleep(5 * time.Second)

		page, err := ra.History(t.Context(), "ana", chat.Range{Limit: 200})
		require.NoError(t, err)
		require.Len(t, page.Events, 83)
		synctest.Wait()
		times := map[chat.Seq]int{}
		for node, h := range map[string]*told{"a ": &ha, "b ": &hb} {
			last := chat.Seq(0)
			for _, e := range h.events {
				times[e.Seq]++
				require.Greater(t, e.Seq, last, "in the order of the room")
				last = e.Seq
				if e.Kind == chat.Message {
					require.True(t, strings.HasPrefix(e.Text, node), "%s was told of %q", node, e.Text)
				}
			}
		}
		for _, e := range page.Events {
			require.Equal(t, 1, times[e.Seq], "event %d", e.Seq)
		}
		require.Len(t, times, len(page.Events))
	})
}
