//go:build linux

package ws

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

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
	clients *helper
	frame   int // length of an event's frame
	floor   *helper
	readers *helper
}

func newStage(b *testing.B, n int, o *Options) *stage {
	b.Helper()
	ctx := context.Background()
	node := newNode(b, &chat.Options{Limits: chat.Limits{SessionBytes: 1 << 20}})
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
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		s.h.Shutdown(ctx)
		hs.Close()
		node.Shutdown(ctx)
	})
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
	s.clients = startHelper(b, "clients")
	s.clients.ask("dial %s %d 0", ln.Addr(), n)
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
			s := newStage(b, n, nil)
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
		})
	}
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
	s := newStage(b, 1000, nil)
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
