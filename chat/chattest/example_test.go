package chattest_test

import (
	"context"
	"fmt"
	"log"
	"path/filepath"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
	mystore "github.com/carlware/gochat/chat/sqlite"
)

// A store is one when this passes.
func ExampleTestStore() {
	TestStore := func(t *testing.T) {
		chattest.TestStore(t, func(t *testing.T) chattest.StoreOpener {
			path := filepath.Join(t.TempDir(), "chat.db")
			return func(clock func() time.Time) (chat.Store, error) {
				return mystore.Open(t.Context(), path, &mystore.Options{Clock: clock})
			}
		}, &chattest.StoreOptions{Persistent: true, Clock: true})
	}
	_ = TestStore // it needs a testing.T
}

// moderated wraps a hub to add rules of its own; here it adds none.
var moderated = struct{ New func(chat.Hub) chat.Hub }{func(h chat.Hub) chat.Hub { return h }}

// What wraps a node is still a hub when this passes.
func ExampleTestHub() {
	open := func(*testing.T) chat.Store { return nil } // in memory

	TestHub := func(t *testing.T) {
		chattest.TestHub(t, func(t *testing.T, o chat.Options) []chat.Hub {
			o.Store = open(t)
			node, err := chat.New(&o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { node.Shutdown(context.Background()) })
			return []chat.Hub{moderated.New(node)}
		}, nil)
	}
	_ = TestHub // it needs a testing.T
}

// A history that a chat has, and one that it must not have.
func ExampleRecorder() {
	ctx := context.Background()
	node, err := chat.New(&chat.Options{Lobby: "general"})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Shutdown(ctx)

	var r chattest.Recorder
	ann := r.Client("ann", "ann's laptop")
	session, err := node.Connect(ctx, chat.Principal{User: chat.User{ID: "ann", Name: "Ann"}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	welcome := session.Welcome()
	ann.Connected(welcome, nil)
	room, err := node.Room(ctx, "ann", welcome.Rooms[0].ID)
	if err != nil {
		log.Fatal(err)
	}

	id := chat.NewID()
	ann.Sent(welcome.Rooms[0].ID, id)
	receipt, err := room.Post(ctx, "ann", chat.Draft{ID: id, Text: "hello"})
	if err != nil {
		log.Fatal(err)
	}
	ann.Acked(welcome.Rooms[0].ID, id, receipt.Event.Seq)
	for ann.At(welcome.Rooms[0].ID) < receipt.Event.Seq {
		d, err := session.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		ann.Delivered(d)
	}
	if err := r.ReadLog(ctx, room); err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Check())

	// Somebody is told that a message was stored which is not there.
	ann.Sent(welcome.Rooms[0].ID, "an-id-that-is-lost")
	ann.Acked(welcome.Rooms[0].ID, "an-id-that-is-lost", receipt.Event.Seq+1)
	fmt.Println(r.Check() != nil)
	// Output:
	// <nil>
	// true
}
