package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// coderServer is written after the chat example of coder/websocket: a channel
// and a goroutine for each connection, which writes each message with a timeout
// of 5 s. The channel has room for 64 messages where the example has 16, so that
// a burst of 16 is not taken for slowness.
type coderServer struct {
	msg []byte

	mu    sync.Mutex
	rooms []map[*coderClient]struct{}
}

type coderClient struct {
	conn *websocket.Conn
	msgs chan []byte
}

func startCoder(rooms, _, size int) (server, error) {
	s := &coderServer{msg: payload(size), rooms: make([]map[*coderClient]struct{}, rooms)}
	for i := range s.rooms {
		s.rooms[i] = map[*coderClient]struct{}{}
	}
	return s, nil
}

func (s *coderServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer conn.CloseNow()
	room, _ := place(r)
	c := &coderClient{conn, make(chan []byte, 64)}
	s.mu.Lock()
	s.rooms[room][c] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.rooms[room], c)
	}()
	ctx := conn.CloseRead(r.Context())
	for {
		select {
		case msg := <-c.msgs:
			if write(ctx, conn, msg) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func write(ctx context.Context, conn *websocket.Conn, msg []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, msg)
}

func (s *coderServer) publish(room int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.rooms[room] {
		select {
		case c.msgs <- s.msg:
		default:
			go func() {
				_ = c.conn.Close(websocket.StatusPolicyViolation, "connection too slow to keep up with messages")
			}()
		}
	}
}
