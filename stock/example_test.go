package stock_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/stock"
	"github.com/carlware/gochat/transport"
)

// The bot answers in the chat's own process; chat.Options.Commands takes it as
// it is, and its Run serves it from a queue.
func ExampleNewBot() {
	bot := stock.NewBot(stock.Sample{}, nil)

	for _, line := range []string{"/stock=aapl.us", "/stock=aapl", "/stock"} {
		name, args, _ := command.Parse(line)
		reply := command.Execute(context.Background(), bot, command.Call{Name: name, Args: args, Line: line}, nil)
		for _, p := range reply.Parts {
			fmt.Println(p.Text)
		}
		if reply.Err != nil {
			fmt.Println(reply.Err.Message)
		}
	}
	// Output:
	// AAPL.US quote is $93.42 per share. (sample data)
	// There is no quote for AAPL. Did you mean AAPL.US?
	// symbol is missing.
	// Usage: /stock <symbol…>
}

// The bot in the chat's own process, and in another one.
func ExampleNewBot_mount() {
	fast := func() (*chat.Node, error) {
		node, err := chat.New(&chat.Options{Commands: stock.NewBot(stock.Sample{}, nil)})
		return node, err
	}
	queued := func(ctx context.Context, provider stock.Provider, broker transport.Broker) error {
		err := stock.NewBot(provider, nil).Run(ctx, broker)
		return err
	}
	_, _ = fast, queued
}

// A provider is one method. Here is one behind a cache.
func ExampleCached() {
	provider := stock.Cached(stock.Sample{}, nil)
	q, err := provider.Quote(context.Background(), "msft.us")
	fmt.Println(q, err)
	_, err = provider.Quote(context.Background(), "nope.us")
	fmt.Println(errors.Is(err, stock.ErrUnknownSymbol))
	// Output:
	// MSFT.US quote is $497.65 per share. (sample data) <nil>
	// true
}

// A source with a key, made-up quotes when it fails.
func ExampleFallback() {
	live, err := stock.NewFinnhub("your-key", &stock.FinnhubOptions{URL: "http://127.0.0.1:1/quote"}) // nobody is there
	if err != nil {
		fmt.Println(err)
		return
	}
	provider := stock.Fallback(stock.Cached(live, nil), stock.Sample{})
	q, err := provider.Quote(context.Background(), "aapl.us")
	fmt.Println(q, err)
	// Output: AAPL.US quote is $93.42 per share. (sample data) <nil>
}
