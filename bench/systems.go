package main

import (
	"fmt"
	"net/http"
	"strconv"
)

// system is one of those that are compared.
type system struct {
	name string
	// protocol and hello are what a client offers and says first; it is
	// welcomed with one message if hello is not empty.
	protocol, hello string
	// event is how an event begins, where other messages come unasked.
	event string
	// pong is a message that has to be answered with itself.
	pong string
	// message, if not nil, means that events come from clients and not from
	// within the server, so that the whole way of a message is measured: it
	// makes the n-th message of all, for the room of a connection, which was
	// welcomed with welcome.
	message func(welcome []byte, n int64, size int) []byte
	start   func(rooms, conns, size int) (server, error)
}

// server is a system that runs. Connections come to it with the number of their
// room and their own in the query: /?room=0&conn=17. Connection i is in room i
// mod rooms.
type server interface {
	http.Handler
	// publish tells a room of an event of about size bytes. It need not wait
	// until anything is written.
	publish(room int)
}

var systems = []system{
	{name: floorName, start: startFloor},
	{name: "gochat", protocol: "gochat.v1", hello: gochatHello, event: gochatEvent, start: startGochat},
	{name: "gochat, posted by a client", protocol: "gochat.v1", hello: gochatHello, event: gochatEvent, message: gochatMessage, start: startGochat},
	{name: "centrifuge", hello: `{"id":1,"connect":{}}`, pong: "{}", start: startCentrifuge},
	{name: "melody", start: startMelody},
	{name: "gorilla chat pattern", start: startGorilla},
	{name: "coder/websocket chat pattern", start: startCoder},
	{name: "nbio", start: startNbio},
}

const floorName = "floor"

func systemNamed(name string) (system, error) {
	for _, s := range systems {
		if s.name == name {
			return s, nil
		}
	}
	return system{}, fmt.Errorf("there is no system %q", name)
}

// place is where a connection belongs.
func place(r *http.Request) (room, conn int) {
	room, _ = strconv.Atoi(r.FormValue("room")) // our own client's
	conn, _ = strconv.Atoi(r.FormValue("conn"))
	return room, conn
}

// payload is an event as all but gochat are given it: JSON of n bytes.
func payload(n int) []byte {
	const head, tail = `{"type":"event","text":"`, `"}`
	b := []byte(head)
	for len(b) < n-len(tail) {
		b = append(b, 'a'+byte(len(b)%26))
	}
	return append(b, tail...)
}
