package ws_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport/ws"
)

// serve starts a chat in memory where the token is the user's name.
func serve() (url string, stop func()) {
	node, err := chat.New(&chat.Options{Lobby: "Lobby"})
	if err != nil {
		log.Fatal(err)
	}
	handler := ws.NewHandler(node, func(r *http.Request) (chat.Principal, error) {
		name, ok := ws.BearerToken(r)
		if !ok {
			return chat.Principal{}, chat.ErrExpired
		}
		return chat.Principal{User: chat.User{ID: chat.UserID(name), Name: name}}, nil
	}, nil)
	server := httptest.NewServer(handler)
	return server.URL, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		handler.Shutdown(ctx)
		server.Close()
		node.Shutdown(ctx)
	}
}

func token(name string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return name, nil }
}

// Two programs talk.
func ExampleDial() {
	url, stop := serve()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	john, err := ws.Dial(ctx, url, &ws.DialOptions{Token: token("John")})
	if err != nil {
		log.Fatal(err)
	}
	defer john.Close()
	carlos, err := ws.Dial(ctx, url, &ws.DialOptions{Token: token("Carlos")})
	if err != nil {
		log.Fatal(err)
	}
	defer carlos.Close()

	for u, err := range carlos.Events(ctx) {
		switch {
		case err != nil:
			log.Fatal(err)
		case u.Welcome != nil:
			lobby := u.Welcome.Rooms[0]
			fmt.Println("welcome to", lobby.Name)
			if _, err := john.Post(ctx, lobby.ID, chat.Draft{Text: "Hello, Carlos!"}); err != nil {
				log.Fatal(err)
			}
		case u.Event != nil && u.Event.Kind == chat.Message:
			fmt.Printf("%s: %s\n", u.Event.User.Name, u.Event.Text)
			return
		}
	}
	// Output:
	// welcome to Lobby
	// John: Hello, Carlos!
}

// A request that is not allowed comes back as an error of package chat.
func ExampleClient_Post() {
	url, stop := serve()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := ws.Dial(ctx, url, &ws.DialOptions{Token: token("John")})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	rooms, _, err := c.Rooms(ctx, "", 0)
	if err != nil {
		log.Fatal(err)
	}
	draft := chat.Draft{ID: chat.NewID(), Text: "Only once"}
	first, err := c.Post(ctx, rooms[0].ID, draft)
	fmt.Println(first.Seq > 0, err)
	again, err := c.Post(ctx, rooms[0].ID, draft)
	fmt.Println(again.Seq == first.Seq, again.Duplicate, err)
	_, err = c.Post(ctx, "no-such-room", chat.Draft{Text: "Anyone?"})
	fmt.Println(err)
	// Output:
	// true <nil>
	// true true <nil>
	// ws: message: not_found: There is no such thing here, or you may not see it.
}

func ExampleNewHandler() {
	node, err := chat.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer node.Shutdown(context.Background())
	handler := ws.NewHandler(node, func(r *http.Request) (chat.Principal, error) {
		return chat.Principal{}, chat.ErrForbidden // ask your own logins
	}, &ws.Options{Origins: []string{"https://app.example"}})
	defer handler.Shutdown(context.Background())

	server := httptest.NewServer(handler)
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 426 Upgrade Required
}
