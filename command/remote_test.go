package command

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// A bot in another language may send anything.
func TestBadResults(t *testing.T) {
	inBubble(t, func(t *testing.T, broker *memory.Broker, start func(func(context.Context) error) func()) {
		start(func(ctx context.Context) error {
			return broker.Work(ctx, "greeter", "greet", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
				c, err := decodeCall(r)
				return transport.Result{Body: []byte(c.Args)}, err
			})
		})
		chat := newChatSide(broker, start)
		require.NoError(t, chat.Send(t.Context(), call("c1", `/greet {"v":1,"parts":[{"text":" "}]}`)))
		require.Equal(t, []Reply{{Err: Fail("The bot's answer can't be shown.")}}, chat.got("c1"))
		require.NoError(t, chat.Send(t.Context(), call("c2", `/greet nonsense`)))
		require.Equal(t, []Reply{{Err: Fail("The bot's answer can't be read.")}}, chat.got("c2"))
	})
}

func TestBadRequestsAreSetAside(t *testing.T) {
	inBubble(t, func(t *testing.T, broker *memory.Broker, start func(func(context.Context) error) func()) {
		b := NewBot("greeter", &BotOptions{Logger: quiet})
		Handle(b, "greet", "", silent)
		start(serve(b, broker))
		require.NoError(t, broker.Send(t.Context(), transport.Request{
			ID: "c1", Store: "s1", Bot: "greeter", Command: "greet", Timeout: time.Minute, Body: []byte(`{"v":7}`),
		}))
		synctest.Wait()
		dead := broker.DeadLetters()
		require.Len(t, dead, 1)
		require.Equal(t, 1, dead[0].Request.Attempt, "it is not tried again")
		require.ErrorContains(t, dead[0].Err, "version 7")
	})
}

// A reply that can't be stored comes again until it can.
func TestResultsAreKept(t *testing.T) {
	inBubble(t, func(t *testing.T, broker *memory.Broker, start func(func(context.Context) error) func()) {
		b := NewBot("greeter", nil)
		Handle(b, "greet", "", silent)
		start(serve(b, broker))
		r := NewRemote(broker, "s1", nil)
		attempts := 0
		start(func(ctx context.Context) error {
			return r.Results(ctx, func(context.Context, string, string, Reply) error {
				if attempts++; attempts < 8 {
					return errors.New("store is away")
				}
				return nil
			})
		})
		require.NoError(t, r.Send(t.Context(), call("c1", "/greet")))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 8, attempts)
	})
}

func TestSendErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, broker *memory.Broker, start func(func(context.Context) error) func()) {
		r := NewRemote(broker, "s1", nil)
		err := r.Send(t.Context(), call("c1", "/greet"))
		require.ErrorIs(t, err, transport.ErrNoHandler)
		require.ErrorContains(t, err, "command: send /greet to greeter: ")
		for _, want := range []error{transport.ErrUnavailable, transport.ErrUnknown, transport.ErrOverloaded} {
			broker.FailSends(1, want)
			require.ErrorIs(t, r.Send(t.Context(), call("c1", "/greet")), want)
		}
	})
}

func TestBadAnnouncements(t *testing.T) {
	inBubble(t, func(t *testing.T, broker *memory.Broker, start func(func(context.Context) error) func()) {
		var l logs
		r := NewRemote(broker, "s1", &RemoteOptions{Logger: l.logger()})
		start(r.Run)
		announce := func(bot, body string) func() {
			return start(func(ctx context.Context) error {
				return broker.Announce(ctx, transport.Announcement{Bot: bot, Instance: bot + " 1", Since: time.Now(), Body: []byte(body)})
			})
		}
		announce("bad", `{"v":1,"commands":[{"name":"Bad name"}]}`)
		announce("Worse", `{"v":1,"commands":[{"name":"worse"}]}`)
		for i := range 5 {
			announce(fmt.Sprint("good", i), fmt.Sprintf(`{"v":1,"commands":[{"name":"good%d"}]}`, i))
		}
		require.Len(t, r.Specs(), 5)
		require.Equal(t, Spec{Bot: "good1", Name: "good1", Usage: "/good1", Timeout: DefaultTimeout}, r.Specs()[1])
		require.Len(t, splitLines(l.String()), 2, "each is told once: %s", l.String())
	})
}

// However many bots come and go, what is remembered of them is bounded.
func TestRemembersSo(t *testing.T) {
	r := NewRemote(nil, "s1", &RemoteOptions{Logger: quiet})
	for i := range maxRemembered / 50 * 3 {
		w := wireAnnouncement{V: wireVersion}
		for j := range 50 {
			w.Commands = append(w.Commands, wireSpec{Name: fmt.Sprintf("c%d-%d", i, j)})
		}
		body, err := encode(w)
		require.NoError(t, err)
		r.update([]transport.Announcement{{Bot: "bot", Instance: fmt.Sprint(i), Body: body}})
	}
	r.update(nil)
	require.LessOrEqual(t, len(r.known.Load().gone), maxRemembered)
	require.Empty(t, r.Specs())
	_, known := r.Lookup(fmt.Sprintf("c%d-0", maxRemembered/50*3-1))
	require.True(t, known, "who left last is remembered")
}

// busWith is a bus that holds results, whoever they are for.
type busWith struct {
	transport.CommandBus
	results []transport.Result
}

func (b busWith) Results(ctx context.Context, _ string, fn func(context.Context, transport.Result) error) error {
	for _, r := range b.results {
		if err := fn(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func TestForeignResultsAreRejected(t *testing.T) {
	for name, bad := range map[string]transport.Result{
		"another store": {ID: "c1", Store: "s2", Body: []byte(`{"v":1}`)},
		"no id":         {Store: "s1", Body: []byte(`{"v":1}`)},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewRemote(busWith{results: []transport.Result{bad}}, "s1", &RemoteOptions{Logger: quiet})
			err := r.Results(t.Context(), func(context.Context, string, string, Reply) error {
				t.Error("it was passed on")
				return nil
			})
			require.True(t, transport.Rejected(err), "%v", err)
		})
	}
}

// All who look at the announcements agree on the winner.
func TestTiesAreBroken(t *testing.T) {
	since := time.Unix(1, 0)
	r := NewRemote(nil, "s1", nil)
	body := []byte(`{"v":1,"commands":[{"name":"greet"}]}`)
	for _, all := range [][]transport.Announcement{
		{{Bot: "a", Instance: "2", Since: since, Body: body}, {Bot: "b", Instance: "1", Since: since, Body: body}},
		{{Bot: "b", Instance: "1", Since: since, Body: body}, {Bot: "a", Instance: "2", Since: since, Body: body}},
		{{Bot: "a", Instance: "1", Since: since.Add(1), Body: body}, {Bot: "b", Instance: "2", Since: since, Body: body}},
	} {
		r.update(all)
		s, _ := r.Lookup("greet")
		require.Equal(t, "b", s.Bot)
	}
}
