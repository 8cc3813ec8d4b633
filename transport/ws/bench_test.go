//go:build linux

package ws

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/carlware/gochat/chat"
)

// stage is a server with sessions in one room, and a floor with as many sockets.
type stage struct {
	b       *testing.B
	node    *chat.Node
	h       *Handler
	room    chat.Room
	id      chat.RoomID
	n       int
	addr    string
	end     func() error
	clients *helper
	frame   int // length of an event's frame
	floor   *helper
	readers *helper
}

// stageQueue is how many bytes a session may have pending.
const stageQueue = 1 << 20

func newStage(b *testing.B, n int, o *Options) *stage {
	b.Helper()
	ctx := context.Background()
	node := newNode(b, &chat.Options{Limits: chat.Limits{SessionBytes: stageQueue}})
	if o == nil {
		o = &Options{}
	}
	o.Logger, o.PingInterval, o.Limits.Rate = quiet, time.Hour, chat.Unlimited
	s := &stage{b: b, node: node, n: n}
	s.h = NewHandler(node, authenticate, o)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	hs := &http.Server{Handler: s.h}
	go hs.Serve(ln)
	s.end = sync.OnceValue(func() error {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		return errors.Join(s.h.Shutdown(ctx), hs.Close(), node.Shutdown(ctx))
	})
	b.Cleanup(func() { s.end() })
	// Members first, so that nobody's join is told to all the others.
	for i := range n {
		p, _ := login(ctx, "u"+strconv.Itoa(i))
		if err := node.Admit(ctx, p); err != nil {
			b.Fatal(err)
		}
	}
	rooms, err := node.Rooms(ctx, "u-u0", "", 1)
	if err != nil {
		b.Fatal(err)
	}
	s.id = rooms[0].ID
	if s.room, err = node.Room(ctx, "u-u0", s.id); err != nil {
		b.Fatal(err)
	}
	s.clients, s.addr = startHelper(b, "clients"), ln.Addr().String()
	return s
}

// dial connects all.
func (s *stage) dial() *stage {
	s.clients.ask("dial %s %d 0", s.addr, s.n)
	return s
}

// withFloor begins the floor.
func (s *stage) withFloor() {
	s.floor, s.readers = startHelper(s.b, "floor"), startHelper(s.b, "clients")
	addr := s.floor.ask("listen")
	s.readers.tell("dial %s %d 0", addr, s.n)
	s.floor.ask("accept %d", s.n)
	s.readers.answer()
	e, err := s.room.Post(context.Background(), "u-u0", chat.Draft{ID: chat.NewID(), Text: text0()})
	if err != nil {
		s.b.Fatal(err)
	}
	s.frame = len(encodeDelivery(&chat.Delivery{Event: &e.Event})) - 4
	s.clients.ask("events %d", s.n)
}

func text0() string { return fmt.Sprintf("@%d %s", time.Now().UnixNano(), benchText) }

// cast is one round on the floor; it returns the processor time of a delivery.
func (s *stage) cast(each int) float64 {
	pad := make([]byte, s.frame)
	for i := range pad {
		pad[i] = 'x'
	}
	s.readers.tell("wait %d", s.n*each) // reads while the other writes
	ns, _ := strconv.Atoi(s.floor.ask("cast %s %d", pad, each))
	s.readers.answer()
	return float64(ns) / float64(s.n*each)
}

// post is one round through the server.
func (s *stage) post(each int) (user, system float64) {
	ids := make([]string, each)
	for i := range ids {
		ids[i] = chat.NewID()
	}
	s.clients.tell("events %d", s.n*each)
	u, y := cpu()
	for _, id := range ids {
		if _, err := s.room.Post(context.Background(), "u-u0", chat.Draft{ID: id, Text: text0()}); err != nil {
			s.b.Fatal(err)
		}
	}
	s.clients.answer()
	u2, y2 := cpu()
	return float64(u2-u) / float64(s.n*each), float64(y2-y) / float64(s.n*each)
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// BenchmarkDelivery is what a server's processor does for each delivery, in
// relation to one write(2) of the same bytes in a process that does nothing
// else; see bench_peers_test.go. Both are measured in turns, and medians taken.
//
//	go test -run '^$' -bench Delivery -benchtime 20x ./transport/ws
func BenchmarkDelivery(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint("sessions=", n), func(b *testing.B) {
			s := newStage(b, n, nil).dial()
			s.withFloor()
			var floors, totals, users []float64
			for range 3 {
				s.cast(1)
				s.post(1)
			}
			for b.Loop() {
				floors = append(floors, s.cast(1))
				u, y := s.post(1)
				totals, users = append(totals, u+y), append(users, u)
			}
			s.report(floors, totals, users)
			b.ReportMetric(s.allocs(), "allocs/event")
		})
	}
}

// allocs returns how many allocations an event needs from Post to the last
// write, for all sessions together.
func (s *stage) allocs() float64 {
	const rounds = 50
	count := func(round func()) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			round()
		}
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs
	}
	with := count(func() { s.post(1) })
	without := count(func() { // what the benchmark itself allocates
		s.clients.tell("events 0")
		_, _ = cpu()
		_ = []string{chat.NewID()}[0] + text0()
		s.clients.answer()
		_, _ = cpu()
	})
	return (float64(with) - float64(without)) / rounds
}

func (s *stage) report(floors, totals, users []float64) {
	s.b.ReportMetric(0, "ns/op")
	s.b.ReportMetric(median(floors), "floor-ns")
	s.b.ReportMetric(median(totals), "ns/delivery")
	s.b.ReportMetric(mean(users), "user-ns") // the system rounds it, so no median
	s.b.ReportMetric(median(totals)/median(floors), "x-floor")
	if f := s.clients.ask("faults"); f != "0" {
		s.b.Errorf("%s events were out of order", f)
	}
}

// BenchmarkWholePath is the same from the frame of the sender on.
//
//	go test -run '^$' -bench WholePath -benchtime 20x ./transport/ws
func BenchmarkWholePath(b *testing.B) {
	s := newStage(b, 1000, nil).dial()
	s.withFloor()
	var floors, totals, users []float64
	s.clients.ask("post %s 3 1", s.id)
	for b.Loop() {
		floors = append(floors, s.cast(1))
		u, y := cpu()
		s.clients.ask("post %s 1 1", s.id)
		u2, y2 := cpu()
		totals = append(totals, float64(u2-u+y2-y)/float64(s.n))
		users = append(users, float64(u2-u)/float64(s.n))
	}
	s.report(floors, totals, users)
}

// BenchmarkPending is BenchmarkDelivery for events of which so many are pending
// for each session when its turn comes, in relation to the floor of single ones.
//
//	go test -run '^$' -bench Pending -benchtime 20x ./transport/ws
func BenchmarkPending(b *testing.B) {
	const each = 16
	s := newStage(b, 1000, nil).dial()
	s.withFloor()
	var floors, batched, totals, users []float64
	for b.Loop() {
		floors = append(floors, s.cast(1))
		batched = append(batched, s.cast(each))
		u, y := s.post(each)
		totals, users = append(totals, u+y), append(users, u)
	}
	s.report(floors, totals, users)
	b.ReportMetric(median(batched)/median(floors), "floor-batched-x-floor")
}

// rss is the resident memory of this process after a collection, in bytes.
func rss(b *testing.B) float64 {
	runtime.GC()
	debug.FreeOSMemory()
	f, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(f))[1])
	return float64(pages * os.Getpagesize())
}

// BenchmarkIdle is what an idle connection keeps, its session and place in a
// room included: resident memory and goroutines.
//
//	go test -run '^$' -bench Idle -benchtime 1x ./transport/ws
func BenchmarkIdle(b *testing.B) {
	for _, poll := range []bool{false, true} {
		b.Run(fmt.Sprint("poll=", poll), func(b *testing.B) { benchmarkIdle(b, poll) })
	}
}

func benchmarkIdle(b *testing.B, poll bool) {
	const n = 10_000
	for b.Loop() {
		s := newStage(b, n, &Options{Poll: poll})
		before, goroutines := rss(b), runtime.NumGoroutine()
		s.dial()
		for range 3 {
			runtime.GC() // shrinks stacks by half each time
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric((rss(b)-before)/n/1024, "KiB/conn")
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.StackInuse)/n/1024, "stack-KiB/conn")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/n, "goroutines/conn")
		if err := s.end(); err != nil {
			b.Fatal(err)
		}
	}
}

// sink is a hub that does nothing with what it is asked.
type sink struct {
	chat.Hub
	room *sinkRoom
}

type sinkRoom struct {
	chat.Room
	got  atomic.Int64
	mute *conn // whose replies are thrown away, or nil
}

func (h sink) Room(context.Context, chat.UserID, chat.RoomID) (chat.Room, error) { return h.room, nil }

func (r *sinkRoom) Post(_ context.Context, _ chat.UserID, d chat.Draft) (chat.Receipt, error) {
	r.got.Add(1)
	if r.mute != nil {
		r.mute.mu.Lock()
		r.mute.replies, r.mute.replyBytes = r.mute.replies[:0], 0
		r.mute.mu.Unlock()
	}
	return chat.Receipt{Event: chat.Event{Seq: 1}}, nil
}

func (r *sinkRoom) MarkRead(context.Context, chat.UserID, chat.Seq) error {
	r.got.Add(1)
	return nil
}

// BenchmarkInbound is what a frame costs from the socket to the hub: a read
// marker, which gets no reply; a message whose reply is encoded and not written;
// one whose reply is written; and what it takes to encode that reply, which is to
// be subtracted.
//
//	go test -run '^$' -bench Inbound -benchtime 100000x ./transport/ws
func BenchmarkInbound(b *testing.B) {
	const message = `{"type":"message","id":"9Yw2kU5mR0a1nXb3cQ4dEf","room":"Zk3vJ8sLq2","text":"how~is~it~going?"}`
	for _, f := range []struct {
		name, frame string
		replies     int
	}{
		{"read", `{"type":"read","room":"Zk3vJ8sLq2","seq":15}`, 0},
		{"message", message, 0},
		{"message+reply", message, 1},
	} {
		b.Run(f.name, func(b *testing.B) {
			s := newStage(b, 1, nil)
			room := &sinkRoom{}
			s.h.hub = sink{s.node, room}
			s.dial()
			if f.replies == 0 {
				for c := range s.h.conns {
					c.mu.Lock()
					c.writing, room.mute = true, c // as if somebody did already
					c.mu.Unlock()
				}
			}
			s.clients.ask("flood %s 1024 %d", f.frame, f.replies)
			n := b.N
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			u, y := cpu()
			b.ResetTimer()
			s.clients.ask("flood %s %d %d", f.frame, n, f.replies)
			want := int64(1024 + n/256*256)
			for room.got.Load() < want {
				time.Sleep(100 * time.Microsecond)
			}
			u2, y2 := cpu()
			runtime.ReadMemStats(&after)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(u2-u+y2-y)/float64(n), "cpu-ns/frame")
			b.ReportMetric(float64(u2-u)/float64(n), "user-ns/frame")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(n), "allocs/frame")
			for c := range s.h.conns {
				c.mu.Lock()
				c.writing = c.writing && f.replies > 0
				c.mu.Unlock()
			}
		})
	}
	b.Run("reply", func(b *testing.B) {
		b.ReportAllocs()
		rc := chat.Receipt{Event: chat.Event{Seq: 1}}
		var kept *object
		for b.Loop() {
			o := ok("9Yw2kU5mR0a1nXb3cQ4dEf")
			o.stored("Zk3vJ8sLq2", rc)
			o.b, kept = o.frame(), &o
		}
		runtime.KeepAlive(kept)
	})
}

// BenchmarkConnect is what a connection costs from the handshake to the
// welcome, with the check of an Ed25519 signature as a token has it. Beside it is
// what the same costs a program that has the library for WebSocket and nothing
// else, and one that has net/http, the signature, and bytes prepared for answers.
//
//	go test -run '^$' -bench Connect -benchtime 3x ./transport/ws
func BenchmarkConnect(b *testing.B) {
	const n = 10_000
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	claims := []byte(strings.Repeat("claims ", 40))
	signature := ed25519.Sign(private, claims)
	verify := func(r *http.Request) (chat.Principal, error) {
		if !ed25519.Verify(public, claims, signature) {
			return chat.Principal{}, errUnauthorized
		}
		return authenticate(r)
	}
	spent := func(clients *helper, addr string) float64 {
		runtime.GC()
		u, y := cpu()
		clients.ask("dial %s %d 0", addr, n)
		u2, y2 := cpu()
		return (u2 - u + y2 - y).Seconds()
	}
	var ours, plain, floor []float64
	beside := func(clients *helper, serve http.HandlerFunc) float64 {
		hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := verify(r); err != nil {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			serve(w, r)
		})}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		go hs.Serve(ln)
		defer hs.Close()
		defer clients.ask("close")
		return spent(clients, ln.Addr().String())
	}
	for b.Loop() {
		s := newStage(b, n, nil)
		s.h.authenticate = verify
		ours = append(ours, spent(s.clients, s.addr))
		if err := s.end(); err != nil {
			b.Fatal(err)
		}
		s.clients.ask("close")

		plain = append(plain, beside(s.clients, func(w http.ResponseWriter, r *http.Request) {
			c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"gochat.v1"}})
			if err != nil {
				return
			}
			defer c.CloseNow()
			for {
				var said struct {
					Type string   `json:"type"`
					ID   string   `json:"id"`
					Room []string `json:"room"`
				}
				if err := wsjson.Read(r.Context(), c, &said); err != nil {
					return
				}
				said.Type, said.Room = "welcome", []string{"Lobby"}
				if err := wsjson.Write(r.Context(), c, said); err != nil {
					return
				}
			}
		}))
		floor = append(floor, beside(s.clients, func(w http.ResponseWriter, _ *http.Request) {
			c, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer c.Close()
			if welcomes(c, rw.Reader) == nil {
				_, _ = c.Read(make([]byte, 1)) // until the client ends it
			}
		}))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ours), "cpu-s/10k")
	b.ReportMetric(median(plain), "plain-cpu-s/10k")
	b.ReportMetric(median(floor), "floor-cpu-s/10k")
	b.ReportMetric(median(ours)/median(plain), "x-plain")
	b.ReportMetric(median(ours)/median(floor), "x-floor")
}

// BenchmarkResume has 10,000 sessions come at once to a node that has none, each
// 20 events behind, as when the node beside it has ended.
//
//	go test -run '^$' -bench Resume -benchtime 1x ./transport/ws
func BenchmarkResume(b *testing.B) {
	const n, behind = 10_000, 20
	for b.Loop() {
		s := newStage(b, n, nil)
		info, err := s.room.Info(context.Background(), "u-u0")
		if err != nil {
			b.Fatal(err)
		}
		for range behind {
			if _, err := s.room.Post(context.Background(), "u-u0", chat.Draft{ID: chat.NewID(), Text: text0()}); err != nil {
				b.Fatal(err)
			}
		}
		sess, err := s.node.Connect(context.Background(), chat.Principal{User: chat.User{ID: "u-u0", Name: "u0"}}, nil)
		if err != nil {
			b.Fatal(err)
		}
		epoch := sess.Welcome().Epoch
		sess.Close()
		var most atomic.Int64
		stop := make(chan struct{})
		go func() {
			for {
				most.Store(max(most.Load(), int64(s.h.Stats().QueuedBytes)))
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}()
		before := rss(b)
		u, y := cpu()
		began := time.Now()
		s.clients.ask("resume %s %d 0 %s %s %d", s.addr, n, epoch, s.id, info.Head)
		s.clients.ask("events %d", n*behind)
		took := time.Since(began)
		u2, y2 := cpu()
		close(stop)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(took.Seconds(), "s")
		b.ReportMetric((u2 - u + y2 - y).Seconds(), "cpu-s")
		b.ReportMetric(float64(most.Load())/(1<<20), "MiB-queued-at-most")
		b.ReportMetric((rss(b)-before)/n/1024, "KiB/conn")
		if f := s.clients.ask("faults"); f != "0" {
			b.Errorf("%s events were out of order", f)
		}
		if err := s.end(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIsolation compares how late events are for 990 clients, at the 99th
// percentile, beside 10 that read and beside 10 that never do.
//
//	go test -run '^$' -bench Isolation -benchtime 5x ./transport/ws
func BenchmarkIsolation(b *testing.B) {
	const n, mute, rounds = 1000, 10, 300
	run := func(muted bool) (p99 float64, longest int, left int) {
		s := newStage(b, n, &Options{StallTimeout: 2 * time.Second})
		s.dial()
		if muted {
			s.clients.ask("mute %d", mute)
		}
		s.clients.ask("post %s 20 1", s.id)
		s.clients.ask("times")
		s.clients.tell("post %s %d 4", s.id, rounds)
		done := make(chan struct{})
		go func() {
			s.clients.answer()
			close(done)
		}()
		for going := true; going; {
			select {
			case <-done:
				going = false
			case <-time.After(10 * time.Millisecond):
				longest = max(longest, s.h.Stats().Longest)
			}
		}
		var got int
		var p50, worst float64
		fmt.Sscan(s.clients.ask("times"), &got, &p50, &p99, &worst)
		if muted {
			// 2 s without progress, or a quarter more, and a farewell of 2 s.
			for late := time.Now().Add(5 * time.Second); time.Now().Before(late); time.Sleep(50 * time.Millisecond) {
				if left = s.h.Stats().Conns - (n - mute); left == 0 {
					break
				}
			}
		}
		if err := s.end(); err != nil {
			b.Fatal(err)
		}
		return p99, longest, left
	}
	var with, without []float64
	longest := 0
	for b.Loop() {
		p, _, _ := run(false)
		without = append(without, p)
		p, most, left := run(true)
		with, longest = append(with, p), max(longest, most)
		if most > stageQueue+256<<10 { // and a page of the log, see chat.Limits
			b.Errorf("%d bytes were queued for one session", most)
		}
		if left != 0 {
			b.Errorf("%d clients that read nothing are still there", left)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(without)/1e6, "p99-ms-without")
	b.ReportMetric(median(with)/1e6, "p99-ms-with")
	b.ReportMetric(median(with)/median(without), "x-without")
	b.ReportMetric(float64(longest)/1024, "KiB-queued-at-most")
}

// BenchmarkShutdown closes 10,000 sockets whose peers say nothing. The grace is
// lingerTime.
//
//	go test -run '^$' -bench Shutdown -benchtime 1x ./transport/ws
func BenchmarkShutdown(b *testing.B) {
	const n = 10_000
	for b.Loop() {
		s := newStage(b, n, nil).dial()
		began := time.Now()
		if err := s.h.Shutdown(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(0, "ns/op")
		beyond := time.Since(began) - lingerTime
		b.ReportMetric(beyond.Seconds(), "s-beyond-grace")
		if beyond > 2*time.Second {
			b.Errorf("it took %v beyond the grace", beyond)
		}
		if got := s.clients.ask("ends %d 5000", codeRestart); got != fmt.Sprint("0 ", n) {
			b.Errorf("open, and told to come back: %s", got)
		}
		if err := s.end(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSoak makes five million deliveries and reports by how much the
// resident memory has grown at the end, the log of 5,000 events included.
//
//	go test -run '^$' -bench Soak -benchtime 1x -timeout 20m ./transport/ws
func BenchmarkSoak(b *testing.B) {
	const n, rounds = 1000, 5000
	for b.Loop() {
		s := newStage(b, n, nil).dial()
		s.clients.ask("post %s 200 1", s.id)
		before := rss(b)
		began := time.Now()
		s.clients.ask("post %s %d 4", s.id, rounds/4)
		took := time.Since(began)
		b.ReportMetric(0, "ns/op")
		more := (rss(b) - before) / (1 << 20)
		b.ReportMetric(more, "MiB-more")
		if more > 8 {
			b.Errorf("memory has grown by %.1f MiB", more)
		}
		b.ReportMetric(n*rounds/took.Seconds(), "deliveries/s")
		if f := s.clients.ask("faults"); f != "0" {
			b.Errorf("%s events were out of order", f)
		}
		if err := s.end(); err != nil {
			b.Fatal(err)
		}
	}
}
