package commandtest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/command/commandtest"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// counter is a bot that counts how often each call came to it.
type counter struct {
	mu   sync.Mutex
	seen map[string]int
}

func (s *counter) bot() *command.Bot {
	s.seen = map[string]int{}
	b := command.NewBot("counter", &command.BotOptions{Logger: quiet})
	command.Handle(b, "count", "", func(ctx context.Context, c *command.Call, a struct {
		To int `cmd:"to" default:"0"`
	}) error {
		s.mu.Lock()
		s.seen[c.ID]++
		s.mu.Unlock()
		for i := range a.To {
			if err := c.Progress(fmt.Sprint(i + 1)); err != nil {
				return err
			}
			time.Sleep(time.Second)
		}
		return c.Say(c.ID)
	})
	return b
}

func (s *counter) times(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[id]
}

func bubble(t *testing.T, f *commandtest.Faults, fn func(*testing.T, *commandtest.Chat, *commandtest.FaultyBroker, *counter)) {
	synctest.Test(t, func(t *testing.T) {
		b := commandtest.Faulty(memory.New(&memory.Options{Logger: quiet}), f)
		defer b.Close()
		s := &counter{}
		fn(t, commandtest.Behind(t, b, s.bot()), b, s)
	})
}

func TestBehind(t *testing.T) {
	bubble(t, nil, func(t *testing.T, chat *commandtest.Chat, b *commandtest.FaultyBroker, s *counter) {
		r := chat.Run("/count 3", nil)
		require.Equal(t, "progress: 1\nprogress: 2\nprogress: 3\nroom: test-call-1\n", r.String())
		require.Equal(t, "room: mine\n", chat.Run("/count", &commandtest.Options{ID: "mine"}).String())
		require.Equal(t, command.CodeUsage, chat.Run("/count x", nil).Code())
		require.Equal(t, command.CodeUsage, chat.Run("count", nil).Code())
		require.Equal(t, "There is no command /cuont. Did you mean /count?", chat.Run("/cuont", nil).Err.Message)
		require.Len(t, chat.Replies(), 3)
		require.Equal(t, "mine", chat.Replies()[1].ID)
		require.Equal(t, "counter", chat.Replies()[1].Bot)
		require.Zero(t, b.Faults())

		start := time.Now()
		require.Equal(t, command.CodeTimeout, chat.Run("/count 5", &commandtest.Options{Timeout: 2 * time.Second}).Code())
		require.Equal(t, 2*time.Second, time.Since(start))
		time.Sleep(5 * time.Second) // the handler ignores its context
	})
}

// Nobody serves: known at once for a bot that was there, and never heard of for
// another one.
func TestBehindNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(nil)
		defer b.Close()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- new(counter).bot().Run(ctx, b) }()
		synctest.Wait()
		chat := commandtest.Behind(t, b)
		require.Equal(t, "room: test-call-1\n", chat.Run("/count", nil).String())
		stop()
		require.NoError(t, <-ended)
		time.Sleep(time.Minute)
		require.Equal(t, command.CodeNoBot, chat.Run("/count", nil).Code())
		require.Equal(t, command.CodeUnknownCommand, chat.Run("/other", nil).Code())
	})
}

func TestFaultyDrops(t *testing.T) {
	for name, f := range map[string]commandtest.Faults{
		"requests": {Requests: commandtest.Rates{Drop: 1}},
		"results":  {Results: commandtest.Rates{Drop: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, &f, func(t *testing.T, chat *commandtest.Chat, b *commandtest.FaultyBroker, s *counter) {
				start := time.Now()
				require.Equal(t, command.CodeTimeout, chat.Run("/count", nil).Code())
				require.Equal(t, 10*time.Second, time.Since(start))
				require.Equal(t, commandtest.FaultCounts{Dropped: 1}, b.Faults())
				require.Empty(t, chat.Replies())
			})
		})
	}
	f := commandtest.Faults{Events: commandtest.Rates{Drop: 1}}
	bubble(t, &f, func(t *testing.T, chat *commandtest.Chat, b *commandtest.FaultyBroker, s *counter) {
		require.Equal(t, "room: test-call-1\n", chat.Run("/count 2", nil).String())
		require.Equal(t, 2, b.Faults().Dropped)
	})
}

func TestFaultyDuplicates(t *testing.T) {
	all := commandtest.Rates{Duplicate: 1}
	f := commandtest.Faults{Requests: all, Results: all, Events: all}
	bubble(t, &f, func(t *testing.T, chat *commandtest.Chat, b *commandtest.FaultyBroker, s *counter) {
		r := chat.Run("/count 1", nil)
		require.Equal(t, "progress: 1\nroom: test-call-1\n", r.String(), "nothing of it shows")
		time.Sleep(time.Minute)
		require.Equal(t, 2, s.times("test-call-1"), "the bot got it twice")
		require.Len(t, chat.Replies(), 4, "and each answer came twice")
	})
}

// A worker that dies with its answer is a call that comes again, with the same
// id: four times, then it is given up.
func TestFaultyCrashes(t *testing.T) {
	bubble(t, &commandtest.Faults{Crash: 1}, func(t *testing.T, chat *commandtest.Chat, b *commandtest.FaultyBroker, s *counter) {
		require.Equal(t, command.CodeTimeout, chat.Run("/count", nil).Code())
		require.Equal(t, 4, s.times("test-call-1"))
		require.Equal(t, commandtest.FaultCounts{Crashed: 4}, b.Faults())
	})
}

func TestFaultyDelays(t *testing.T) {
	all := commandtest.Rates{Delay: 1}
	f := commandtest.Faults{Seed: 3, Requests: all, Results: all, Events: all, MaxDelay: 2 * time.Second}
	bubble(t, &f, func(t *testing.T, chat *commandtest.Chat, b *commandtest.FaultyBroker, s *counter) {
		start := time.Now()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { require.Empty(t, chat.Run("/count", nil).Code()) })
		}
		wg.Wait()
		require.Less(t, time.Since(start), 4*time.Second)
		require.Greater(t, time.Since(start), time.Second)
		var order []string
		for _, r := range chat.Replies() {
			order = append(order, r.ID)
		}
		require.Len(t, order, 10)
		require.Equal(t, 20, b.Faults().Delayed)

		r := chat.Run("/count 8", nil)
		require.Less(t, len(r.Progress), 8, "what was overtaken is dropped")
		require.IsIncreasing(t, r.Progress)
	})
}

// Whatever goes wrong, each call ends once, with its own answer or a timeout;
// and the same seed does the same again. (With crashes not quite, for the broker
// itself chooses when to deliver again.)
func TestFaultySeeds(t *testing.T) {
	run := func(t *testing.T, seed uint64, crash float64) (ends string, counts commandtest.FaultCounts) {
		rates := commandtest.Rates{Drop: 0.1, Duplicate: 0.3, Delay: 0.5}
		f := commandtest.Faults{Seed: seed, Requests: rates, Results: rates, Events: rates, Crash: crash}
		bubble(t, &f, func(t *testing.T, chat *commandtest.Chat, b *commandtest.FaultyBroker, s *counter) {
			const calls = 50
			results := make([]commandtest.Result, calls)
			var wg sync.WaitGroup
			for i := range results {
				wg.Go(func() { results[i] = chat.Run("/count", &commandtest.Options{ID: fmt.Sprint("c", i)}) })
			}
			wg.Wait()
			time.Sleep(time.Minute)
			for i, r := range results {
				ends += r.Code() + ","
				if r.Code() != command.CodeTimeout {
					require.Equal(t, fmt.Sprintf("room: c%d\n", i), r.String())
				}
			}
			counts = b.Faults()
		})
		return ends, counts
	}
	ends, counts := run(t, 1, 0.3)
	require.Contains(t, ends, command.CodeTimeout)
	require.Greater(t, strings.Count(ends, ",")-strings.Count(ends, command.CodeTimeout), 30, ends)
	require.NotZero(t, counts.Dropped*counts.Duplicated*counts.Delayed*counts.Crashed, counts)

	ends, counts = run(t, 1, 0)
	again, sameCounts := run(t, 1, 0)
	require.Equal(t, ends, again)
	require.Equal(t, counts, sameCounts)
	other, _ := run(t, 2, 0)
	require.NotEqual(t, ends, other)
}

// A closed broker drops what it holds back.
func TestFaultyClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := commandtest.Faulty(memory.New(nil), &commandtest.Faults{Events: commandtest.Rates{Delay: 1}})
		got := 0
		ended := make(chan error)
		go func() {
			ended <- b.Subscribe(t.Context(), "s", func(batch transport.Batch) { got += len(batch.Events) })
		}()
		synctest.Wait()
		require.NoError(t, b.Publish(t.Context(), "s", "k", []byte("x")))
		require.NoError(t, b.Close())
		require.ErrorIs(t, <-ended, transport.ErrClosed)
		require.Zero(t, got)
		require.ErrorIs(t, b.Publish(t.Context(), "s", "k", []byte("x")), transport.ErrClosed)
		require.NoError(t, b.Close())
	})
}
