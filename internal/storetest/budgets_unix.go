//go:build unix

package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
)

var text200 = strings.Repeat("0123456789", 20)

// PostMany has so many people of h post n messages of 200 bytes.
func PostMany(tb testing.TB, h *Hub, people int, n int64) {
	tb.Helper()
	Together(tb, people, n, func(who int, _ int64) error {
		_, err := h.Post(tb.Context(), who, chat.NewID(), text200)
		return err
	})
}

// AddedLatency measures how much longer somebody waits who posts in a room than
// one who appends to the store, in turns, when nobody else does anything.
func AddedLatency(b *testing.B, s chat.Store) {
	h := NewHub(b, s, 1)
	info, err := h.rooms[0].Info(b.Context(), LoadUser(0).ID)
	if err != nil {
		b.Fatal(err)
	}
	var direct, posted []time.Duration
	once := func() {
		w := Message(info.ID, LoadUser(0), chat.NewID())
		w.Text = text200
		begin := time.Now()
		if _, err := s.Append(b.Context(), w); err != nil {
			b.Fatal(err)
		}
		between := time.Now()
		if _, err := h.Post(b.Context(), 0, chat.NewID(), text200); err != nil {
			b.Fatal(err)
		}
		direct, posted = append(direct, between.Sub(begin)), append(posted, time.Since(between))
	}
	for range 200 {
		once()
	}
	direct, posted = nil, nil
	for b.Loop() {
		once()
	}
	slices.Sort(direct)
	slices.Sort(posted)
	of := func(d []time.Duration) float64 { return float64(d[len(d)/2].Nanoseconds()) / 1000 }
	b.ReportMetric(of(direct), "append-µs-p50")
	b.ReportMetric(of(posted), "post-µs-p50")
	b.ReportMetric(100*(of(posted)/of(direct)-1), "added-%")
	b.ReportMetric(0, "ns/op")
}

// Sweep measures which part of a core a node takes that hosts 10,000 rooms in
// which nothing happens, and what one query for each of them would take as often.
// settle, unless nil, is called once the rooms are made, and served is the CPU
// time of the database's own processes.
func Sweep(b *testing.B, s chat.Store, settle func(), served func() time.Duration) {
	const users, each, every = 10, 1000, 2 * time.Second
	h := NewHub(b, s, 0)
	var ids []chat.RoomID
	for i := range users {
		if err := s.PutUsers(b.Context(), []chat.User{LoadUser(i)}); err != nil {
			b.Fatal(err)
		}
		for j := range each {
			ids = append(ids, chat.RoomID(fmt.Sprintf("room-of-a-sweep-%d-%d", i, j)))
		}
	}
	Together(b, 64, int64(len(ids)), func(_ int, n int64) error {
		u := LoadUser(int(n-1) / each)
		_, err := s.CreateRoom(b.Context(), chat.RoomWrite{Room: ids[n-1], By: u, ID: chat.NewID(), Kind: chat.Private,
			Members: []chat.NewMember{{User: u, Role: chat.Owner}}})
		return err
	})
	for i := range users {
		h.Connect(b, LoadUser(i))
	}
	if settle != nil {
		settle()
	}
	time.Sleep(2 * every) // what was left to do
	var ours, theirs, naive, wall time.Duration
	for b.Loop() {
		database, begin, before := served(), time.Now(), CPU() // served takes time too
		time.Sleep(2 * every)
		ours, wall = ours+CPU()-before, wall+time.Since(begin)
		theirs += served() - database

		database, before = served(), CPU()
		for _, id := range ids[:each] {
			if _, err := s.Heads(context.Background(), map[chat.RoomID]chat.Seq{id: 0}); err != nil {
				b.Fatal(err)
			}
		}
		naive += users * (CPU() - before + served() - database)
	}
	percent := 100 * (ours + theirs).Seconds() / wall.Seconds()
	one := 100 * naive.Seconds() / float64(b.N) / every.Seconds()
	b.ReportMetric(percent, "%-of-a-core")
	b.ReportMetric(100*theirs.Seconds()/wall.Seconds(), "%-database")
	b.ReportMetric(one, "one-by-one-%")
	b.ReportMetric(one/percent, "ratio")
	b.ReportMetric(0, "ns/op")
}
