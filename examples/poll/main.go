// Command poll is a chat in which rooms vote: /poll asks, /vote answers, and
// /close counts. It shows a bot with several commands that share a state,
// typed arguments, answers that only the caller sees, and progress.
//
//	go run ./examples/poll
//	curl -u ann:x localhost:8080/chat/rooms
//	curl -u ann:x localhost:8080/chat/rooms/<id>/commands \
//	    -H 'Content-Type: application/json' -d '{"id":"a-random-id-0001","text":"/poll Lunch? pizza sushi"}'
//
// Who somebody is, this program believes; a real one looks at its session.
package main

import (
	"cmp"
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
	node, err := chat.New(&chat.Options{Commands: newBot(), Lobby: "office"})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/chat/", http.StripPrefix("/chat", rest.NewHandler(node, user, nil)))
	http.Handle("/chat/ws", ws.NewHandler(node, user, nil))
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("ADDR"), "localhost:8080"), nil))
}
