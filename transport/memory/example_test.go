package memory_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// A bot serves a command, a chat sends a request and gets the result.
func ExampleNew() {
	broker := memory.New(nil)
	defer broker.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	var wg sync.WaitGroup
	wg.Go(func() { // the bot
		broker.Work(ctx, "echo", "shout", nil, func(ctx context.Context, r transport.Request) (transport.Result, error) {
			return transport.Result{ID: r.ID, Body: []byte(strings.ToUpper(string(r.Body)))}, nil
		})
	})
	wg.Go(func() { // the chat
		request := transport.Request{
			ID: "call-1", Store: "store-1", Bot: "echo", Command: "shout",
			Timeout: 5 * time.Second, Body: []byte("hello"),
		}
		for broker.Send(ctx, request) != nil { // ErrNoHandler until the bot is there
			time.Sleep(time.Millisecond)
		}
	})
	broker.Results(ctx, "store-1", func(ctx context.Context, r transport.Result) error {
		fmt.Printf("%s from %s: %s\n", r.ID, r.Bot, r.Body)
		cancel()
		return nil
	})
	wg.Wait()
	// Output: call-1 from echo: HELLO
}

// A subscriber's first batch is a Gap: from here on nothing is missed.
func ExampleBroker_Subscribe() {
	broker := memory.New(nil)
	defer broker.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	broker.Subscribe(ctx, "store-1", func(batch transport.Batch) {
		if batch.Gap {
			fmt.Println("live; read the log")
			broker.Publish(ctx, "store-1", "room-1", []byte("event 1"))
		}
		for _, event := range batch.Events {
			fmt.Printf("%s: %s\n", event.Key, event.Body)
			cancel()
		}
	})
	// Output:
	// live; read the log
	// room-1: event 1
}
