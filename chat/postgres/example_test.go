package postgres_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/postgres"
	"github.com/carlware/gochat/transport"
)

// A node of several, each with a store of its own on the same database.
func ExampleOpen() {
	run := func(ctx context.Context, broker transport.Broker) error {
		store, err := postgres.Open(ctx, "postgres://chat@db/app", nil)
		if err != nil {
			return err
		}
		defer store.Close()
		node, err := chat.New(&chat.Options{Store: store, Broker: broker})
		if err != nil {
			return err
		}
		return node.Shutdown(ctx)
	}
	_ = run // it needs a server
}

// A server that is away can be told from a mistake in the settings.
func ExampleOpen_unavailable() {
	ctx := context.Background()
	_, err := postgres.Open(ctx, "postgres://chat@127.0.0.1:1/app?sslmode=disable", nil) // nobody listens there
	fmt.Println(errors.Is(err, chat.ErrUnavailable))
	_, err = postgres.Open(ctx, "postgres://chat@127.0.0.1:nowhere/app", nil)
	fmt.Println(errors.Is(err, chat.ErrUnavailable))
	// Output:
	// true
	// false
}
