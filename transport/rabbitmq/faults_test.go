package rabbitmq_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/faultproxy"
	"github.com/carlware/gochat/internal/rabbittest"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/rabbitmq"
)

// Whatever happens to the server and the network under load, what was accepted
// is answered, whoever missed events is told, and both sides are up again.
func TestFaultsUnderLoad(t *testing.T) {
	node := rabbittest.Start(t)
	for name, fault := range map[string]func(t *testing.T, l *load, chat, bot *faultproxy.Proxy){
		"the server is stopped and started": func(t *testing.T, l *load, _, _ *faultproxy.Proxy) {
			node.Stop(t)
			node.Start(t)
		},
		"the server is killed and started": func(t *testing.T, l *load, _, _ *faultproxy.Proxy) {
			// RabbitMQ 3.10 notes new queues within a second; one that it has not noted
			// when it is killed never works again.
			node.Eval(t, `[dets:sync(T) || T <- dets:all()]`)
			node.Kill(t)
			node.Start(t)
		},
		"the server closes all connections": func(t *testing.T, l *load, _, _ *faultproxy.Proxy) { node.Disconnect(t) },
		"the chat is cut off":               func(_ *testing.T, l *load, chat, _ *faultproxy.Proxy) { chat.Cut() },
		"what the chat sends is lost": func(t *testing.T, l *load, chat, _ *faultproxy.Proxy) {
			chat.Stall()
			require.Eventually(t, func() bool { return rabbitmq.Unconfirmed(l.chat) > 0 }, wait, tick)
			chat.Cut()
		},
		"what the bot sends is lost": func(t *testing.T, l *load, _, bot *faultproxy.Proxy) {
			bot.Stall()
			sent := l.sent.Load()
			l.eventually("requests are accepted", func() bool { return l.sent.Load() > sent+50 })
			bot.Cut()
		},
		"the bot is cut off": func(_ *testing.T, l *load, _, bot *faultproxy.Proxy) { bot.Cut() },
		"both are cut off, again and again": func(_ *testing.T, l *load, chat, bot *faultproxy.Proxy) {
			for range 5 {
				chat.Cut()
				bot.Cut()
				l.up()
			}
		},
		"all is slow, and cut off": func(_ *testing.T, l *load, chat, bot *faultproxy.Proxy) {
			slow := func() { chat.Delay(10 * time.Millisecond); bot.Delay(10 * time.Millisecond) }
			slow()
			l.progress()
			chat.Cut()
			bot.Cut()
			slow() // also connecting again
		},
		"the chat's connections are half open": func(t *testing.T, l *load, chat, _ *faultproxy.Proxy) {
			chat.HalfOpen()
			chat.Resume()
			down(t, l.chat)
		},
		"nothing passes for a while": func(t *testing.T, l *load, chat, bot *faultproxy.Proxy) {
			chat.Stall()
			bot.Stall()
			down(t, l.chat)
			down(t, l.bot)
			chat.Resume()
			bot.Resume()
		},
		"the server is frozen for a while": func(t *testing.T, l *load, chat, bot *faultproxy.Proxy) {
			node.Pause(t)
			down(t, l.chat)
			node.Continue(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			vhost := node.New(t)
			chat, chatURL := faultproxy.URL(t, vhost.URL+"?heartbeat=2")
			bot, botURL := faultproxy.URL(t, vhost.URL+"?heartbeat=2")
			l := startLoad(t, node, vhost, chatURL, botURL)
			gaps := l.gaps.Load()
			fault(t, l, chat, bot)
			l.check()
			require.Greater(t, l.gaps.Load(), gaps, "the subscriber is told that it may have missed something")
		})
	}
}

func down(t *testing.T, b *rabbitmq.Broker) {
	t.Helper()
	epoch := b.Status().Epoch
	require.Eventually(t, func() bool { s := b.Status(); return s.State == transport.Down || s.Epoch > epoch }, wait, tick)
}

// A queue that does not answer, as one without the majority of its members, is
// nobody else's trouble, and works again when it does.
func TestStuckQueue(t *testing.T) {
	node := rabbittest.Private(t)
	vhost := node.New(t)
	l := startLoad(t, node, vhost, vhost.URL, vhost.URL)
	epoch := l.chat.Status().Epoch
	work := func(command string, got chan string) {
		l.run(func() error {
			return l.chat.Work(l.ctx, loadBot, command, nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
				got <- r.ID
				return transport.Result{}, nil
			})
		})
	}
	got := make(chan string, 10)
	work("stuck", got)
	request := transport.Request{ID: "a", Store: loadStore, Bot: loadBot, Command: "stuck", Timeout: time.Minute}
	require.Eventually(t, func() bool { return l.chat.Send(t.Context(), request) == nil }, wait, tick)
	<-got

	process := `element(1, amqqueue:get_pid(hd([Q || Q <- rabbit_amqqueue:list(<<"` + vhost.Name + `">>),
		string:find(element(4, amqqueue:get_name(Q)), "stuck") =/= nomatch])))`
	node.Eval(t, `sys:suspend(`+process+`)`)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	request.ID = "b"
	require.ErrorIs(t, l.chat.Send(ctx, request), transport.ErrUnknown)
	work("stuck", got) // waits for the queue
	l.progress()
	require.Equal(t, transport.Status{State: transport.Up, Epoch: epoch}, l.chat.Status())

	node.Eval(t, `sys:resume(`+process+`)`)
	require.Equal(t, "b", <-got)
	l.check()
}

// A server without memory takes no messages: who has some is told at once,
// nobody hangs, and all goes on when it is over.
func TestMemoryAlarm(t *testing.T) {
	node := rabbittest.Start(t)
	vhost := node.New(t)
	l := startLoad(t, node, vhost, vhost.URL, vhost.URL)
	l.sending.Store(false)
	node.Alarm(t, true)
	request := transport.Request{ID: "a", Store: loadStore, Bot: loadBot, Command: "do", Timeout: time.Minute}
	require.Eventually(t, func() bool {
		return l.chat.Status().State == transport.Blocked // by the events that it publishes
	}, wait, tick)
	require.ErrorContains(t, l.chat.Status().Err, "low on memory")
	require.ErrorIs(t, l.chat.Send(t.Context(), request), transport.ErrUnavailable)
	require.ErrorIs(t, l.chat.Publish(t.Context(), loadStore, "room", nil), transport.ErrUnavailable)

	// A broker that comes meanwhile finds out before it says that it is up.
	late := open(t, vhost, nil)
	defer late.Close()
	require.Eventually(t, func() bool { return late.Status().State != transport.Down }, wait, tick)
	require.Equal(t, transport.Blocked, late.Status().State)
	require.ErrorIs(t, late.Send(t.Context(), request), transport.ErrUnavailable)

	node.Alarm(t, false)
	l.sending.Store(true)
	l.run(func() error { return l.send(wait) })
	l.check()
	require.Eventually(t, func() bool { return late.Status().State == transport.Up }, wait, tick)
}

// Messages that are on their way when memory runs out fill the buffers and
// block the writer. Its callers leave when their time is over, and it closes.
func TestMemoryAlarmAmidWrites(t *testing.T) {
	node := rabbittest.Start(t)
	vhost := node.New(t)
	b := open(t, vhost, nil)
	busy := make(chan struct{})
	defer b.Close()
	defer close(busy)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go b.Work(ctx, "bot", "do", nil, func(context.Context, transport.Request) (transport.Result, error) {
		<-busy
		return transport.Result{}, nil
	})
	request := transport.Request{ID: "a", Store: "s", Bot: "bot", Command: "do", Timeout: time.Minute, Body: make([]byte, transport.MaxBody)}
	require.Eventually(t, func() bool { return b.Send(t.Context(), request) == nil }, wait, tick)

	node.Alarm(t, true)
	defer node.Alarm(t, false)
	const senders = 150
	results := make(chan error, senders)
	for range senders {
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			results <- b.Send(ctx, request)
		}()
	}
	for range senders {
		select {
		case err := <-results:
			require.Error(t, err)
		case <-time.After(wait):
			t.Fatal("Send does not return when its context ends")
		}
	}
	closed := make(chan struct{})
	go func() { stop(); b.Close(); close(closed) }()
	busy <- struct{}{}
	select {
	case <-closed:
	case <-time.After(wait):
		t.Fatal("Close does not return")
	}
}

// Nothing in the server is for a room: what a node costs when it comes or goes
// does not depend on how many it has.
func TestNothingForRooms(t *testing.T) {
	node := rabbittest.Private(t)
	vhost := node.New(t)
	b := open(t, vhost, nil)
	defer b.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan int, 1000)
	go b.Subscribe(ctx, "s", func(batch transport.Batch) { got <- len(batch.Events) })
	<-got
	count := func() string {
		return node.Eval(t, `{length(rabbit_binding:list(<<"`+vhost.Name+`">>)), length(rabbit_amqqueue:list(<<"`+vhost.Name+`">>))}`)
	}
	before := count()
	for i := range 1000 {
		require.NoError(t, b.Publish(ctx, "s", "room:"+strconv.Itoa(i), []byte("event")))
	}
	for events := 0; events < 1000; {
		events += <-got
	}
	require.Equal(t, before, count())
}
