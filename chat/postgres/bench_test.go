//go:build unix

package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/storetest"
)

// cost is what messages have taken.
type cost struct {
	client, server, wall time.Duration
	messages             int64
}

func (c *cost) add(o cost) {
	c.client += o.client
	c.server += o.server
	c.wall += o.wall
	c.messages += o.messages
}

func (c cost) perMessage() float64 {
	return float64((c.client + c.server).Nanoseconds()) / float64(c.messages) / 1000
}

func (c cost) String() string {
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(c.messages) / 1000 }
	return fmt.Sprintf("%.1f µs client + %.1f µs server, %.0f/s", us(c.client), us(c.server), float64(c.messages)/c.wall.Seconds())
}

// measure returns what f has taken, which stores n messages.
func measure(b *testing.B, n int64, f func()) cost {
	server := pgtest.Private(b)
	client, served, begin := storetest.CPU(), server.CPU(b), time.Now()
	f()
	return cost{storetest.CPU() - client, server.CPU(b) - served, time.Since(begin), n}
}

func appendMany(b *testing.B, s *Store, writers int, n int64) cost {
	return measure(b, n, func() { storetest.Append(b, s, writers, n) })
}

func benchStore(b *testing.B, o *Options) *Store {
	s := reopen(b, pgtest.Private(b).New(b), o)
	storetest.MakeLoad(b, s)
	return s
}

// What group commit is worth: the same durable appends by the same 512 writers,
// in one run, with batches and without.
func BenchmarkGroupCommit(b *testing.B) {
	grouped := benchStore(b, nil)
	single := benchStore(b, &Options{BatchLimit: 1})
	var with, without cost
	appendMany(b, grouped, 512, 2000) // statements are prepared
	for b.Loop() {
		// In turns, so that what else the machine does meets both.
		with.add(appendMany(b, grouped, 512, 20_000))
		without.add(appendMany(b, single, 512, 2000))
	}
	b.Logf("grouped: %v; one by one: %v", with, without)
	b.ReportMetric(with.perMessage(), "grouped-µs-cpu/msg")
	b.ReportMetric(without.perMessage(), "single-µs-cpu/msg")
	b.ReportMetric(without.perMessage()/with.perMessage(), "ratio")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprint(writers, "-writers"), func(b *testing.B) {
			s := benchStore(b, nil)
			appendMany(b, s, writers, 200)
			b.ReportAllocs()
			b.ResetTimer()
			c := appendMany(b, s, writers, int64(b.N))
			b.ReportMetric(c.perMessage(), "µs-cpu/op")
		})
	}
}

func BenchmarkPageOf50(b *testing.B) {
	s := benchStore(b, nil)
	appendMany(b, s, 64, 100_000)
	require.NoError(b, s.query(b.Context(), func(*row) {}, `ANALYZE`))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		p, err := s.Page(b.Context(), "ann", chat.RoomID(fmt.Sprint("room-", i%100)), chat.Range{Before: chat.Seq(100 + i%800)})
		i++
		if err != nil || len(p.Events) != 50 {
			b.Fatal(len(p.Events), err)
		}
	}
}

func BenchmarkInboxOf100(b *testing.B) {
	s := benchStore(b, nil)
	appendMany(b, s, 64, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		in, err := s.Inbox(b.Context(), "ann")
		if err != nil || len(in.Rooms) != 100 {
			b.Fatal(len(in.Rooms), err)
		}
	}
}

func BenchmarkHeadsOf1000(b *testing.B) {
	s := benchStore(b, nil)
	var ids []chat.RoomID
	for i := range 1000 {
		id := chat.RoomID(fmt.Sprintf("room-with-a-long-id-%d", i))
		ids = append(ids, id)
		_, err := s.CreateRoom(b.Context(), chat.RoomWrite{Room: id, By: ann, ID: string(id), Kind: chat.Private})
		require.NoError(b, err)
	}
	b.ReportAllocs()
	for b.Loop() {
		heads, err := s.Heads(b.Context(), ids)
		if err != nil || len(heads) != 1000 {
			b.Fatal(len(heads), err)
		}
	}
}
