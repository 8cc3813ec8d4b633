package chat_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/postgres"
	"github.com/carlware/gochat/chat/sqlite"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport/rabbitmq"
	"github.com/carlware/gochat/transport/rest"
	"github.com/carlware/gochat/transport/ws"
	"github.com/carlware/gochat/transport/ws/browser"
)

// A chat in a server that was there before, from the beginning to the end.
func Example_embed() {
	who := func(r *http.Request) (chat.Principal, error) {
		name, _, ok := r.BasicAuth()
		if !ok {
			return chat.Principal{}, errors.New("nobody")
		}
		return chat.Principal{User: chat.User{ID: chat.UserID(name), Name: name}}, nil
	}
	serve := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		mux := http.NewServeMux()
		mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "Welcome to the shop.") })

		store, err := sqlite.Open(ctx, "chat.db", nil)
		if err != nil {
			return err
		}
		defer store.Close()
		node, err := chat.New(&chat.Options{Store: store, Lobby: "general"})
		if err != nil {
			return err
		}
		sockets := ws.NewHandler(node, who, nil)
		mux.Handle("GET /chat/ws", sockets)
		mux.Handle("GET /chat/gochat.js", browser.Handler())
		mux.Handle("/chat/", http.StripPrefix("/chat", rest.NewHandler(node, who, nil)))

		for _, path := range []string{"/", "/chat/gochat.js", "/chat/rooms", "/chat/ws"} {
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			fmt.Println(path, w.Code)
		}

		var server http.Server
		server.Shutdown(ctx)
		sockets.Shutdown(ctx)
		node.Shutdown(ctx)
		return nil
	}

	dir, err := os.MkdirTemp("", "chat")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	before, err := os.Getwd()
	if err != nil {
		log.Fatal(err)
	}
	defer os.Chdir(before)
	os.Chdir(dir) // where chat.db will be
	fmt.Println(serve())
	// Output:
	// / 200
	// /chat/gochat.js 200
	// /chat/rooms 401
	// /chat/ws 426
	// <nil>
}

// What a host program knows of a login.
type login struct {
	ID, UserID, Name string
	Begun, Ends      time.Time
}

// logins are the host's own, by their cookies.
type logins map[string]login

// Find returns the login that a request belongs to.
func (l logins) Find(r *http.Request) (login, error) {
	c, err := r.Cookie("session")
	if err != nil {
		return login{}, err
	}
	s, ok := l[c.Value]
	if !ok {
		return login{}, errors.New("no such login")
	}
	return s, nil
}

var sessions = logins{"c-ana": {"s1", "u1", "Ana", time.Now(), time.Now().Add(time.Hour)}}

func who(r *http.Request) (chat.Principal, error) {
	s, err := sessions.Find(r)
	if err != nil {
		return chat.Principal{}, err
	}
	return chat.Principal{
		User:    chat.User{ID: chat.UserID(s.UserID), Name: s.Name},
		Session: s.ID,
		Since:   s.Begun,
		Expires: s.Ends,
	}, nil
}

// Somebody who is logged in to the host is in the chat, until the login ends.
func Example_auth() {
	ctx := context.Background()
	node, err := chat.New(&chat.Options{Lobby: "general"})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Shutdown(ctx)

	r := httptest.NewRequest("GET", "/chat/ws", nil)
	_, err = who(r)
	fmt.Println(err)

	r.AddCookie(&http.Cookie{Name: "session", Value: "c-ana"})
	ana, err := who(r)
	if err != nil {
		log.Fatal(err)
	}
	session, err := node.Connect(ctx, ana, nil) // what transport/ws does
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(session.Principal().User.Name)

	logout := func(user chat.UserID, login string, ends time.Time) error {
		err := node.Revoke(ctx, chat.Revocation{User: user, Session: login, Until: ends})
		return err
	}
	fmt.Println(logout("u1", "s1", ana.Expires))
	<-session.Done()
	fmt.Println(session.Err())
	// Output:
	// http: named cookie not present
	// Ana
	// <nil>
	// chat: revoked
}

// One of several processes that are one chat.
func Example_nodes() {
	run := func(ctx context.Context) error {
		store, err := postgres.Open(ctx, "postgres://chat@db/app", nil)
		if err != nil {
			return err
		}
		defer store.Close()
		broker, err := rabbitmq.Open("amqp://chat@queue", nil)
		if err != nil {
			return err
		}
		defer broker.Close()
		node, err := chat.New(&chat.Options{Store: store, Broker: broker, Lobby: "general"})
		if err != nil {
			return err
		}
		defer node.Shutdown(context.WithoutCancel(ctx))

		http.Handle("GET /chat/ws", ws.NewHandler(node, who, nil))
		http.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
			if err := node.Ready(r.Context()); err != nil {
				http.Error(w, "not ready", http.StatusServiceUnavailable)
			}
		})
		return http.ListenAndServe(":8080", nil)
	}
	_ = run // it needs the servers
}

// A test of a program that has a chat, and a bot, needs nothing else.
func Example_test() {
	bot := command.NewBot("greeter", nil)
	command.Handle(bot, "greet", "Greets somebody", func(_ context.Context, c *command.Call, a struct {
		Name string `cmd:"name,required"`
	}) error {
		return c.Sayf("Hello, %s!", a.Name)
	})
	ctx, ana := context.Background(), chat.User{ID: "u1", Name: "Ana"}
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}

	node, err := chat.New(&chat.Options{Commands: bot, Lobby: "general"})
	check(err)
	defer node.Shutdown(ctx)
	session, err := node.Connect(ctx, chat.Principal{User: ana}, nil)
	check(err)
	room, err := node.Room(ctx, ana.ID, session.Welcome().Rooms[0].ID)
	check(err)
	pending, err := room.Command(ctx, ana.ID, chat.CommandLine{ID: chat.NewID(), Text: "/greet Bob"})
	check(err)
	outcome, err := pending.Wait(ctx)
	check(err)
	fmt.Println(outcome.Status)
	for {
		d, err := session.Next(ctx)
		check(err)
		if e := d.Event; e != nil && e.Kind == chat.Message {
			fmt.Printf("%s: %s\n", e.User.Name, e.Text)
			return
		}
	}
	// Output:
	// done
	// greeter: Hello, Bob!
}
