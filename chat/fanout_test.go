package chat_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// members returns a room with sessions that count what they are handed.
func members(tb testing.TB, n *chat.Node, count int) (chat.Room, []*chat.Session) {
	tb.Helper()
	ctx := tb.Context()
	sessions := make([]*chat.Session, count)
	for i := range sessions {
		p := as("u" + strconv.Itoa(i))
		s, err := n.Connect(ctx, p, &chat.SessionOptions{Wake: func() {}})
		if err != nil {
			tb.Fatal(err)
		}
		sessions[i] = s
	}
	r, err := n.CreateRoom(ctx, "u0", chat.NewRoom{ID: chat.NewID(), Name: "Bench"})
	if err != nil {
		tb.Fatal(err)
	}
	for i := 1; i < count; i++ {
		if _, err := r.Change(ctx, chat.UserID("u"+strconv.Itoa(i)), chat.Change{ID: chat.NewID(), Kind: chat.Join}); err != nil {
			tb.Fatal(err)
		}
	}
	drainAll(sessions)
	return r, sessions
}

func drainAll(sessions []*chat.Session) {
	buf := make([]*chat.Delivery, 0, 4096)
	for _, s := range sessions {
		for len(s.Take(buf[:0], 1<<30)) > 0 {
		}
	}
}

const benchText = "a message of usual length, neither short nor long"

// What a message costs does not grow with those who get it: its row in the
// store and one delivery that all sessions share.
func TestPostAllocatesOncePerMessage(t *testing.T) {
	for _, count := range []int{1, 100} {
		t.Run(fmt.Sprint("sessions=", count), func(t *testing.T) {
			n := newNode(t, nil)
			r, sessions := members(t, n, count)
			buf := make([]*chat.Delivery, 0, 16)
			ids := make([]string, 1100)
			for i := range ids {
				ids[i] = chat.NewID()
			}
			i := 0
			allocs := testing.AllocsPerRun(1000, func() {
				_, err := r.Post(t.Context(), "u0", chat.Draft{ID: ids[i], Text: benchText})
				require.NoError(t, err)
				i++
				for _, s := range sessions {
					for len(s.Take(buf[:0], 1<<20)) > 0 {
					}
				}
			})
			require.LessOrEqual(t, allocs, 4.0)
		})
	}
}
