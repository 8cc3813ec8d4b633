// Command remind is a chat with a bot that listens: whoever writes
//
//	remind me in 5m to stretch
//
// in a public room is reminded there. Such a bot is no command but a user like
// any other, with a session of its own: it joins rooms, hears what is said and
// speaks when nobody asked.
//
//	go run ./examples/remind
//	curl -u ann:x localhost:8080/chat/rooms
//	curl -u ann:x localhost:8080/chat/rooms/<id>/messages \
//	    -H 'Content-Type: application/json' -d '{"id":"a-random-id-0001","text":"remind me in 10s to look"}'
//	curl -u ann:x localhost:8080/chat/rooms/<id>/messages
//
// In another process it would do the same with ws.Dial in place of Hub.Connect.
// Who somebody is, this program believes; a real one looks at its session.
package main

import (
	"cmp"
	"context"
	"log"
	"net/http"
	"os"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport/rest"
	"github.com/carlware/gochat/transport/ws"
)

func user(r *http.Request) (chat.Principal, error) {
	name, _, _ := r.BasicAuth()
	return chat.Principal{User: chat.User{ID: chat.UserID(name), Name: name}}, nil
}

func main() {
	node, err := chat.New(&chat.Options{Lobby: "office"})
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(remind(context.Background(), node)) }()
	http.Handle("/chat/", http.StripPrefix("/chat", rest.NewHandler(node, user, nil)))
	http.Handle("/chat/ws", ws.NewHandler(node, user, nil))
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("ADDR"), "localhost:8080"), nil))
}
