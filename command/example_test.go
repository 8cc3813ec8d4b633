package command_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport/memory"
)

func newGreeter() *command.Bot {
	bot := command.NewBot("greeter", nil)
	command.Handle(bot, "greet", "Greets somebody", func(_ context.Context, c *command.Call, a struct {
		Name  string `cmd:"name,required" help:"who to greet"`
		Times int    `cmd:"times" default:"1" min:"1" max:"3"`
	}) error {
		if a.Name == "Voldemort" {
			return command.Fail("We don't say that name.") // only the caller sees it
		}
		for range a.Times {
			if err := c.Sayf("Hello, %s!", a.Name); err != nil { // everybody sees it
				return err
			}
		}
		return nil
	})
	return bot
}

// A bot describes its commands and handles them in one place.
func ExampleBot() {
	bot := newGreeter()
	for _, line := range []string{"/greet Ana", `/greet times=2 "Ana Maria"`, "/greet Voldemort", "/greet Bo 9"} {
		name, args, err := command.Parse(line)
		if err != nil {
			fmt.Println(err)
			continue
		}
		reply := command.Execute(context.Background(), bot, command.Call{Name: name, Args: args, Line: line}, nil)
		for _, p := range reply.Parts {
			fmt.Println(p.Text)
		}
		if reply.Err != nil {
			fmt.Printf("%s: %s\n", reply.Err.Code, reply.Err.Message)
		}
	}
	// Output:
	// Hello, Ana!
	// Hello, Ana Maria!
	// Hello, Ana Maria!
	// bot_error: We don't say that name.
	// usage: times must be at most 3.
	// Usage: /greet <name> [times]
}

// The same bot behind a broker, with the chat's side in the same program.
func ExampleBot_Run() {
	broker := memory.New(nil) // or RabbitMQ, and the bot in a process of its own
	defer broker.Close()
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 3)

	go func() { stopped <- newGreeter().Run(ctx, broker) }()

	chat := command.NewRemote(broker, "my-store", nil)
	go func() { stopped <- chat.Run(ctx) }()
	replies := make(chan command.Reply)
	go func() {
		stopped <- chat.Results(ctx, func(_ context.Context, id, bot string, r command.Reply) error {
			replies <- r
			return nil
		})
	}()

	call := command.Call{
		ID: "call-1", Bot: "greeter", Name: "greet", Args: "Ana", Line: "/greet Ana", Remaining: command.DefaultTimeout,
		Room: command.Room{ID: "r1", Kind: "public"}, User: command.User{ID: "u1", Name: "Bo"},
	}
	for chat.Send(ctx, call) != nil { // until the bot is there
	}
	fmt.Println((<-replies).Parts[0].Text)

	cancel()
	fmt.Println(errors.Join(<-stopped, <-stopped, <-stopped))
	// Output:
	// Hello, Ana!
	// <nil>
}

// Several bots are one handler.
func ExampleRouter() {
	var router command.Router // the zero value is ready
	router.Mount(newGreeter())
	router.Handle(command.Spec{Bot: "parrot", Name: "echo", Summary: "Says it again"},
		command.HandlerFunc(func(_ context.Context, c *command.Call) error { return c.Say(c.Args) }))

	help, _ := command.Help(router.Specs(), "")
	fmt.Println(help)
	// Output:
	// /help [command] – this list, or all about one command
	// /echo – Says it again
	// /greet <name> [times] – Greets somebody
}

// Middleware wraps all commands of a bot.
func ExampleBot_Use() {
	count := 0
	counting := func(next command.Handler) command.Handler {
		return command.HandlerFunc(func(ctx context.Context, c *command.Call) error {
			count++
			return next.HandleCommand(ctx, c)
		})
	}
	bot := command.NewBot("greeter", nil)
	bot.Use(counting, command.Limit(10))
	command.Handle(bot, "greet", "", func(_ context.Context, c *command.Call, _ struct{}) error { return c.Say("Hello!") })

	command.Execute(context.Background(), bot, command.Call{Name: "greet"}, nil)
	fmt.Println(count)
	// Output: 1
}

// What a page offers to somebody who types.
func ExampleComplete() {
	bot := command.NewBot("shop", nil)
	command.Handle(bot, "order", "Buys or sells", func(_ context.Context, _ *command.Call, _ struct {
		Side  string `cmd:"side,required" enum:"buy|sell"`
		Count int    `cmd:"count,required" help:"how many"`
	}) error {
		return nil
	})
	for _, line := range []string{"/o", "/order ", "/order side=s", "/order c"} {
		c := command.Complete(bot.Specs(), line, len(line))
		for _, choice := range c.Choices {
			fmt.Printf("%q\n", line[:c.Start]+choice.Text)
		}
	}
	// Output:
	// "/order "
	// "/order buy"
	// "/order sell"
	// "/order side=sell"
	// "/order count="
}
