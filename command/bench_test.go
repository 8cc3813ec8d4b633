package command_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport/memory"
)

func BenchmarkExecute(b *testing.B) {
	bot := newGreeter()
	c := command.Call{ID: "c", Name: "greet", Args: "Ana", Line: "/greet Ana"}
	b.ReportAllocs()
	for b.Loop() {
		if r := command.Execute(b.Context(), bot, c, nil); r.Err != nil {
			b.Fatal(r.Err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := command.Parse("/stock=aapl.us"); err != nil {
			b.Fatal(err)
		}
	}
}

// One call after the other: what a queue in memory adds to a fast command.
func BenchmarkQueuedRoundTrip(b *testing.B) {
	broker := memory.New(nil)
	defer broker.Close()
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 2)
	go func() { stopped <- newGreeter().Run(ctx, broker) }()
	remote := command.NewRemote(broker, "s", nil)
	replies := make(chan command.Reply)
	go func() {
		stopped <- remote.Results(ctx, func(_ context.Context, _, _ string, r command.Reply) error {
			replies <- r
			return nil
		})
	}()
	c := command.Call{
		ID: "warm", Bot: "greeter", Name: "greet", Args: "Ana", Line: "/greet Ana", Remaining: command.DefaultTimeout,
		Room: command.Room{ID: "r"}, User: command.User{ID: "u"},
	}
	for remote.Send(ctx, c) != nil { // until the bot is there
	}
	<-replies
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		c.ID = strconv.Itoa(n)
		if err := remote.Send(ctx, c); err != nil {
			b.Fatal(err)
		}
		if r := <-replies; r.Err != nil {
			b.Fatal(r.Err)
		}
	}
	cancel()
	for range 2 {
		if err := <-stopped; err != nil {
			b.Fatal(err)
		}
	}
}
