package main

import (
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

// floor does nothing but the write: one goroutine, one write(2) of the finished
// frame to each socket. All events that are published at once go into one write,
// as nobody can do with less.
type floor struct {
	frame    []byte
	upgrader websocket.Upgrader

	mu    sync.Mutex
	rooms [][]rawConn
}

func startFloor(rooms, _, size int) (server, error) {
	f := &floor{rooms: make([][]rawConn, rooms)}
	f.frame = frame(payload(size))
	return f, nil
}

// frame makes a text frame of a server.
func frame(b []byte) []byte {
	if len(b) < 126 {
		return append([]byte{0x81, byte(len(b))}, b...)
	}
	return append([]byte{0x81, 126, byte(len(b) >> 8), byte(len(b))}, b...)
}

func (f *floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := f.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	room, _ := place(r)
	raw, err := takeOver(c.NetConn().(*net.TCPConn))
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rooms[room] = append(f.rooms[room], raw)
}

func (f *floor) publish(room int) { f.publishN(room, 1) }

// publishN publishes n events that are there at once.
func (f *floor) publishN(room, n int) {
	b := f.frame
	for range n - 1 {
		b = append(b[:len(b):len(b)], f.frame...)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.rooms[room] {
		_ = c.write(b) // the clients tell what is missing
	}
}
