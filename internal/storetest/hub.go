package storetest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carlware/gochat/chat"
)

// Quiet is a logger that keeps silent.
var Quiet = slog.New(slog.DiscardHandler)

// Hub is a node over a store, with people who are connected and read what they
// get. They may do as much as they like.
type Hub struct {
	*chat.Node
	Delivered atomic.Int64 // to all of them
	rooms     []chat.Room  // of each of the people, who share 100 of them

	mu      sync.Mutex
	waiting []*reading
	woken   chan struct{}
	stop    chan struct{}
	ended   chan struct{}
}

// NewHub makes a node over s, which it ends with the test, and so many people.
func NewHub(tb testing.TB, s chat.Store, people int) *Hub {
	tb.Helper()
	all := chat.Unlimited
	n, err := chat.New(&chat.Options{Store: s, Logger: Quiet, Limits: chat.Limits{
		Messages: all, Commands: all, Joins: all, Rooms: all, Requests: all,
	}})
	if err != nil {
		tb.Fatal(err)
	}
	h := &Hub{Node: n, woken: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
	go h.read()
	tb.Cleanup(func() { h.shutdown(tb) })
	ctx := context.Background()
	for i := range people {
		u := LoadUser(i)
		if err := n.Admit(ctx, chat.Principal{User: u}); err != nil {
			tb.Fatal(err)
		}
		var r chat.Room
		if i < LoadRooms {
			r, err = n.CreateRoom(ctx, u.ID, chat.NewRoom{ID: chat.NewID(), Name: fmt.Sprint("Room ", i)})
		} else {
			r = h.rooms[i%LoadRooms]
			_, err = r.Change(ctx, u.ID, chat.Change{ID: chat.NewID(), Kind: chat.Join})
		}
		if err != nil {
			tb.Fatal(err)
		}
		h.rooms = append(h.rooms, r)
	}
	for i := range people {
		h.Connect(tb, LoadUser(i))
	}
	return h
}

// Connect connects a user, for whom h reads until the session ends.
func (h *Hub) Connect(tb testing.TB, u chat.User) *chat.Session {
	tb.Helper()
	r := &reading{}
	s, err := h.Node.Connect(context.Background(), chat.Principal{User: u}, &chat.SessionOptions{Wake: func() { h.wake(r) }})
	if err != nil {
		tb.Fatal(err)
	}
	r.session.Store(s)
	h.wake(r)
	return s
}

// reading is a session that is read from.
type reading struct {
	session atomic.Pointer[chat.Session]
	waits   bool // it is among those that wait
}

// wake has r read from. It does not block.
func (h *Hub) wake(r *reading) {
	h.mu.Lock()
	if !r.waits {
		r.waits = true
		h.waiting = append(h.waiting, r)
	}
	h.mu.Unlock()
	select {
	case h.woken <- struct{}{}:
	default:
	}
}

// read takes what sessions have, for all of them as transports do that serve
// many, until the hub ends.
func (h *Hub) read() {
	defer close(h.ended)
	var turn []*reading
	var taken []*chat.Delivery
	for {
		select {
		case <-h.woken:
		case <-h.stop:
			return
		}
		h.mu.Lock()
		turn, h.waiting = h.waiting, turn[:0]
		for _, r := range turn {
			r.waits = false
		}
		h.mu.Unlock()
		for _, r := range turn {
			if s := r.session.Load(); s != nil {
				taken = s.Take(taken[:0], 1<<20)
				h.Delivered.Add(int64(len(taken)))
			}
		}
	}
}

// Post has one of the people say something in his room.
func (h *Hub) Post(ctx context.Context, who int, id, text string) (chat.Receipt, error) {
	return h.rooms[who].Post(ctx, LoadUser(who).ID, chat.Draft{ID: id, Text: text})
}

// shutdown ends the node, and with it all sessions.
func (h *Hub) shutdown(tb testing.TB) {
	tb.Helper()
	if err := h.Node.Shutdown(context.Background()); err != nil {
		tb.Error(err)
	}
	close(h.stop)
	<-h.ended
}
