package rabbitmq_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/faultproxy"
	"github.com/carlware/gochat/internal/rabbittest"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/rabbitmq"
)

// What is lost with a connection was not accepted. Its fate is unknown for what
// was in the window, and only for that.
func TestUnconfirmed(t *testing.T) {
	const submits = rabbitmq.Window + 100
	vhost := rabbittest.New(t)
	proxy, through := faultproxy.URL(t, vhost.URL)
	vhost.URL = through
	b := open(t, vhost, nil)
	defer b.Close()
	_, err := rabbitmq.DeclareCommand(b, "bot", "do")
	require.NoError(t, err)
	require.NoError(t, rabbitmq.Submit(t.Context(), b, "bot.do", nil))

	proxy.Stall()
	results := make(chan error, submits)
	for range submits {
		go func() { results <- rabbitmq.Submit(t.Context(), b, "bot.do", nil) }()
	}
	require.Eventually(t, func() bool { return rabbitmq.Unconfirmed(b) >= rabbitmq.Window }, wait, tick)
	require.Never(t, func() bool { return rabbitmq.Unconfirmed(b) > rabbitmq.Window }, 100*time.Millisecond, tick)
	proxy.Cut() // nothing of it has reached the server
	var unknown, unsent int
	for range submits {
		switch err := <-results; {
		case errors.Is(err, transport.ErrUnknown):
			unknown++
		case errors.Is(err, transport.ErrUnavailable):
			unsent++
		default:
			t.Errorf("submit returned %v", err)
		}
	}
	require.Equal(t, rabbitmq.Window, unknown)
	require.Equal(t, submits-rabbitmq.Window, unsent)
}

// The library hands on that a message came back before it says that the message
// was confirmed: an unroutable one is never taken for accepted, nor another one
// for unroutable.
func TestReturnedBeforeConfirmed(t *testing.T) {
	const senders, each = 50, 40
	vhost := rabbittest.New(t)
	b := open(t, vhost, nil)
	defer b.Close()
	_, err := rabbitmq.DeclareCommand(b, "bot", "do")
	require.NoError(t, err)
	failed := make(chan error, senders)
	for n := range senders {
		go func() {
			for i := range each {
				err := rabbitmq.Submit(t.Context(), b, []string{"nobody", "bot.do"}[(n+i)%2], nil)
				if routed := (n+i)%2 == 1; routed && err != nil || !routed && !rabbitmq.Returned(err) {
					failed <- fmt.Errorf("routed: %v: %w", routed, err)
					return
				}
			}
			failed <- nil
		}()
	}
	for range senders {
		require.NoError(t, <-failed)
	}
}

// counted serves a command with a handler that counts and answers.
func counted(t *testing.T, b *rabbitmq.Broker, o *transport.WorkOptions) *atomic.Int64 {
	t.Helper()
	attempts := new(atomic.Int64)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Work(ctx, "bot", "do", o, func(_ context.Context, r transport.Request) (transport.Result, error) {
			attempts.Store(int64(r.Attempt))
			return transport.Result{Body: []byte("done")}, nil
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return attempts
}

// A request is done when the server has its result, not before: the bot dies
// with a result that nobody takes, and another one gets the request.
func TestDoneWithTheResult(t *testing.T) {
	node := rabbittest.Private(t)
	vhost := node.New(t)
	chat, bot := open(t, vhost, nil), open(t, vhost, nil)
	defer chat.Close()
	defer bot.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	asked, answers := make(chan struct{}, 1), make(chan struct{})
	left := make(chan struct{})
	go func() {
		defer close(left)
		bot.Work(ctx, "bot", "do", &transport.WorkOptions{Grace: time.Millisecond}, func(context.Context, transport.Request) (transport.Result, error) {
			asked <- struct{}{}
			<-answers
			return transport.Result{Body: []byte("never sent")}, nil
		})
	}()
	request := transport.Request{ID: "a", Store: "s", Bot: "bot", Command: "do", Timeout: 10 * time.Minute}
	sends(t, chat, request)
	<-asked
	node.Alarm(t, true)
	require.Eventually(t, func() bool {
		bot.Publish(ctx, "s", "room", nil)
		return bot.Status().State == transport.Blocked
	}, wait, tick)
	close(answers)
	require.Never(t, func() bool { return len(asked) > 0 }, 100*time.Millisecond, tick)
	stop()
	<-left
	require.NoError(t, bot.Close())
	node.Alarm(t, false)
	require.Eventually(t, state(chat, transport.Up), wait, tick)

	results := serve(t, chat, "s", "bot", "do")
	select {
	case r := <-results:
		require.Equal(t, "a", r.ID)
	case <-time.After(wait):
		t.Fatal("the request was done without a result")
	}
}

// A result that the server refuses leaves its request undone, until there is
// room for it.
func TestResultsQueueIsFull(t *testing.T) {
	vhost := rabbittest.New(t)
	b := open(t, vhost, nil)
	defer b.Close()
	queue, err := rabbitmq.DeclareResults(b, "s")
	require.NoError(t, err)
	r := newRaw(t, vhost)
	for full := false; !full; {
		var confirms [256]*amqp.DeferredConfirmation
		for i := range confirms {
			confirms[i], err = r.ch.PublishWithDeferredConfirm(r.prefix+"results", "s", false, false, amqp.Publishing{Type: "gochat.garbage.v1"})
			require.NoError(t, err)
		}
		for _, dc := range confirms {
			full = !dc.Wait() || full
		}
	}
	attempts := counted(t, b, &transport.WorkOptions{MaxAttempts: 20})
	sends(t, b, transport.Request{ID: "a", Store: "s", Bot: "bot", Command: "do", Timeout: 10 * time.Minute})
	require.Eventually(t, func() bool { return attempts.Load() >= 2 }, wait, tick, "it is done again")
	_, err = r.ch.QueuePurge(queue, false)
	require.NoError(t, err)
	results := make(chan transport.Result, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go b.Results(ctx, "s", func(_ context.Context, r transport.Result) error { results <- r; return nil })
	require.Equal(t, "a", (<-results).ID)
}

// A request whose asker has no place for results is a dead letter, not done.
func TestNobodyAsked(t *testing.T) {
	vhost := rabbittest.New(t)
	dead := &deadLetters{t: t, vhost: vhost}
	b := open(t, vhost, nil)
	defer b.Close()
	counted(t, b, nil)
	r := newRaw(t, vhost)
	request := transport.Request{ID: "a", Store: "s", Bot: "bot", Command: "do", Timeout: 10 * time.Minute}
	sends(t, b, request) // the queues are there
	require.Eventually(t, func() bool {
		_, err := r.ch.QueueDelete(r.prefix+"results.s", false, false, false)
		return err == nil
	}, wait, tick)
	r.publish("commands", "bot.do", amqp.Publishing{
		Type: "gochat.command.v1", CorrelationId: "b", ReplyTo: "s", Expiration: "600000", Body: []byte("{}"),
	})
	require.Eventually(t, func() bool {
		for _, id := range dead.of(vhost.Prefix + "command.bot.do") {
			if id == "b" {
				return true
			}
		}
		return false
	}, wait, 50*time.Millisecond)
}

// A request that kills whoever takes it does not do so for ever.
func TestDeliveryLimit(t *testing.T) {
	vhost := rabbittest.New(t)
	dead := &deadLetters{t: t, vhost: vhost}
	b := open(t, vhost, nil)
	defer b.Close()
	queue, err := rabbitmq.DeclareCommand(b, "bot", "do")
	require.NoError(t, err)
	require.NoError(t, rabbitmq.Submit(t.Context(), b, "bot.do", nil))
	r := newRaw(t, vhost)
	deliveries, err := r.ch.Consume(queue, "", false, false, false, false, nil)
	require.NoError(t, err)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for n := 0; ; {
		select {
		case d := <-deliveries:
			n++
			require.LessOrEqual(t, n, 50, "deliveries")
			require.NoError(t, d.Reject(true))
		case <-look.C:
			if len(dead.of(queue)) == 1 {
				require.Greater(t, n, 20, "no fewer than a worker may try")
				return
			}
		}
	}
}
