// Command minimal is a whole chat: rooms with durable, ordered history, live in
// every browser that opens http://localhost:8080.
//
// Who somebody is, is the host's own rule. This one believes the name that the
// page puts into the address, so it is good for a desk and nothing else.
package main

import (
	"cmp"
	"context"
	"embed"
	"log"
	"net/http"
	"os"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/sqlite"
	"github.com/carlware/gochat/transport/ws"
	"github.com/carlware/gochat/transport/ws/browser"
)

//go:embed index.html
var page embed.FS

func main() {
	node := must(chat.New(&chat.Options{Lobby: "general", Store: must(sqlite.Open(context.Background(), "chat.db", nil))}))
	http.Handle("/ws", ws.NewHandler(node, func(r *http.Request) (chat.Principal, error) {
		return chat.Principal{User: chat.User{ID: chat.UserID(r.FormValue("name")), Name: r.FormValue("name")}}, nil
	}, nil))
	http.Handle("/gochat.js", browser.Handler())
	http.Handle("/", http.FileServerFS(page))
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("ADDR"), "localhost:8080"), nil))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
