package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// chatSide is a Remote with its loops running, and the replies it got.
type chatSide struct {
	*Remote
	mu      sync.Mutex
	replies map[string][]Reply
	bots    map[string]string
}

// inBubble runs f in a synctest bubble with a broker, and ends everything that
// was begun with the go function that it is given.
func inBubble(t *testing.T, f func(t *testing.T, broker *memory.Broker, start func(func(context.Context) error) (stop func()))) {
	synctest.Test(t, func(t *testing.T) {
		broker := memory.New(&memory.Options{Logger: quiet})
		var stops []func()
		f(t, broker, func(run func(context.Context) error) func() {
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- run(ctx) }()
			stop := sync.OnceFunc(func() {
				cancel()
				require.NoError(t, <-ended)
			})
			stops = append(stops, stop)
			synctest.Wait()
			return stop
		})
		for _, stop := range stops {
			stop()
		}
		require.NoError(t, broker.Close())
	})
}

func newChatSide(broker transport.Broker, start func(func(context.Context) error) func()) *chatSide {
	s := &chatSide{Remote: NewRemote(broker, "s1", &RemoteOptions{Logger: quiet}), replies: map[string][]Reply{}, bots: map[string]string{}}
	start(s.Run)
	start(func(ctx context.Context) error {
		return s.Results(ctx, func(_ context.Context, id, bot string, r Reply) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.replies[id] = append(s.replies[id], r)
			s.bots[id] = bot
			return nil
		})
	})
	return s
}

func (s *chatSide) got(id string) []Reply {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replies[id]
}

func call(id, line string) Call {
	name, args, err := Parse(line)
	if err != nil {
		panic(err)
	}
	return Call{
		ID: id, Bot: "greeter", Name: name, Args: args, Line: line, Remaining: 10 * time.Second,
		Room: Room{"r1", "general", "public"}, User: User{"u1", "Ana", "member"},
	}
}

func serve(b *Bot, broker transport.Broker) func(context.Context) error {
	return func(ctx context.Context) error { return b.Run(ctx, broker) }
}

func TestQueuedRoundTrip(t *testing.T) {
	inBubble(t, func(t *testing.T, broker *memory.Broker, start func(func(context.Context) error) func()) {
		var seen Call
		b := NewBot("greeter", &BotOptions{Logger: quiet})
		Handle(b, "greet", "Greets", func(ctx context.Context, c *Call, a struct {
			Name string `cmd:"name,required"`
		}) error {
			seen = *c
			if _, ok := ctx.Deadline(); !ok {
				return errors.New("no deadline")
			}
			return errors.Join(c.Sayf("Hello, %s!", a.Name), c.Ephemeral("psst"))
		})
		HandleSpec(b, Spec{Name: "rule", Roles: []string{"owner"}}, silent)
		Handle(b, "boom", "", func(context.Context, *Call, noArgs) error { panic("bang") })

		chat := newChatSide(broker, start)
		_, known := chat.Lookup("greet")
		require.False(t, known)
		<-chat.Ready()
		stop := start(serve(b, broker))
		require.Equal(t, b.Specs(), chat.Specs())
		spec, known := chat.Lookup("greet")
		require.True(t, known)
		require.Equal(t, b.Specs()[1], spec)

		sent := call("c1", `/greet "Ana Maria"`)
		require.NoError(t, chat.Send(t.Context(), sent))
		require.Equal(t, []Reply{{Parts: []Part{{Text: "Hello, Ana Maria!"}, {Text: "psst", Ephemeral: true}}}}, chat.got("c1"))
		require.Equal(t, "greeter", chat.bots["c1"])
		seen.answer = nil
		sent.Attempt = 1
		require.Equal(t, sent, seen, "the call arrives as it was sent")

		for id, want := range map[string]struct {
			line string
			err  *Error
		}{
			"c2": {"/greet", &Error{CodeUsage, "name is missing.\nUsage: /greet <name>"}},
			"c3": {"/rule", &Error{CodeForbidden, "/rule is for: owner."}},
			"c4": {"/boom", failed("boom")},
		} {
			require.NoError(t, chat.Send(t.Context(), call(id, want.line)))
			require.Equal(t, []Reply{{Err: want.err}}, chat.got(id))
		}

		stop()
		synctest.Wait()
		require.Empty(t, chat.Specs())
		_, known = chat.Lookup("greet")
		require.True(t, known, "a bot that has gone is remembered")
		require.ErrorIs(t, chat.Send(t.Context(), call("c5", "/greet Bo")), transport.ErrNoHandler)
		require.Empty(t, broker.DeadLetters())
	})
}

// A process that stops gives what it can't finish to another one, with the
// same id, and the call is answered once.
func TestStopHandsOver(t *testing.T) {
	inBubble(t, func(t *testing.T, broker *memory.Broker, start func(func(context.Context) error) func()) {
		bot := func(name string, grace time.Duration) *Bot {
			b := NewBot("greeter", &BotOptions{Logger: quiet, Grace: grace})
			Handle(b, "work", "", func(ctx context.Context, c *Call, _ noArgs) error {
				select {
				case <-time.After(3 * time.Second):
					return c.Sayf("%s, attempt %d", name, c.Attempt)
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			return b
		}
		chat := newChatSide(broker, start)

		stopFirst := start(serve(bot("first", time.Second), broker))
		require.NoError(t, chat.Send(t.Context(), call("c1", "/work")))
		synctest.Wait()
		start(serve(bot("second", time.Second), broker))
		begun := time.Now()
		stopFirst()
		require.Equal(t, time.Second, time.Since(begun), "Run waits for the grace, and no longer")
		time.Sleep(4 * time.Second)
		require.Equal(t, []Reply{{Parts: []Part{{Text: "second, attempt 2"}}}}, chat.got("c1"))

		stopPatient := start(serve(bot("patient", 5*time.Second), broker))
		for i := range 4 { // both get some
			require.NoError(t, chat.Send(t.Context(), call(fmt.Sprint("d", i), "/work")))
		}
		synctest.Wait()
		stopPatient()
		time.Sleep(4 * time.Second)
		all := ""
		for i := range 4 {
			got := chat.got(fmt.Sprint("d", i))
			require.Len(t, got, 1)
			require.Nil(t, got[0].Err)
			all += got[0].Parts[0].Text + "; "
		}
		require.Contains(t, all, "patient, attempt 1", "within the grace calls are finished")
		require.NotContains(t, all, "attempt 2")
	})
}

// At its deadline a queued call ends with a timeout, also when the handler
// does not listen; its slot is free when it really ends.
func TestQueuedDeadlines(t *testing.T) {
	inBubble(t, func(t *testing.T, broker *memory.Broker, start func(func(context.Context) error) func()) {
		b := NewBot("greeter", &BotOptions{Logger: quiet, Concurrency: 1})
		Handle(b, "deaf", "", func(_ context.Context, c *Call, _ noArgs) error {
			time.Sleep(15 * time.Second)
			return c.Say("late")
		})
		Handle(b, "quick", "", func(_ context.Context, c *Call, _ noArgs) error { return c.Sayf("%v", c.Remaining) })
		chat := newChatSide(broker, start)
		start(serve(b, broker))

		require.NoError(t, chat.Send(t.Context(), call("c1", "/deaf")))
		synctest.Wait()
		time.Sleep(8 * time.Second)
		require.NoError(t, chat.Send(t.Context(), call("c2", "/quick")))
		require.Empty(t, chat.got("c2"), "it waits for the only slot")
		time.Sleep(2 * time.Second)
		// The chat's own clock ends c1 at the same moment; that the broker
		// still takes the result is not promised.
		for _, r := range chat.got("c1") {
			require.Equal(t, Reply{Err: timeout("deaf")}, r)
		}
		require.Empty(t, chat.got("c2"), "the slot is still taken")
		time.Sleep(5 * time.Second)
		require.Equal(t, []Reply{{Parts: []Part{{Text: "10s"}}}}, chat.got("c2"))
		require.LessOrEqual(t, len(chat.got("c1")), 1)
		require.NotContains(t, fmt.Sprint(chat.got("c1")), "late")
	})
}

func TestQueuedProgress(t *testing.T) {
	inBubble(t, func(t *testing.T, broker *memory.Broker, start func(func(context.Context) error) func()) {
		b := NewBot("greeter", &BotOptions{Logger: quiet})
		Handle(b, "count", "", func(_ context.Context, c *Call, _ noArgs) error {
			for i := range 100 { // one second of it
				_ = c.Progress(fmt.Sprintf("%d %%", i))
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(time.Second)
			_ = c.Progress("nearly")
			_ = c.Progress("never seen, the answer follows")
			return nil
		})
		chat := newChatSide(broker, start)
		var got []Progress
		var at []time.Duration
		begun := time.Now()
		start(func(ctx context.Context) error {
			return broker.Subscribe(ctx, "s1", func(batch transport.Batch) {
				for _, e := range batch.Events {
					p, ok, err := ParseProgress(e)
					if err == nil && ok {
						got, at = append(got, p), append(at, time.Since(begun))
					}
				}
			})
		})
		start(serve(b, broker))
		require.NoError(t, chat.Send(t.Context(), call("c1", "/count")))
		time.Sleep(5 * time.Second)
		require.Equal(t, []Reply{{}}, chat.got("c1"))
		require.Equal(t, Progress{"c1", 1, "0 %"}, got[0])
		require.Equal(t, time.Duration(0), at[0], "the first one goes out at once")
		require.Len(t, got, 6)
		require.Equal(t, Progress{"c1", 5, "99 %"}, got[4], "the last one of a run is never left out")
		require.Equal(t, Progress{"c1", 6, "nearly"}, got[5])
		for i := 1; i < len(at); i++ {
			require.GreaterOrEqual(t, at[i]-at[i-1], ProgressPause)
		}
	})
}

// Two bots that claim a name: the one served longest has it, the other is
// told, and has it when the first one goes.
func TestTwoBotsOneName(t *testing.T) {
	inBubble(t, func(t *testing.T, broker *memory.Broker, start func(func(context.Context) error) func()) {
		bot := func(name string, l *logs) *Bot {
			b := NewBot(name, &BotOptions{Logger: l.logger()})
			Handle(b, "greet", "by "+name, silent)
			Handle(b, "only-"+name, "", silent)
			return b
		}
		chat := newChatSide(broker, start)
		prefers := NewRemote(broker, "s2", &RemoteOptions{Prefer: map[string]string{"greet": "younger"}})
		start(prefers.Run)

		var elderLog, youngerLog, twinLog logs
		stop := start(serve(bot("elder", &elderLog), broker))
		time.Sleep(time.Second)
		start(serve(bot("younger", &youngerLog), broker))
		time.Sleep(time.Second)
		start(serve(bot("elder", &twinLog), broker))

		spec, _ := chat.Lookup("greet")
		require.Equal(t, "elder", spec.Bot)
		spec, _ = prefers.Lookup("greet")
		require.Equal(t, "younger", spec.Bot)
		require.Len(t, chat.Specs(), 3)
		require.Equal(t, 1, strings.Count(youngerLog.String(), "another bot"), youngerLog.String())
		require.Contains(t, youngerLog.String(), "command=greet served_by=elder")
		require.Empty(t, elderLog.String())
		require.Empty(t, twinLog.String())

		stop()
		synctest.Wait()
		spec, _ = chat.Lookup("greet")
		require.Equal(t, "younger", spec.Bot)
		require.Contains(t, twinLog.String(), "command=greet served_by=younger")
	})
}

// A bot that dies without a word is announced for a while. The other one that
// claims its command has it as soon as that is known.
func TestSilentlyDeadBot(t *testing.T) {
	inBubble(t, func(t *testing.T, broker *memory.Broker, start func(func(context.Context) error) func()) {
		bot := func(name string) *Bot {
			b := NewBot(name, &BotOptions{Logger: quiet})
			Handle(b, "greet", "by "+name, func(_ context.Context, c *Call, _ struct{}) error { return c.Say(name) })
			return b
		}
		chat := newChatSide(broker, start)
		dead := broker.Connect()
		end := start(serve(bot("elder"), dead))
		time.Sleep(time.Second)
		stop := start(serve(bot("younger"), broker))
		ask := func(id string) (string, error) {
			spec, ok := chat.Lookup("greet")
			require.True(t, ok)
			require.Equal(t, []Spec{spec}, chat.Specs(), "what is shown is what is asked")
			c := call(id, "/greet")
			c.Bot = spec.Bot
			return spec.Bot, chat.Send(t.Context(), c)
		}
		who, err := ask("c1")
		require.Equal(t, "elder", who)
		require.NoError(t, err)

		dead.Disconnect(nil)
		who, err = ask("c2")
		require.Equal(t, "elder", who, "nobody knows yet")
		require.ErrorIs(t, err, transport.ErrNoHandler)
		for _, id := range []string{"c3", "c4"} {
			who, err = ask(id)
			require.Equal(t, "younger", who)
			require.NoError(t, err)
			require.Len(t, chat.got(id), 1)
		}

		// With nobody else there it is its turn again, and it is back.
		stop()
		dead.Reconnect()
		synctest.Wait()
		who, err = ask("c5")
		require.Equal(t, "elder", who)
		require.NoError(t, err)
		stop = start(serve(bot("younger"), broker))
		who, err = ask("c6")
		require.Equal(t, "elder", who)
		require.NoError(t, err)

		// It is not held against it for ever.
		dead.Disconnect(nil)
		_, err = ask("c7")
		require.ErrorIs(t, err, transport.ErrNoHandler)
		dead.Reconnect()
		who, _ = ask("c8")
		require.Equal(t, "younger", who)
		time.Sleep(absentFor)
		who, err = ask("c9")
		require.Equal(t, "elder", who)
		require.NoError(t, err)
		stop()
		end()
		require.NoError(t, dead.Close())
	})
}

// What an earlier version of the same bot served says nothing about a command
// that only the new version has.
func TestNewCommandOfAnOldBot(t *testing.T) {
	inBubble(t, func(t *testing.T, broker *memory.Broker, start func(func(context.Context) error) func()) {
		bot := func(name string, l *logs, commands ...string) *Bot {
			b := NewBot(name, &BotOptions{Logger: l.logger()})
			for _, c := range commands {
				Handle(b, c, "", silent)
			}
			return b
		}
		var before, other, after logs
		chat := newChatSide(broker, start)
		start(serve(bot("bot", &before, "old"), broker))
		time.Sleep(time.Second)
		start(serve(bot("other", &other, "new"), broker))
		time.Sleep(time.Second)
		start(serve(bot("bot", &after, "old", "new"), broker))
		spec, _ := chat.Lookup("new")
		require.Equal(t, "other", spec.Bot)
		require.Contains(t, after.String(), "command=new served_by=other")
		require.Empty(t, other.String())
	})
}

// A tick that was under way when the pacer was closed sends nothing.
func TestPacerCloses(t *testing.T) {
	var sent []string
	p := newPacer(time.Second, func(text string) { sent = append(sent, text) })
	p.tell("first")
	p.tell("second")
	p.close()
	p.tick()
	require.Equal(t, []string{"first"}, sent)
}

func TestRunEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, broker *memory.Broker, start func(func(context.Context) error) func()) {
		require.ErrorContains(t, NewBot("empty", nil).Run(t.Context(), broker), "bot empty has no commands")
		b := NewBot("greeter", nil)
		Handle(b, "greet", "", silent)
		ended := make(chan error)
		go func() { ended <- b.Run(t.Context(), broker) }()
		synctest.Wait()
		require.NoError(t, broker.Close())
		require.ErrorIs(t, <-ended, transport.ErrClosed)
		r := NewRemote(broker, "s1", nil)
		require.ErrorIs(t, r.Run(t.Context()), transport.ErrClosed)
		require.ErrorIs(t, r.Results(t.Context(), nil), transport.ErrClosed)
	})
}
