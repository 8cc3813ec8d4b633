//go:build unix

package sqlite

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/storetest"
)

// appendMany stores n messages from 64 writers and returns the CPU time of each.
func appendMany(b *testing.B, s *Store, n int64) time.Duration {
	before := storetest.CPU()
	storetest.Append(b, s, 64, n)
	return (storetest.CPU() - before) / time.Duration(n)
}

func benchStore(b *testing.B, o *Options) *Store {
	s, _ := fresh(b, o)
	storetest.MakeLoad(b, s)
	return s
}

// What group commit is worth: the same durable appends by the same 64 writers,
// in one run, with batches and without.
func BenchmarkGroupCommit(b *testing.B) {
	grouped := benchStore(b, nil)
	single := benchStore(b, &Options{BatchLimit: 1})
	var a, c time.Duration
	rounds := 0
	for b.Loop() {
		// In turns, so that what else the machine does meets both.
		a += appendMany(b, grouped, 4000)
		c += appendMany(b, single, 400)
		rounds++
	}
	b.ReportMetric(float64(a.Nanoseconds())/float64(rounds)/1000, "grouped-µs-cpu/msg")
	b.ReportMetric(float64(c.Nanoseconds())/float64(rounds)/1000, "single-µs-cpu/msg")
	b.ReportMetric(float64(c)/float64(a), "ratio")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkAppend64Writers(b *testing.B) {
	s := benchStore(b, nil)
	b.ReportAllocs()
	b.ResetTimer()
	per := appendMany(b, s, int64(b.N))
	b.ReportMetric(float64(per.Nanoseconds())/1000, "µs-cpu/op")
}

func BenchmarkPageOf50(b *testing.B) {
	s := benchStore(b, nil)
	const n = 100_000
	appendMany(b, s, n)
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
	appendMany(b, s, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		in, err := s.Inbox(b.Context(), "ann")
		if err != nil || len(in.Rooms) != 100 {
			b.Fatal(len(in.Rooms), err)
		}
	}
}

func BenchmarkHeadsOf1000(b *testing.B) {
	s, _ := fresh(b, nil)
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
