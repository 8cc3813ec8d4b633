package main

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// gorillaServer is written after the chat example of gorilla/websocket: one
// goroutine owns the connections of all rooms, and each connection has a channel
// of 256 messages, a goroutine that writes and one that reads. What waits is
// joined by newlines into one message.
type gorillaServer struct {
	upgrader websocket.Upgrader
	join     chan *gorillaClient
	leave    chan *gorillaClient
	say      chan int
	msg      []byte
}

type gorillaClient struct {
	room int
	conn *websocket.Conn
	send chan []byte
}

func startGorilla(rooms, _, size int) (server, error) {
	s := &gorillaServer{
		upgrader: websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024},
		join:     make(chan *gorillaClient), leave: make(chan *gorillaClient), say: make(chan int),
		msg: payload(size),
	}
	go s.run(rooms)
	return s, nil
}

// run lives as long as the process.
func (s *gorillaServer) run(rooms int) {
	members := make([]map[*gorillaClient]bool, rooms)
	for i := range members {
		members[i] = map[*gorillaClient]bool{}
	}
	remove := func(c *gorillaClient) {
		if members[c.room][c] {
			delete(members[c.room], c)
			close(c.send)
		}
	}
	for {
		select {
		case c := <-s.join:
			members[c.room][c] = true
		case c := <-s.leave:
			remove(c)
		case room := <-s.say:
			for c := range members[room] {
				select {
				case c.send <- s.msg:
				default:
					remove(c)
				}
			}
		}
	}
}

func (s *gorillaServer) publish(room int) { s.say <- room }

const (
	gorillaWrite = 10 * time.Second
	gorillaPong  = 60 * time.Second
)

func (s *gorillaServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	room, _ := place(r)
	c := &gorillaClient{room: room, conn: conn, send: make(chan []byte, 256)}
	s.join <- c
	go c.write()
	go s.read(c)
}

func (s *gorillaServer) read(c *gorillaClient) {
	defer func() {
		s.leave <- c
		_ = c.conn.Close()
	}()
	c.conn.SetReadLimit(64 << 10)
	extend := func(string) error { return c.conn.SetReadDeadline(time.Now().Add(gorillaPong)) }
	_ = extend("")
	c.conn.SetPongHandler(extend)
	for {
		if _, _, err := c.conn.ReadMessage(); err != nil {
			return
		}
	}
}

func (c *gorillaClient) write() {
	ticker := time.NewTicker(gorillaPong * 9 / 10)
	defer func() {
		ticker.Stop()
		_ = c.conn.Close()
	}()
	for {
		select {
		case msg, open := <-c.send:
			if c.conn.SetWriteDeadline(time.Now().Add(gorillaWrite)) != nil || !open || c.batch(msg) != nil {
				return
			}
		case <-ticker.C:
			if c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(gorillaWrite)) != nil {
				return
			}
		}
	}
}

// batch writes msg and what waits behind it as one message.
func (c *gorillaClient) batch(msg []byte) error {
	w, err := c.conn.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	_, _ = w.Write(msg) // Close tells
	for range len(c.send) {
		_, _ = w.Write([]byte{'\n'})
		_, _ = w.Write(<-c.send)
	}
	return w.Close()
}
