//go:build unix

package sqlite

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// cpu is the time that this process has spent, in user and in kernel mode.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// appendMany stores n messages of 200 bytes from 64 writers in 100 rooms and
// returns the CPU time of each.
func appendMany(b *testing.B, s *Store, n int64) time.Duration {
	var next atomic.Int64
	var wg sync.WaitGroup
	text := strings.Repeat("0123456789", 20)
	before := cpu()
	for range 64 {
		wg.Go(func() {
			for {
				i := next.Add(1)
				if i > n {
					return
				}
				w := message(chat.RoomID(fmt.Sprint("room-", i%100)), ann, random())
				w.Text = text
				if _, err := s.Append(b.Context(), w); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return (cpu() - before) / time.Duration(n)
}

func benchStore(b *testing.B, o *Options) *Store {
	s, _ := fresh(b, o)
	for i := range 100 {
		makeRoom(b, s, chat.RoomID(fmt.Sprint("room-", i)), ann)
	}
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
