package chat_test

import (
	"context"
	"fmt"
	"log"

	"github.com/carlware/gochat/chat"
)

func ExampleNew() {
	ctx := context.Background()
	node, err := chat.New(&chat.Options{Lobby: "general"})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Shutdown(ctx)

	// Two people connect. Usually transport/ws does that for them.
	ana := chat.Principal{User: chat.User{ID: "u1", Name: "Ana"}}
	bob := chat.Principal{User: chat.User{ID: "u2", Name: "Bob"}}
	if err := node.Admit(ctx, ana); err != nil {
		log.Fatal(err)
	}
	session, err := node.Connect(ctx, bob, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()

	lobby, err := node.Room(ctx, "u1", session.Welcome().Rooms[0].ID)
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := lobby.Post(ctx, "u1", chat.Draft{ID: chat.NewID(), Text: "Hello, Bob"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored as", receipt.Event.Seq)

	delivery, err := session.Next(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d %s: %s\n", delivery.Event.Seq, delivery.Event.User.Name, delivery.Event.Text)
	// Output:
	// stored as 4
	// 4 Ana: Hello, Bob
}

func ExampleRoom_history() {
	ctx := context.Background()
	node, _ := chat.New(nil)
	defer node.Shutdown(ctx)
	node.Admit(ctx, chat.Principal{User: chat.User{ID: "u1", Name: "Ana"}})

	room, err := node.CreateRoom(ctx, "u1", chat.NewRoom{ID: chat.NewID(), Name: "Tea"})
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"green", "black", "white"} {
		room.Post(ctx, "u1", chat.Draft{ID: chat.NewID(), Text: text})
	}
	page, err := room.History(ctx, "u1", chat.Range{Limit: 2})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range page.Events {
		fmt.Println(e.Seq, e.Kind, e.Text)
	}
	fmt.Println("more:", page.More)
	// Output:
	// 4 message black
	// 5 message white
	// more: true
}
