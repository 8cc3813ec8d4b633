package chat_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	broker "github.com/carlware/gochat/transport/memory"
)

// A bot that tells of its progress without a pause floods nobody, wherever it
// runs: what comes faster than people read is merged, in order, and the latest
// is told.
func TestProgressIsMerged(t *testing.T) {
	bot := func() *command.Bot {
		bot := command.NewBot("clerk", &command.BotOptions{Logger: quiet})
		command.Handle(bot, "work", "Works", func(_ context.Context, c *command.Call, _ struct{}) error {
			for i := range 2000 { // two seconds of it
				_ = c.Progress(fmt.Sprintf("%04d", i))
				time.Sleep(time.Millisecond)
			}
			time.Sleep(time.Second)
			return nil
		})
		return bot
	}
	for name, start := range map[string]func(t *testing.T) *chat.Node{
		"in this process": func(t *testing.T) *chat.Node { return newNode(t, &chat.Options{Commands: bot()}) },
		"behind a broker": func(t *testing.T) *chat.Node {
			b := broker.New(nil)
			t.Cleanup(func() { b.Close() })
			n := newNode(t, &chat.Options{Broker: b})
			serve(t, bot(), b)
			return n
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := start(t)
				ana := connect(t, n, "ana", nil)
				r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
				synctest.Wait()
				_, err := ask(t, r, "ana", "/work")
				require.NoError(t, err)
				ns := notices(t, ana, chat.Progress)
				require.Equal(t, "0000", ns[0].Text, "at once")
				require.Equal(t, "1999", ns[len(ns)-1].Text)
				require.LessOrEqual(t, len(ns), 10)
				for i := range ns[1:] {
					require.Less(t, ns[i].Text, ns[i+1].Text)
				}
			})
		})
	}
}
