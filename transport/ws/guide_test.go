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

// logins are a host's own, by their tokens.
type logins map[string]chat.User

// Check says whose token it is.
func (l logins) Check(_ context.Context, token string) (chat.Principal, error) {
	user, ok := l[token]
	if !ok {
		return chat.Principal{}, chat.ErrExpired
	}
	return chat.Principal{User: user}, nil
}

// A chat behind the host's own logins, and its end.
func Example_serve() {
	myLogins := logins{"t0ken": {ID: "u1", Name: "Ana"}}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	node, err := chat.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	handler := ws.NewHandler(node, func(r *http.Request) (chat.Principal, error) {
		token, _ := ws.BearerToken(r)
		return myLogins.Check(r.Context(), token)
	}, nil)
	http.Handle("/ws", handler)
	server := &http.Server{}
	there := httptest.NewServer(http.DefaultServeMux)
	defer there.Close()

	ana, err := ws.Dial(ctx, there.URL+"/ws", &ws.DialOptions{Token: token("t0ken")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ana.User().Name)
	ana.Close()

	server.Shutdown(ctx)
	handler.Shutdown(ctx)
	node.Shutdown(ctx)
	fmt.Println(handler.Stats().Draining)
	// Output:
	// Ana
	// true
}

// A program that answers whatever is said.
func Example_client() {
	run := func(ctx context.Context, freshToken func(context.Context) (string, error)) error {
		c, err := ws.Dial(ctx, "wss://chat.example/ws", &ws.DialOptions{
			Token: func(ctx context.Context) (string, error) { return freshToken(ctx) },
		})
		if err != nil {
			return err
		}
		defer c.Close()
		for u, err := range c.Events(ctx) {
			if err != nil {
				return err
			}
			if e := u.Event; e != nil && e.Kind == chat.Message && e.User.ID != c.User().ID {
				if _, err := c.Post(ctx, e.Room, chat.Draft{Text: "You said " + e.Text}); err != nil {
					return err
				}
			}
		}
		return nil
	}
	_ = run // it needs a server
}
