package main

import (
	"net/http"

	"github.com/olahol/melody"
)

// melodyServer is melody with its defaults. Rooms are a filter over all
// sessions, as in its example with several chats.
type melodyServer struct {
	m     *melody.Melody
	rooms int
	msg   []byte
}

func startMelody(rooms, _, size int) (server, error) {
	return &melodyServer{m: melody.New(), rooms: rooms, msg: payload(size)}, nil
}

func (s *melodyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	room, _ := place(r)
	_ = s.m.HandleRequestWithKeys(w, r, map[string]any{"room": room}) // it has answered
}

func (s *melodyServer) publish(room int) {
	var err error
	if s.rooms == 1 {
		err = s.m.Broadcast(s.msg)
	} else {
		err = s.m.BroadcastFilter(s.msg, func(q *melody.Session) bool {
			of, _ := q.Get("room")
			return of == room
		})
	}
	if err != nil {
		panic(err)
	}
}
