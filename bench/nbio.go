package main

import (
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"
)

// nbioServer is nbio's own HTTP server with its event loop, and a message
// written to one connection after the other, as in its broadcast example.
type nbioServer struct {
	upgrader *websocket.Upgrader
	msg      []byte

	mu    sync.Mutex
	rooms []map[*websocket.Conn]struct{}
}

func startNbio(rooms, _, size int) (server, error) {
	s := &nbioServer{upgrader: websocket.NewUpgrader(), msg: payload(size), rooms: make([]map[*websocket.Conn]struct{}, rooms)}
	for i := range s.rooms {
		s.rooms[i] = map[*websocket.Conn]struct{}{}
	}
	s.upgrader.KeepaliveTime = time.Hour // it does not ping, and our clients are silent
	return s, nil
}

// listen makes nbio the server, not net/http.
func (s *nbioServer) listen() (addr string, err error) {
	logging.SetLevel(logging.LevelError) // it writes to the standard output, which is the parent's
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	addr = free.Addr().String()
	if err := free.Close(); err != nil {
		return "", err
	}
	engine := nbhttp.NewEngine(nbhttp.Config{
		Network: "tcp", Addrs: []string{addr}, Handler: s, KeepaliveTime: time.Hour,
	})
	return addr, engine.Start()
}

func (s *nbioServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	room, _ := place(r)
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rooms[room][conn] = struct{}{}
}

func (s *nbioServer) publish(room int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.rooms[room] {
		if err := conn.WriteMessage(websocket.TextMessage, s.msg); err != nil {
			delete(s.rooms[room], conn)
		}
	}
}
