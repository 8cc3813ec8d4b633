package sqlite_test

import (
	"context"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/sqlite"
)

// A chat in a file.
func Example() {
	run := func(ctx context.Context) error {
		store, err := sqlite.Open(ctx, "chat.db", nil)
		if err != nil {
			return err
		}
		defer store.Close()
		node, err := chat.New(&chat.Options{Store: store})
		if err != nil {
			return err
		}
		return node.Shutdown(ctx)
	}
	_ = run // it leaves a file
}
