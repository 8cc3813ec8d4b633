//go:build unix

package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
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
//
//	go test -run '^$' -bench GroupCommit ./chat/postgres
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

// naive stores messages one statement each, from 16 connections, in tables like
// those of the store: what one writes first.
type naive struct {
	pool   *pgxpool.Pool
	insert string
	rooms  []int64
}

func newNaive(b *testing.B, s *Store, url string) *naive {
	config, err := pgxpool.ParseConfig(url)
	require.NoError(b, err)
	config.MaxConns = 16
	n := &naive{insert: s.statement(`WITH h AS (
		UPDATE {s}heads SET seq = seq + 1, last = seq + 1, n = n + 1, at = {now} WHERE room_no = $1 RETURNING seq, n, at
	) INSERT INTO {s}events (room_no, seq, user_no, at, n, batch, kind, id, hash, text, mentions, data)
	SELECT $1, h.seq, (SELECT no FROM {s}users WHERE id = $2), h.at, h.n, 0, 2, $3, $4, $5, '', '' FROM h RETURNING seq`)}
	n.pool, err = pgxpool.NewWithConfig(b.Context(), config)
	require.NoError(b, err)
	b.Cleanup(n.pool.Close)
	require.NoError(b, s.query(b.Context(), func(r *row) { n.rooms = append(n.rooms, r.int()) }, `SELECT no FROM {s}rooms ORDER BY no`))
	return n
}

func (n *naive) append(ctx context.Context, room int64, user chat.UserID, text string) error {
	var seq int64
	h := hash(text)
	return n.pool.QueryRow(ctx, n.insert, n.rooms[int(room)%len(n.rooms)], user, chat.NewID(), h[:], text).Scan(&seq)
}

// Messages from 512 people through a node, to those who are connected, beside
// the same messages stored one statement each, in turns. It counts the CPU time
// of the server's processes, too. The budget is a ratio of 6 or more.
//
//	go test -run '^$' -bench PostThroughHub ./chat/postgres
func BenchmarkPostThroughHub(b *testing.B) {
	const people = 512
	db := pgtest.Private(b).New(b)
	hub := storetest.NewHub(b, reopen(b, db, nil), people)
	other := pgtest.Private(b).New(b)
	s := reopen(b, other, nil)
	storetest.MakeLoad(b, s)
	one := newNaive(b, s, other.URL)
	text := strings.Repeat("0123456789", 20)
	storetest.PostMany(b, hub, people, 2000) // statements are prepared
	var with, without cost
	for b.Loop() {
		with.add(measure(b, 20_000, func() { storetest.PostMany(b, hub, people, 20_000) }))
		without.add(measure(b, 4000, func() {
			storetest.Together(b, people, 4000, func(who int, i int64) error {
				return one.append(b.Context(), i, storetest.LoadUser(who).ID, text)
			})
		}))
	}
	b.Logf("through the node: %v; one by one: %v", with, without)
	b.ReportMetric(with.perMessage(), "hub-µs-cpu/msg")
	b.ReportMetric(without.perMessage(), "single-µs-cpu/msg")
	b.ReportMetric(without.perMessage()/with.perMessage(), "ratio")
	b.ReportMetric(0, "ns/op")
}

// What the node adds to the time that somebody waits for a commit. The budget is
// 10 %.
//
//	go test -run '^$' -bench AddedLatency -benchtime 3s ./chat/postgres
func BenchmarkAddedLatency(b *testing.B) {
	s, _ := fresh(b, nil)
	storetest.AddedLatency(b, s)
}

// What it takes to look every two seconds whether anything was missed in 10,000
// rooms, the server's part included. The budget is 1 % of a core.
//
//	go test -run '^$' -bench Sweep -benchtime 3x ./chat/postgres
func BenchmarkSweep(b *testing.B) {
	server := pgtest.Private(b)
	s := reopen(b, server.New(b), nil)
	storetest.Sweep(b, s, func() {
		require.NoError(b, s.query(b.Context(), func(*row) {}, `ANALYZE`)) // as autovacuum does within a minute
	}, func() time.Duration { return server.CPU(b) })
}

// A page of history in a room of a thousand messages, beside the same read by
// OFFSET.
//
//	go test -run '^$' -bench Page -benchtime 100x ./chat/postgres
func BenchmarkPage(b *testing.B) {
	server := pgtest.Private(b)
	s := benchStore(b, nil)
	appendMany(b, s, 64, 100_000)
	require.NoError(b, s.query(b.Context(), func(*row) {}, `ANALYZE`))
	i := 0
	place := func() (chat.RoomID, chat.Seq) {
		i++
		return storetest.LoadRoom(i), chat.Seq(100 + i%800)
	}
	storetest.Beside(b, func() time.Duration { return server.CPU(b) }, func() error {
		room, before := place()
		p, err := s.Page(b.Context(), "ann", room, chat.Range{Before: before})
		if err == nil && len(p.Events) != 50 {
			err = fmt.Errorf("%d events", len(p.Events))
		}
		return err
	}, func() error {
		room, before := place()
		return s.query(b.Context(), func(*row) {}, `SELECT e.seq, u.id, u.name, e.at, e.kind, e.id, e.text, e.mentions, e.data
			FROM {s}events e JOIN {s}users u ON u.no = e.user_no WHERE e.room_no = (SELECT no FROM {s}rooms WHERE id = $1)
			ORDER BY e.seq DESC LIMIT 50 OFFSET $2`, room, 1002-before)
	})
}

// All rooms of a user who has a thousand, in one query and in one for each.
//
//	go test -run '^$' -bench Inbox -benchtime 5x ./chat/postgres
func BenchmarkInbox(b *testing.B) { reads(b, storetest.Inbox) }

// The heads of a thousand rooms, in one query and in one for each.
//
//	go test -run '^$' -bench Heads -benchtime 5x ./chat/postgres
func BenchmarkHeads(b *testing.B) { reads(b, storetest.Heads) }

func reads(b *testing.B, measure func(b *testing.B, s chat.Store, served func() time.Duration)) {
	server := pgtest.Private(b)
	measure(b, reopen(b, server.New(b), nil), func() time.Duration { return server.CPU(b) })
}
