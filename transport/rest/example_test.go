package rest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport/rest"
)

func ExampleNewHandler() {
	node, err := chat.New(&chat.Options{Lobby: "general"})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Shutdown(context.Background())

	// The host decides who somebody is. This one trusts a proxy in front of it.
	authenticate := func(r *http.Request) (chat.Principal, error) {
		name := r.Header.Get("X-Remote-User")
		return chat.Principal{User: chat.User{ID: chat.UserID(name), Name: name}}, nil
	}
	mux := http.NewServeMux()
	api := rest.NewHandler(node, authenticate, nil)
	mux.Handle("/api/", http.StripPrefix("/api", api))

	room := "…"
	request := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("X-Remote-User", "ann")
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "Yk3mS0fXQ8u1r2v7w9x4zA")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w
	}
	if w := request("GET", "/api/rooms", ""); w.Code == http.StatusOK {
		_, room, _ = strings.Cut(w.Body.String(), `"id":"`)
		room, _, _ = strings.Cut(room, `"`)
	}
	for range 2 { // the second one is a repeat, and stores nothing
		w := request("POST", "/api/rooms/"+room+"/messages", `{"text":"hello"}`)
		fmt.Println(w.Code, strings.Contains(w.Body.String(), `"dup":true`))
	}
	// Output:
	// 201 false
	// 200 true
}
