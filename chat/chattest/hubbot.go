package chattest

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/command"
)

// bots is the bot that the suite has the hubs run, and how often it did.
type bots struct {
	*command.Bot
	runs atomic.Int64

	once sync.Once
	gate chan struct{} // what /held waits for
}

// stallTime is the deadline of /stall.
const stallTime = 100 * time.Millisecond

func newBots() *bots {
	b := &bots{Bot: command.NewBot("suite", &command.BotOptions{Logger: slog.New(slog.DiscardHandler)}), gate: make(chan struct{})}
	handle := func(name, summary string, run func(ctx context.Context, c *command.Call) error) {
		command.Handle(b.Bot, name, summary, func(ctx context.Context, c *command.Call, _ struct{}) error {
			b.runs.Add(1)
			return run(ctx, c)
		})
	}
	handle("say", "Says two things to all", func(_ context.Context, c *command.Call) error {
		if err := c.Say("one"); err != nil {
			return err
		}
		return c.Say("two")
	})
	handle("whisper", "Says something to the caller", func(_ context.Context, c *command.Call) error {
		return c.Ephemeral("psst")
	})
	handle("fill", "Says very much to the caller", func(_ context.Context, c *command.Call) error {
		for range 15 {
			if err := c.Ephemeral(strings.Repeat("x", 4000)); err != nil {
				return err
			}
		}
		return nil
	})
	handle("silent", "Says nothing", func(context.Context, *command.Call) error { return nil })
	handle("fail", "Fails after it has spoken", func(_ context.Context, c *command.Call) error {
		if err := c.Say("never to be seen"); err != nil {
			return err
		}
		return &command.Error{Code: "out_of_tea", Message: "There is no tea."}
	})
	handle("crash", "Panics", func(context.Context, *command.Call) error { panic("a bug") })
	command.HandleSpec(b.Bot, command.Spec{Name: "stall", Summary: "Waits for its deadline", Timeout: stallTime}, func(ctx context.Context, _ *command.Call, _ struct{}) error {
		<-ctx.Done()
		return ctx.Err()
	})
	handle("held", "Answers when it is let", func(ctx context.Context, c *command.Call) error {
		if err := c.Progress("waiting"); err != nil {
			return err
		}
		select {
		case <-b.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
		return c.Say("at last")
	})
	return b
}

// let lets /held answer.
func (b *bots) let() { b.once.Do(func() { close(b.gate) }) }
