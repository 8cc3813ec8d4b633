package sqlite_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/sqlite"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "chat")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	store, err := sqlite.Open(ctx, filepath.Join(dir, "chat.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	// A node does this; programs use a chat.Hub.
	ann := chat.User{ID: "ann", Name: "Ann"}
	if _, err := store.CreateRoom(ctx, chat.RoomWrite{Room: "lobby", By: ann, ID: "create-the-lobby", Kind: chat.Public, Name: "Lobby"}); err != nil {
		log.Fatal(err)
	}
	hello := chat.Write{Room: "lobby", User: ann, ID: "say-hello-to-all", Kind: chat.Message, Text: "Hello!", Basis: 1}
	for range 2 { // the second time is a resend
		stored, err := store.Append(ctx, hello)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(stored.Event.Seq, stored.Event.Text, stored.Duplicate)
	}
	// Output:
	// 2 Hello! false
	// 2 Hello! true
}
