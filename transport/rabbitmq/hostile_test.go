package rabbitmq_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/internal/rabbittest"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/rabbitmq"
)

// raw publishes what no broker of ours would.
type raw struct {
	t      *testing.T
	ch     *amqp.Channel
	prefix string
}

func newRaw(t *testing.T, vhost rabbittest.VHost) *raw {
	t.Helper()
	conn, err := amqp.Dial(vhost.URL)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	require.NoError(t, err)
	require.NoError(t, ch.Confirm(false))
	return &raw{t: t, ch: ch, prefix: vhost.Prefix}
}

func (r *raw) publish(exchange, key string, m amqp.Publishing) {
	r.t.Helper()
	dc, err := r.ch.PublishWithDeferredConfirm(r.prefix+exchange, key, false, false, m)
	require.NoError(r.t, err)
	require.True(r.t, dc.Wait())
}

var oversize = bytes.Repeat([]byte("x"), transport.MaxBody+1)

func TestGarbageRequests(t *testing.T) {
	vhost := rabbittest.Private(t).New(t)
	dead := &deadLetters{t: t, vhost: vhost}
	b := open(t, vhost, nil)
	defer b.Close()
	results := serve(t, b, "s", "bot", "do")
	request := transport.Request{ID: "first", Store: "s", Bot: "bot", Command: "do", Timeout: time.Minute}
	sends(t, b, request)
	require.Equal(t, "first", (<-results).ID)

	good := amqp.Publishing{Type: "gochat.command.v1", CorrelationId: "x", ReplyTo: "s", Expiration: "60000", Body: []byte("{}")}
	garbage := map[string]func(m *amqp.Publishing){
		"another type":      func(m *amqp.Publishing) { m.Type = "gochat.command.v2" },
		"no type":           func(m *amqp.Publishing) { m.Type = "" },
		"no call id":        func(m *amqp.Publishing) { m.CorrelationId = "" },
		"long call id":      func(m *amqp.Publishing) { m.CorrelationId = strings.Repeat("x", 129) },
		"no store":          func(m *amqp.Publishing) { m.ReplyTo = "" },
		"long store":        func(m *amqp.Publishing) { m.ReplyTo = strings.Repeat("x", 129) },
		"no expiration":     func(m *amqp.Publishing) { m.Expiration = "" },
		"endless":           func(m *amqp.Publishing) { m.Expiration = "86400001" },
		"large":             func(m *amqp.Publishing) { m.Body = oversize },
		"huge, in 9 frames": func(m *amqp.Publishing) { m.Body = bytes.Repeat(oversize, 9) },
	}
	r := newRaw(t, vhost)
	for _, spoil := range garbage {
		m := good
		spoil(&m)
		r.publish("commands", "bot.do", m)
	}
	odd := good // but of use
	odd.Headers = amqp.Table{"deadline": "soon", "x-delivery-count": "many", "else": amqp.Table{"a": []any{int64(1)}}}
	r.publish("commands", "bot.do", odd)
	require.Equal(t, "x", (<-results).ID)

	request.ID = "last"
	sends(t, b, request)
	require.Equal(t, "last", (<-results).ID)
	require.EqualValues(t, len(garbage), b.Stats().Garbage)
	require.Eventually(t, func() bool {
		return len(dead.of(vhost.Prefix+"command.bot.do")) == len(garbage)
	}, wait, 50*time.Millisecond, "all are among the dead letters")
	require.Equal(t, transport.Status{State: transport.Up, Epoch: 1}, b.Status())
}

func TestGarbageResults(t *testing.T) {
	vhost := rabbittest.Private(t).New(t)
	trust := func(user, bot string) bool { return bot == "bot" && user == "" || bot == "known" }
	b := open(t, vhost, func(o *rabbitmq.Options) {
		o.Trust = func(user, bot string) bool { return trust(user, bot) || bot == "mine" && user == "gochat" }
	})
	defer b.Close()
	results := serve(t, b, "s", "mine", "do")
	sends(t, b, transport.Request{ID: "a", Store: "s", Bot: "mine", Command: "do", Timeout: time.Minute})
	require.Equal(t, "a", (<-results).ID, "a result of a broker names its user")

	r := newRaw(t, vhost)
	good := amqp.Publishing{Type: "gochat.result.v1", CorrelationId: "x", AppId: "known", Body: []byte("{}")}
	garbage := []func(m *amqp.Publishing){
		func(m *amqp.Publishing) { m.Type = "gochat.results.v1" },
		func(m *amqp.Publishing) { m.CorrelationId = "" },
		func(m *amqp.Publishing) { m.AppId = "" },
		func(m *amqp.Publishing) { m.AppId = "somebody else" }, // not trusted
		func(m *amqp.Publishing) { m.AppId = "mine" },          // without its user
		func(m *amqp.Publishing) { m.Body = oversize },
	}
	for _, spoil := range garbage {
		m := good
		spoil(&m)
		r.publish("results", "s", m)
	}
	r.publish("results", "s", good)
	require.Equal(t, "x", (<-results).ID)
	require.EqualValues(t, len(garbage), b.Stats().Garbage)
}

func TestGarbageEvents(t *testing.T) {
	vhost := rabbittest.Private(t).New(t)
	b := open(t, vhost, nil)
	defer b.Close()
	ctx, cancel := context.WithCancel(t.Context())
	batches := make(chan transport.Batch, 100)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { b.Subscribe(ctx, "s", func(batch transport.Batch) { batches <- batch }) })
	require.True(t, (<-batches).Gap)
	r := newRaw(t, vhost)
	one := []byte("\x00\x03key\x00\x00\x00\x04body")
	for _, body := range [][]byte{
		[]byte("\x00"), []byte("\x00\x00\x00\x00\x00\x00"), []byte("\x00\x03key"), []byte("\x00\x03key\x00\x00\x00\x05body"),
		[]byte("\x00\x03key\xff\xff\xff\xffbody"), []byte("\xff\xffkey"), append(bytes.Clone(one), 0), bytes.Repeat(one, 1025),
		bytes.Repeat(oversize, 3),
	} {
		r.publish("events", "s", amqp.Publishing{Type: "gochat.events.v1", Body: body})
	}
	r.publish("events", "s", amqp.Publishing{Type: "gochat.command.v1", Body: one})

	// Without numbers it is an event; with one out of order it has a Gap.
	event := amqp.Publishing{Type: "gochat.events.v1", Body: one}
	r.publish("events", "s", event)
	batch := <-batches
	require.False(t, batch.Gap)
	require.Equal(t, []transport.Event{{Key: "key", Body: []byte("body")}}, batch.Events)
	require.EqualValues(t, 10, b.Stats().Garbage)
	event.AppId = "publisher"
	for _, tt := range []struct {
		number string
		gap    bool
	}{{"1", false}, {"2", false}, {"4", true}, {"5", false}, {"5", true}, {"1", true}, {"2", false}, {"-1", false}, {"18446744073709551615", true}} {
		event.CorrelationId = tt.number
		r.publish("events", "s", event)
		batch = <-batches
		require.Equal(t, tt.gap, batch.Gap, tt.number)
		require.Len(t, batch.Events, 1, "a forged or repeated number loses nothing")
	}
}

func TestGarbageAnnouncements(t *testing.T) {
	vhost := rabbittest.Private(t).New(t)
	b := open(t, vhost, nil)
	defer b.Close()
	ctx, cancel := context.WithCancel(t.Context())
	known := make(chan []transport.Announcement, 2000)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	own := transport.Announcement{Bot: "own", Instance: "i", Since: time.UnixMilli(1), Body: []byte("{}")}
	wg.Go(func() { b.Announce(ctx, own) })
	wg.Go(func() { b.Announcements(ctx, func(all []transport.Announcement) { known <- all }) })
	require.Eventually(t, func() bool { return len(<-known) == 1 }, wait, tick)

	r := newRaw(t, vhost)
	headers := func() amqp.Table {
		return amqp.Table{"bot": "bot", "instance": "i", "since": int64(2), "ttl_ms": int32(30000)}
	}
	spoiled := 0
	spoil := func(change func(m *amqp.Publishing)) {
		m := amqp.Publishing{Type: "gochat.announce.v1", Headers: headers(), Body: []byte("{}")}
		change(&m)
		r.publish("announce", "", m)
		spoiled++
	}
	for name, v := range map[string]any{"bot": int64(1), "instance": strings.Repeat("x", 65), "since": "now", "ttl_ms": nil} {
		spoil(func(m *amqp.Publishing) { m.Headers[name] = v })
		spoil(func(m *amqp.Publishing) { delete(m.Headers, name) })
	}
	spoil(func(m *amqp.Publishing) { m.Headers = nil })
	spoil(func(m *amqp.Publishing) { m.Type = "gochat.announce.v2" })
	spoil(func(m *amqp.Publishing) { m.Body = oversize })
	// Others can't change or withdraw what a user has announced.
	spoil(func(m *amqp.Publishing) { m.Headers["bot"] = "own" })
	spoil(func(m *amqp.Publishing) { m.Type, m.Headers["bot"] = "gochat.leave.v1", "own" })

	r.publish("announce", "", amqp.Publishing{Type: "gochat.announce.v1", Headers: headers(), Body: []byte("{}")})
	require.Eventually(t, func() bool { return len(<-known) == 2 }, wait, tick)
	require.EqualValues(t, spoiled, b.Stats().Garbage)

	// No flood of them fills the memory.
	for i := range 1100 {
		m := amqp.Publishing{Type: "gochat.announce.v1", Headers: headers()}
		m.Headers["instance"] = strings.Repeat("i", i%64+1) + string(rune('a'+i/64))
		if len(m.Headers["instance"].(string)) <= 64 {
			r.publish("announce", "", m)
		}
	}
	require.Eventually(t, func() bool { return b.Stats().Garbage > uint64(spoiled) }, wait, tick)
	cancel()
	wg.Wait()
	close(known)
	for all := range known {
		require.LessOrEqual(t, len(all), 1000)
	}
}

// Two chats on one server share the bots and nothing else; and a result that is
// forged or repeated changes nothing.
func TestTwoDeployments(t *testing.T) {
	node := rabbittest.Private(t)
	vhost := node.New(t)
	one, two := newChatNode(t, vhost), newChatNode(t, vhost)
	bot := command.NewBot("echo", &command.BotOptions{Logger: quiet})
	var calls []string
	var mu sync.Mutex
	command.HandleSpec(bot, command.Spec{Name: "echo"}, func(_ context.Context, c *command.Call, _ struct{}) error {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, c.ID)
		return c.Say("for " + c.ID)
	})
	broker := open(t, vhost, nil)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { bot.Run(ctx, broker) })
	defer func() { stop(); wg.Wait(); broker.Close() }()
	one.knows("echo", true)
	two.knows("echo", true)
	for _, n := range []*chatNode{one, two, one} {
		before := n.last().Seq
		outcome := n.call("/echo")
		require.Equal(t, chat.CallDone, outcome.Status)
		require.Equal(t, "for "+outcome.Call, n.last().Text)
		require.Equal(t, before+1, n.last().Seq)
	}

	var stores []string
	for _, q := range node.Queues(t, vhost) {
		if store, ok := strings.CutPrefix(q.Name, vhost.Prefix+"results."); ok {
			stores = append(stores, store)
		}
	}
	require.Len(t, stores, 2)
	r := newRaw(t, vhost)
	before := one.last().Seq
	for _, id := range []string{calls[0], calls[1], "nobody-made-this-call"} {
		for _, store := range stores {
			r.publish("results", store, amqp.Publishing{Type: "gochat.result.v1", CorrelationId: id, AppId: "echo",
				Body: []byte(`{"v":1,"parts":[{"text":"forged"}]}`)})
		}
	}
	require.Equal(t, chat.CallDone, one.call("/echo").Status)
	require.Equal(t, chat.CallDone, two.call("/echo").Status)
	require.Equal(t, before+1, one.last().Seq, "nothing but the answer to the call came in between")
}
