package command_test

import (
	"context"
	"fmt"
	"log"
	"testing"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/command/commandtest"
	"github.com/carlware/gochat/transport/memory"
)

// The same bot in a chat's process, and behind a broker.
func Example_mount() {
	bot := command.NewBot("greeter", nil)
	command.Handle(bot, "greet", "Greets somebody", func(ctx context.Context, c *command.Call, a struct {
		Name  string `cmd:"name,required" help:"who to greet"`
		Times int    `cmd:"times" default:"1" min:"1" max:"3"`
	}) error {
		return c.Sayf("Hello, %s!", a.Name)
	})

	fast := func() (*chat.Node, error) {
		node, err := chat.New(&chat.Options{Commands: bot})
		return node, err
	}
	node, err := fast()
	if err != nil {
		log.Fatal(err)
	}
	defer node.Shutdown(context.Background())
	fmt.Println(bot.Specs()[0].Usage)

	ctx, cancel := context.WithCancel(context.Background())
	cancel() // at once, here
	broker := memory.New(nil)
	defer broker.Close()
	queued := func() error {
		err := bot.Run(ctx, broker)
		return err
	}
	fmt.Println(queued())
	// Output:
	// /greet <name> [times]
	// <nil>
}

// A bot is tested without a chat and without a broker.
func TestGuide(t *testing.T) {
	bot := newGreeter()
	r := commandtest.Run(t, bot, "/greet=Ana", nil)
	if got := r.Public(0); got != "Hello, Ana!" {
		t.Errorf("said %q", got)
	}
}
