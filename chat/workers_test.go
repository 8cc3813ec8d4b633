package chat_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// worker is a bot whose process dies in its work: it says who it is after two
// seconds.
func worker(name string, runs *atomic.Int64) *command.Bot {
	bot := command.NewBot("clerk", &command.BotOptions{Logger: quiet})
	command.Handle(bot, "work", "Works", func(ctx context.Context, c *command.Call, _ struct{}) error {
		runs.Add(1)
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
		}
		return c.Say(fmt.Sprintf("%s, attempt %d", name, c.Attempt))
	})
	return bot
}

// messages returns what was said in a room, after some time for what comes late.
func messages(t *testing.T, r chat.Room) (texts []string) {
	t.Helper()
	time.Sleep(time.Minute)
	page, err := r.History(t.Context(), chat.System, chat.Range{})
	require.NoError(t, err)
	for _, e := range page.Events {
		if e.Kind == chat.Message {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// A worker that dies in the middle of a call, as by SIGKILL, is replaced: another
// one answers, and what the dead one had to say is not said too.
func TestAnotherWorkerAnswersForOneThatDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, ba, _, _ := two(t)
		connect(t, a, "ana", nil)
		r, _ := room(t, a, "ana", chat.NewRoom{Name: "Tea"})
		var runs atomic.Int64
		dies, lives := ba.Connect(), ba.Connect()
		defer dies.Close()
		defer lives.Close()
		serve(t, worker("first", &runs), dies)
		synctest.Wait()
		call, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/work"})
		require.NoError(t, err)
		time.Sleep(time.Second)
		serve(t, worker("second", &runs), lives)
		dies.Disconnect(nil)
		o, err := call.Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, chat.CallDone, o.Status)
		require.Len(t, o.Seqs, 1)
		dies.Reconnect() // it was only away, and still has its answer
		require.Equal(t, []string{"second, attempt 2"}, messages(t, r))
		require.EqualValues(t, 2, runs.Load())
	})
}

// With nobody to take its place the call ends at its deadline, once, and a
// worker that comes later does not answer it.
func TestDeadWorkerIsATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, ba, _, _ := two(t)
		ana := connect(t, a, "ana", nil)
		r, _ := room(t, a, "ana", chat.NewRoom{Name: "Tea"})
		var runs atomic.Int64
		dies := ba.Connect()
		defer dies.Close()
		serve(t, worker("first", &runs), dies)
		synctest.Wait()
		_, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/work"})
		require.NoError(t, err)
		began := time.Now()
		time.Sleep(time.Second)
		dies.Disconnect(nil)

		c, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/work"})
		require.NoError(t, err)
		o, err := c.Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, "no_bot", o.Error.Code, "known at once, although it is announced")
		require.Less(t, time.Since(began), 2*time.Second)

		require.Equal(t, o, nextOutcome(t, ana))
		o = nextOutcome(t, ana)
		require.Equal(t, "timeout", o.Error.Code)
		require.Equal(t, command.DefaultTimeout, time.Since(began))
		dies.Reconnect()
		require.Empty(t, messages(t, r))
		require.EqualValues(t, 1, runs.Load())
	})
}

// The chat asks the bot that has served a name longest, or the one that it is
// told to; never both. When that one has gone, the other one is asked.
func TestTwoBotsWithOneCommand(t *testing.T) {
	for name, tt := range map[string]struct {
		prefer map[string]string
		first  string
	}{
		"the first":     {nil, "old"},
		"the preferred": {map[string]string{"work": "new"}, "new"},
		"none such":     {map[string]string{"work": "nobody"}, "old"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, ba, _, s := two(t)
				n := newNode(t, &chat.Options{Store: s.connect(), Broker: ba, Prefer: tt.prefer})
				connect(t, n, "ana", nil)
				r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
				stop := map[string]func(){}
				for _, name := range []string{"old", "new"} {
					bot := command.NewBot(name, &command.BotOptions{Logger: quiet})
					command.Handle(bot, "work", "Works", func(_ context.Context, c *command.Call, _ struct{}) error { return c.Say(name) })
					stop[name] = serve(t, bot, ba)
					time.Sleep(time.Second)
				}
				_, err := ask(t, r, "ana", "/work")
				require.NoError(t, err)
				require.Equal(t, []string{tt.first}, messages(t, r))
				stop[tt.first]()
				time.Sleep(time.Second)
				_, err = ask(t, r, "ana", "/work")
				require.NoError(t, err)
				said := messages(t, r)
				require.Len(t, said, 2)
				require.NotEqual(t, tt.first, said[1])
			})
		})
	}
}
