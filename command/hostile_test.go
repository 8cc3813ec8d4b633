package command_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/command/commandtest"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// hostile is a bot that was written to do harm, or badly: with the bare broker,
// so that nothing of this package stands in its way.
type hostile struct {
	t      *testing.T
	broker *commandtest.FaultyBroker
	room   chat.Room
}

const asker = chat.UserID("ana")

// newHostile must be called in a bubble. answer makes the body of a result.
func newHostile(t *testing.T, f *commandtest.Faults, answer func(r transport.Request) (transport.Result, error)) *hostile {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	h := &hostile{t: t, broker: commandtest.Faulty(memory.New(&memory.Options{Logger: quiet}), f)}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() {
		ended <- h.broker.Work(ctx, "evil", "do", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
			return answer(r)
		})
	}()
	go func() {
		ended <- h.broker.Announce(ctx, transport.Announcement{
			Bot: "evil", Instance: "1", Since: time.Now(), Body: []byte(`{"v":1,"commands":[{"name":"do"}]}`),
		})
	}()
	node, err := chat.New(&chat.Options{Broker: h.broker, Lobby: "general", Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() {
		stop()
		require.NoError(t, node.Shutdown(context.Background()))
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
		require.NoError(t, h.broker.Close())
	})
	require.NoError(t, node.Admit(ctx, chat.Principal{User: chat.User{ID: asker, Name: "Ana"}}))
	rooms, err := node.Rooms(ctx, asker, "", 0)
	require.NoError(t, err)
	h.room, err = node.Room(ctx, asker, rooms[0].ID)
	require.NoError(t, err)
	synctest.Wait()
	return h
}

// ask types "/do" and returns the outcome, and how long it took.
func (h *hostile) ask(args string) (chat.Outcome, time.Duration) {
	h.t.Helper()
	start := time.Now()
	call, err := h.room.Command(context.Background(), asker, chat.CommandLine{ID: chat.NewID(), Text: "/do " + args})
	require.NoError(h.t, err)
	o, err := call.Wait(context.Background())
	require.NoError(h.t, err)
	return o, time.Since(start)
}

// said returns what stands in the room, after some time for what comes late.
func (h *hostile) said() (texts []string) {
	h.t.Helper()
	time.Sleep(time.Minute)
	page, err := h.room.History(context.Background(), asker, chat.Range{})
	require.NoError(h.t, err)
	for _, e := range page.Events {
		if e.Kind == chat.Message {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

func say(text string) []byte { return []byte(fmt.Sprintf(`{"v":1,"parts":[{"text":%q}]}`, text)) }

// Whatever a bot sends, the caller hears one thing, and nothing of it stands in
// the room that could not be a message.
func TestHostileAnswers(t *testing.T) {
	part := func(text string) string { return `{"v":1,"parts":[{"text":"fine"},{"text":"` + text + `"}]}` }
	for name, c := range map[string]struct {
		body string
		code string
	}{
		"empty text":         {part(""), command.CodeBotError},
		"only blanks":        {part(" \u200b "), command.CodeBotError},
		"control character":  {part(`\u0000`), command.CodeBotError},
		"escape sequence":    {part(`\u001b[2J`), command.CodeBotError},
		"over 4,000 long":    {part(strings.Repeat("ü", 4001)), command.CodeBotError},
		"over 16 KiB":        {part(strings.Repeat("日", 6000)), command.CodeBotError},
		"too many parts":     {`{"v":1,"parts":[` + strings.Repeat(`{"text":"a"},`, 16) + `{"text":"a"}]}`, command.CodeBotError},
		"too much together":  {`{"v":1,"parts":[` + strings.Repeat(`{"text":"`+strings.Repeat("日", 4000)+`"},`, 6) + `{"text":"a"}]}`, command.CodeBotError},
		"error without text": {`{"v":1,"error":{"code":"NOT A CODE","message":""}}`, command.CodeBotError},
		"not UTF-8":          {`{"v":1,"parts":[{"text":"` + "\xff" + `"}]}`, command.CodeBotError},
		"no JSON":            {"hello", command.CodeBotError},
		"nothing":            {"", command.CodeBotError},
		"other version":      {`{"v":2,"parts":[{"text":"a"}]}`, command.CodeBotError},
		"twice the same key": {`{"v":1,"parts":[],"parts":[{"text":"a"}]}`, command.CodeBotError},
		"very deep":          {`{"v":1,"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, command.CodeBotError},
		"10 MB":              {`{"v":1,"parts":[{"text":"` + strings.Repeat("a", 10<<20) + `"}]}`, command.CodeTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHostile(t, nil, func(transport.Request) (transport.Result, error) {
					return transport.Result{Body: []byte(c.body)}, nil
				})
				o, took := h.ask("it")
				require.Equal(t, chat.CallFailed, o.Status)
				require.Equal(t, c.code, o.Error.Code)
				if c.code == command.CodeBotError {
					require.Less(t, took, time.Second, "nobody waits for a better one")
				}
				require.LessOrEqual(t, took, command.DefaultTimeout+2*time.Second)
				require.Empty(t, o.Text)
				require.Empty(t, h.said())
			})
		})
	}
}

// A Bot that says too much fails at once, in process and from a queue.
func TestTooMuchIsAnError(t *testing.T) {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	bot := command.NewBot("big", &command.BotOptions{Logger: quiet})
	command.Handle(bot, "text", "", func(_ context.Context, c *command.Call, _ struct{}) error {
		return c.Say(strings.Repeat("a", 10<<20))
	})
	command.Handle(bot, "parts", "", func(_ context.Context, c *command.Call, _ struct{}) error {
		for {
			if err := c.Say(strings.Repeat("a", 4000)); err != nil {
				return err
			}
		}
	})
	command.Handle(bot, "error", "", func(context.Context, *command.Call, struct{}) error {
		return command.Fail(strings.Repeat("a", 10<<20))
	})
	// What keeps the limits of an answer may grow over those of a broker, for
	// JSON writes some of it twice as long.
	command.Handle(bot, "escaped", "", func(_ context.Context, c *command.Call, _ struct{}) error {
		for left := command.MaxReplyBytes / 3; left > 0; left -= 4000 {
			if err := c.Say("a" + strings.Repeat("\u2028", min(left, 4000)-1)); err != nil {
				return err
			}
		}
		return nil
	})
	for _, line := range []string{"/text", "/parts", "/error"} {
		r := commandtest.Run(t, bot, line, &commandtest.Options{Logger: quiet})
		require.NotNil(t, r.Err, line)
		require.Equal(t, command.CodeBotError, r.Err.Code, line)
		require.Empty(t, r.Parts, line)
	}
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(&memory.Options{Logger: quiet})
		t.Cleanup(func() { require.NoError(t, b.Close()) })
		c := commandtest.Behind(t, b, bot)
		for _, line := range []string{"/text", "/parts", "/error", "/escaped"} {
			begin := time.Now()
			r := c.Run(line, nil)
			require.NotNil(t, r.Err, line)
			require.Equal(t, command.CodeBotError, r.Err.Code, line)
			require.Empty(t, r.Parts, line)
			require.Less(t, time.Since(begin), time.Second, "%s is not waited for", line)
		}
	})
}

func TestHostileNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostile(t, nil, func(transport.Request) (transport.Result, error) {
			time.Sleep(30 * time.Second) // and then it does, too late
			return transport.Result{Body: say("late")}, nil
		})
		o, took := h.ask("it")
		require.Equal(t, command.CodeTimeout, o.Error.Code)
		require.Equal(t, command.DefaultTimeout, took)
		require.Empty(t, h.said())
	})
}

// A second answer, different or not, is dropped.
func TestHostileAnswersTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		all := commandtest.Rates{Duplicate: 1}
		h := newHostile(t, &commandtest.Faults{Requests: all, Results: all}, func(r transport.Request) (transport.Result, error) {
			time.Sleep(time.Second) // both are under way
			return transport.Result{Body: say(fmt.Sprint("answer ", n.Add(1)))}, nil
		})
		o, _ := h.ask("it")
		require.Equal(t, chat.CallDone, o.Status)
		require.Len(t, h.said(), 1)
		require.EqualValues(t, 2, n.Load(), "it did answer twice")
	})
}

// The broker says which call is answered and for which chat; what the bot
// writes into its result is nothing to go by. Nor can it choose a room.
func TestHostileAnswersForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		victim := ""
		h := newHostile(t, nil, func(r transport.Request) (transport.Result, error) {
			if strings.Contains(string(r.Body), "/do wait") {
				victim = r.ID
				time.Sleep(5 * time.Second)
				return transport.Result{Body: say("mine")}, nil
			}
			return transport.Result{
				ID: victim, Store: "elsewhere", Bot: "system",
				Body: []byte(`{"v":1,"id":"` + victim + `","room":{"id":"other"},"parts":[{"text":"stolen","room":"other"}]}`),
			}, nil
		})
		waiting := make(chan chat.Outcome)
		go func() {
			o, _ := h.ask("wait")
			waiting <- o
		}()
		synctest.Wait()
		require.NotEmpty(t, victim)
		thief, _ := h.ask("steal")
		require.Equal(t, chat.CallDone, thief.Status, "it answers its own call")
		require.Len(t, thief.Seqs, 1)
		first := <-waiting
		require.Equal(t, chat.CallDone, first.Status)
		require.Equal(t, []string{"stolen", "mine"}, h.said())
		require.NotEqual(t, thief.Seqs, first.Seqs)
	})
}
