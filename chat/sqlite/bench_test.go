//go:build unix

package sqlite

import (
	"strings"
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
//
//	go test -run '^$' -bench GroupCommit ./chat/sqlite
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

// The same through a node, to people who are connected. The budget is a ratio of
// 4 or more.
//
//	go test -run '^$' -bench PostThroughHub ./chat/sqlite
func BenchmarkPostThroughHub(b *testing.B) {
	const people = 64
	hub := func(o *Options) *storetest.Hub {
		s, _ := fresh(b, o)
		return storetest.NewHub(b, s, people)
	}
	grouped, single := hub(nil), hub(&Options{BatchLimit: 1})
	var with, without time.Duration
	for b.Loop() {
		before := storetest.CPU()
		storetest.PostMany(b, grouped, people, 4000)
		between := storetest.CPU()
		storetest.PostMany(b, single, people, 400)
		with, without = with+(between-before)/4000, without+(storetest.CPU()-between)/400
	}
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(b.N) / 1000 }
	b.ReportMetric(us(with), "grouped-µs-cpu/msg")
	b.ReportMetric(us(without), "single-µs-cpu/msg")
	b.ReportMetric(us(without)/us(with), "ratio")
	b.ReportMetric(0, "ns/op")
}

// What the node adds to the time that somebody waits for a commit. The budget is
// 10 %.
//
//	go test -run '^$' -bench AddedLatency -benchtime 3s ./chat/sqlite
func BenchmarkAddedLatency(b *testing.B) {
	s, _ := fresh(b, nil)
	storetest.AddedLatency(b, s)
}

// What it takes to look every two seconds whether anything was missed in 10,000
// rooms. The budget is 1 % of a core.
//
//	go test -run '^$' -bench Sweep -benchtime 3x ./chat/sqlite
func BenchmarkSweep(b *testing.B) {
	s, _ := fresh(b, nil)
	storetest.Sweep(b, s, nil, nobody)
}

// A page of history among a million messages, beside the same read by OFFSET,
// in turns. The budget is 100 µs of CPU.
//
//	go test -run '^$' -bench PageAmongMillion -benchtime 20000x ./chat/sqlite
func BenchmarkPageAmongMillion(b *testing.B) {
	s := benchStore(b, nil)
	const perRoom = 10_000
	for i := range perRoom / 10 {
		_, err := submit(b.Context(), s, "fill", 1, 0, func(w *writer) (int, error) {
			for j := range 10 * storetest.LoadRooms {
				in := message(storetest.LoadRoom(j), storetest.LoadUser(i+j), chat.NewID())
				in.Text = strings.Repeat("0123456789", 20)
				if _, err := w.append(&in); err != nil {
					return 0, err
				}
			}
			return 0, nil
		})
		require.NoError(b, err)
	}
	var pages, naive time.Duration
	n := 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		room, before := storetest.LoadRoom(i*7), chat.Seq(100+i*311%(perRoom-100))
		begin := storetest.CPU()
		p, err := s.Page(b.Context(), "ann", room, chat.Range{Before: before})
		pages += storetest.CPU() - begin
		if err != nil || len(p.Events) != 50 {
			b.Fatal(len(p.Events), err)
		}
		if i%100 == 0 {
			begin = storetest.CPU()
			_, err = view(b.Context(), s, "naive", func(c *conn) (int, error) {
				var events []chat.Event
				return 0, c.query(func(r *row) error {
					e, err := r.whole(room)
					events = append(events, e)
					return err
				}, `SELECT `+eventColumns+`, `+restColumns+` FROM `+eventTables+restTables+`
					WHERE e.key BETWEEN (SELECT no FROM {p}rooms WHERE id = ?1) << 40 AND ((SELECT no FROM {p}rooms WHERE id = ?1) + 1) << 40
					ORDER BY e.key DESC LIMIT 50 OFFSET ?2`, room, perRoom+2-before)
			})
			naive += storetest.CPU() - begin
			n++
			require.NoError(b, err)
		}
	}
	us := func(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / float64(n) / 1000 }
	b.ReportMetric(us(pages, b.N), "page-µs-cpu")
	b.ReportMetric(us(naive, n), "offset-µs-cpu")
	b.ReportMetric(us(naive, n)/us(pages, b.N), "ratio")
	b.ReportMetric(0, "ns/op")
}

// All rooms of a user who has a thousand, in one query and in one for each.
//
//	go test -run '^$' -bench Inbox -benchtime 5x ./chat/sqlite
func BenchmarkInbox(b *testing.B) {
	s, _ := fresh(b, nil)
	storetest.Inbox(b, s, nobody)
}

// The heads of a thousand rooms, in one query and in one for each.
//
//	go test -run '^$' -bench Heads -benchtime 5x ./chat/sqlite
func BenchmarkHeads(b *testing.B) {
	s, _ := fresh(b, nil)
	storetest.Heads(b, s, nobody)
}

// nobody else works for this store.
func nobody() time.Duration { return 0 }
