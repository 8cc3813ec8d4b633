//go:build unix

package chat_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport"
	broker "github.com/carlware/gochat/transport/memory"
)

// cpu is the time that this process has spent, in user and in kernel mode.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchNode(tb testing.TB) *chat.Node {
	tb.Helper()
	n, err := chat.New(&chat.Options{Logger: quiet, Limits: chat.Limits{
		SessionBytes: 1 << 20, Messages: chat.Unlimited, Joins: chat.Unlimited,
	}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { n.Shutdown(context.Background()) })
	return n
}

// naiveRoom is the chat room that one writes first: a lock, a log, ids to find
// resends by, and a channel for each client.
type naiveRoom struct {
	mu      sync.Mutex
	log     []*naiveMessage
	ids     map[string]*naiveMessage
	clients map[*naiveClient]bool
}

type naiveMessage struct {
	seq      int
	id, user string
	text     string
	time     time.Time
}

type naiveClient struct{ send chan *naiveMessage }

func newNaiveRoom(clients int) *naiveRoom {
	r := &naiveRoom{ids: map[string]*naiveMessage{}, clients: map[*naiveClient]bool{}}
	for range clients {
		r.clients[&naiveClient{send: make(chan *naiveMessage, benchBatch)}] = true
	}
	return r
}

func (r *naiveRoom) post(id, user, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids[id] != nil {
		return
	}
	m := &naiveMessage{len(r.log) + 1, id, user, text, time.Now()}
	r.log = append(r.log, m)
	r.ids[id] = m
	for c := range r.clients {
		select {
		case c.send <- m:
		default: // too slow: lost
		}
	}
}

func (r *naiveRoom) drain() {
	for c := range r.clients {
		for len(c.send) > 0 {
			<-c.send
		}
	}
}

// benchBatch is how many messages are posted between two looks at the clock.
const benchBatch = 512

// BenchmarkPost is the whole way of a message in memory, from Room.Post to the
// queues of so many sessions, beside the same in the simplest chat room, in
// turns. The simplest one has no rights, limits, checks, order between nodes,
// replay, or hash of what was sent.
//
//	go test -run '^$' -bench 'Post$' ./chat
func BenchmarkPost(b *testing.B) {
	for _, count := range []int{1, 1000} {
		b.Run(fmt.Sprint("sessions=", count), func(b *testing.B) {
			n := benchNode(b)
			r, sessions := members(b, n, count)
			naive := newNaiveRoom(count)
			ctx := context.Background()
			ids := make([]string, benchBatch)
			var ours, simple time.Duration
			var mallocs uint64
			posts := 0
			for b.Loop() {
				for j := range ids {
					ids[j] = chat.NewID()
				}
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				before, began := m.Mallocs, cpu()
				for _, id := range ids {
					if _, err := r.Post(ctx, "u0", chat.Draft{ID: id, Text: benchText}); err != nil {
						b.Fatal(err)
					}
				}
				ours += cpu() - began
				runtime.ReadMemStats(&m)
				mallocs += m.Mallocs - before
				began = cpu()
				for _, id := range ids {
					naive.post(id, "u0", benchText)
				}
				simple += cpu() - began
				posts += len(ids)
				drainAll(sessions)
				naive.drain()
			}
			each := float64(posts)
			b.ReportMetric(float64(ours.Nanoseconds())/each, "ns-cpu/post")
			b.ReportMetric(float64(ours.Nanoseconds())/each/float64(count), "ns-cpu/delivery")
			b.ReportMetric(float64(simple.Nanoseconds())/each/float64(count), "naive-ns-cpu/delivery")
			b.ReportMetric(float64(ours)/float64(simple), "ratio")
			b.ReportMetric(float64(mallocs)/each, "allocs/post")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// heap returns the bytes of live objects.
func heap() int64 {
	var m runtime.MemStats
	for range 3 { // what finalizers and pools hold goes in steps
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkMemory is what a node keeps of sessions that sit in their rooms, the
// store left out: bytes of a session without rooms, of each membership, and of
// each hosted room; and what the simplest chat room keeps for a client, which is
// a channel.
//
//	go test -run '^$' -bench Memory$ -benchtime 1x ./chat
func BenchmarkMemory(b *testing.B) {
	var session, membership, room float64
	for b.Loop() {
		const users = 1000
		alone := nodeMemory(b, users, 0, 1)
		some := nodeMemory(b, users, 100, 1000)
		twice := nodeMemory(b, users, 200, 1000)
		own := nodeMemory(b, users, 10, 10*users)
		session = alone / users
		membership = (twice - some) / (users * 100)
		room = (own-alone)/(users*10) - membership
	}
	const clients = 1000
	before := heap()
	naive := newNaiveRoom(clients)
	theirs := float64(heap()-before) / clients
	runtime.KeepAlive(naive)
	b.ReportMetric(theirs, "naive-B/session")
	b.ReportMetric(theirs/session, "ratio")
	b.ReportMetric(session, "B/session")
	b.ReportMetric(membership, "B/membership")
	b.ReportMetric(room, "B/room")
	b.ReportMetric(0, "ns/op")
}

// nodeMemory returns what a node keeps of so many users with a session each,
// who are members of some of the rooms.
func nodeMemory(b *testing.B, users, each, rooms int) float64 {
	var before int64
	n, sessions := populate(b, users, each, rooms, func() { before = heap() })
	after := heap()
	n.Shutdown(context.Background())
	runtime.KeepAlive(sessions)
	return float64(after - before)
}

// populate returns a node with so many users, who are members of some of the
// rooms, and a session of each. ready is called before they connect.
func populate(b *testing.B, users, each, rooms int, ready ...func()) (*chat.Node, []*chat.Session) {
	ctx := context.Background()
	s := newShared()
	all := make([]chat.User, users)
	for i := range all {
		all[i] = as("u" + strconv.Itoa(i)).User
	}
	s.store.PutUsers(ctx, all)
	for i := range rooms {
		w := chat.RoomWrite{Room: chat.RoomID(chat.NewID()), By: all[0], ID: chat.NewID(), Kind: chat.Private, Name: "Room"}
		for j := range users * each / rooms {
			w.Members = append(w.Members, chat.NewMember{User: all[(i*(users*each/rooms)+j)%users], Role: chat.Participant})
		}
		if _, err := s.store.CreateRoom(ctx, w); err != nil {
			b.Fatal(err)
		}
	}
	n, err := chat.New(&chat.Options{Store: s.connect(), Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range ready {
		f()
	}
	sessions := make([]*chat.Session, users)
	for i := range sessions {
		s, err := n.Connect(ctx, as("u"+strconv.Itoa(i)), &chat.SessionOptions{Wake: func() {}})
		if err != nil {
			b.Fatal(err)
		}
		s.Welcome() // which is the client's from here on
		sessions[i] = s
	}
	drainAll(sessions)
	return n, sessions
}

// BenchmarkCommand is the whole way of a command with one answer in the room,
// from Room.Command to its outcome, one after the other: by a bot in this
// process, and by the same bot in a queue of the broker in memory, in turns, and
// beside them a message, which the answer is at the least.
//
//	go test -run '^$' -bench 'Command$' ./chat
func BenchmarkCommand(b *testing.B) {
	fast := commandRoom(b, clerk(), nil)
	bus := broker.New(&broker.Options{Logger: quiet})
	b.Cleanup(func() { bus.Close() })
	queued := commandRoom(b, nil, bus)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- clerk().Run(ctx, bus) }()
	defer func() { stop(); <-ended }()
	for runLine(queued, "/hello") != nil { // until the bot is there
	}
	var ways = []struct {
		name string
		once func() error
		took time.Duration
		objs uint64
	}{
		{name: "post", once: func() error {
			_, err := fast.Post(context.Background(), "ana", chat.Draft{ID: chat.NewID(), Text: benchText})
			return err
		}},
		{name: "fast", once: func() error { return runLine(fast, "/hello") }},
		{name: "queued", once: func() error { return runLine(queued, "/hello") }},
	}
	const batch = 200
	rounds := 0
	for b.Loop() {
		for i := range ways {
			w := &ways[i]
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			before, began := m.Mallocs, cpu()
			for range batch {
				if err := w.once(); err != nil {
					b.Fatal(err)
				}
			}
			w.took += cpu() - began
			runtime.ReadMemStats(&m)
			w.objs += m.Mallocs - before
		}
		rounds++
	}
	for _, w := range ways {
		b.ReportMetric(float64(w.took.Microseconds())/float64(rounds*batch), w.name+"-µs-cpu")
		b.ReportMetric(float64(w.objs)/float64(rounds*batch), w.name+"-allocs")
	}
	b.ReportMetric(float64(ways[1].took)/float64(ways[0].took), "fast/post")
	b.ReportMetric(float64(ways[2].took)/float64(ways[1].took), "queued/fast")
	b.ReportMetric(0, "ns/op")
}

// commandRoom returns a room of ana's.
func commandRoom(b *testing.B, bot command.Handler, bus transport.Broker) chat.Room {
	b.Helper()
	l := chat.Limits{Messages: chat.Unlimited, Commands: chat.Unlimited}
	n, err := chat.New(&chat.Options{Commands: bot, Broker: bus, Limits: l, Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { n.Shutdown(context.Background()) })
	if err := n.Admit(b.Context(), as("ana")); err != nil {
		b.Fatal(err)
	}
	r, err := n.CreateRoom(b.Context(), "ana", chat.NewRoom{ID: chat.NewID(), Name: "Bench"})
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func runLine(r chat.Room, line string) error {
	call, err := r.Command(context.Background(), "ana", chat.CommandLine{ID: chat.NewID(), Text: line})
	if err != nil {
		return err
	}
	o, err := call.Wait(context.Background())
	if err == nil && o.Error != nil {
		err = fmt.Errorf("%s: %s", o.Error.Code, o.Error.Message)
	}
	return err
}
