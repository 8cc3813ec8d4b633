// Command embedbot is somebody's web shop that has got a chat with a bot: the
// bot answers /order from the shop's own data, in the shop's own process, and
// whoever is logged in to the shop is in the chat.
//
//	go run ./examples/embedbot
//	curl -u ann:x localhost:8080/chat/rooms
//	curl -u ann:x localhost:8080/chat/rooms/<id>/commands \
//	    -H 'Content-Type: application/json' -d '{"id":"a-random-id-0001","text":"/order 17"}'
//
// Nothing is kept here when the program ends; examples/minimal keeps it.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport/rest"
	"github.com/carlware/gochat/transport/ws"
)

// What the shop had before: orders, and who its customers are.
var orders = map[int]string{17: "on its way", 18: "being packed"}

func customer(r *http.Request) (chat.Principal, error) {
	name, _, _ := r.BasicAuth() // a real shop looks at its session here
	return chat.Principal{User: chat.User{ID: chat.UserID(name), Name: name}}, nil
}

// What the chat takes.
type order struct {
	Number int `cmd:"number,required" min:"1" help:"the number on the bill"`
}

func main() {
	bot := command.NewBot("shop", nil)
	command.Handle(bot, "order", "Says how an order is doing", func(_ context.Context, c *command.Call, o order) error {
		if orders[o.Number] == "" {
			return command.Fail("There is no such order.")
		}
		return c.Sayf("Order %d is %s.", o.Number, orders[o.Number])
	})
	node, err := chat.New(&chat.Options{Commands: bot, Lobby: "support"})
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "Welcome to the shop.") })
	http.Handle("/chat/", http.StripPrefix("/chat", rest.NewHandler(node, customer, nil)))
	http.Handle("/chat/ws", ws.NewHandler(node, customer, nil))
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("ADDR"), "localhost:8080"), nil))
}
