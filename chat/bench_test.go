package chat_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/carlware/gochat/chat"
)

func benchNode(b *testing.B) *chat.Node {
	b.Helper()
	n, err := chat.New(&chat.Options{Logger: quiet, Limits: chat.Limits{
		SessionBytes: 1 << 20, Messages: chat.Unlimited, Joins: chat.Unlimited,
	}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { n.Shutdown(context.Background()) })
	return n
}

// members returns a room with sessions that count what they are handed.
func members(b *testing.B, n *chat.Node, count int) (chat.Room, []*chat.Session) {
	b.Helper()
	ctx := b.Context()
	sessions := make([]*chat.Session, count)
	for i := range sessions {
		p := as("u" + strconv.Itoa(i))
		s, err := n.Connect(ctx, p, &chat.SessionOptions{Wake: func() {}})
		if err != nil {
			b.Fatal(err)
		}
		sessions[i] = s
	}
	r, err := n.CreateRoom(ctx, "u0", chat.NewRoom{ID: chat.NewID(), Name: "Bench"})
	if err != nil {
		b.Fatal(err)
	}
	for i := 1; i < count; i++ {
		if _, err := r.Change(ctx, chat.UserID("u"+strconv.Itoa(i)), chat.Change{ID: chat.NewID(), Kind: chat.Join}); err != nil {
			b.Fatal(err)
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

// BenchmarkPost is the whole way of a message in memory, from Room.Post to the
// queues of so many sessions.
//
//	go test -run '^$' -bench Post ./chat
func BenchmarkPost(b *testing.B) {
	for _, count := range []int{1, 1000} {
		b.Run(fmt.Sprint("sessions=", count), func(b *testing.B) {
			n := benchNode(b)
			r, sessions := members(b, n, count)
			ctx := context.Background()
			ids := make([]string, 1024)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if i%len(ids) == 0 {
					b.StopTimer()
					drainAll(sessions)
					for j := range ids {
						ids[j] = chat.NewID()
					}
					b.StartTimer()
				}
				if _, err := r.Post(ctx, "u0", chat.Draft{ID: ids[i%len(ids)], Text: "a message of usual length, neither short nor long"}); err != nil {
					b.Fatal(err)
				}
				i++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(count), "ns/delivery")
		})
	}
}
