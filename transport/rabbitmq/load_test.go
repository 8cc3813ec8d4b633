package rabbitmq_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/rabbittest"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/rabbitmq"
)

// load is a chat's program and a bot's that are busy, and a check that they
// lose nothing.
type load struct {
	t         *testing.T
	node      *rabbittest.Node
	vhost     rabbittest.VHost
	chat, bot *rabbitmq.Broker
	ctx       context.Context
	stop      context.CancelFunc
	wg        sync.WaitGroup

	sending  atomic.Bool
	sent     atomic.Int64
	refused  atomic.Value // the last error of a Send
	mu       sync.Mutex
	accepted map[string]bool
	answered map[string]int
	events   atomic.Int64 // the number of the last one published
	seen     atomic.Int64 // the number of the last one received
	gaps     atomic.Int64
	told     [2][]transport.Status // what Watch says of the chat and of the bot
}

const loadStore, loadBot = "5f0f8f0c2b6e4a4f", "bot"

// startLoad starts it, with the chat at one URL and the bot at another.
func startLoad(t *testing.T, node *rabbittest.Node, vhost rabbittest.VHost, chatURL, botURL string) *load {
	t.Helper()
	chats, bots := vhost, vhost
	chats.URL, bots.URL = chatURL, botURL
	ctx, stop := context.WithCancel(t.Context())
	l := &load{
		t: t, node: node, vhost: vhost, chat: open(t, chats, nil), bot: open(t, bots, nil), ctx: ctx, stop: stop,
		accepted: make(map[string]bool), answered: make(map[string]int),
	}
	t.Cleanup(func() {
		l.stop()
		require.NoError(t, l.chat.Close())
		require.NoError(t, l.bot.Close())
		l.wg.Wait()
	})
	for i, b := range []*rabbitmq.Broker{l.chat, l.bot} {
		l.run(func() error {
			return b.Watch(ctx, func(s transport.Status) {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.told[i] = append(l.told[i], s)
			})
		})
	}
	l.run(func() error {
		return l.bot.Work(ctx, loadBot, "do", &transport.WorkOptions{MaxAttempts: 20}, func(_ context.Context, r transport.Request) (transport.Result, error) {
			return transport.Result{Body: r.Body}, nil
		})
	})
	l.run(func() error {
		return l.chat.Results(ctx, loadStore, func(_ context.Context, r transport.Result) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.answered[r.ID]++
			return nil
		})
	})
	var want int64
	l.run(func() error {
		return l.bot.Subscribe(ctx, loadStore, func(b transport.Batch) {
			if b.Gap {
				l.gaps.Add(1)
			}
			for i, e := range b.Events {
				n, _ := strconv.ParseInt(string(e.Body), 10, 64)
				if n < want || n > want && !(b.Gap && i == 0) {
					t.Errorf("event %d came where %d was due, gap: %v", n, want, b.Gap)
				}
				want = n + 1
				l.seen.Store(n)
			}
		})
	})
	l.up()
	l.sending.Store(true)
	for i := range 64 {
		// Some wait as long as it takes until the fate of a request is known.
		patience := []time.Duration{2 * time.Second, wait}[i%2]
		l.run(func() error { return l.send(patience) })
	}
	l.run(l.publish)
	l.progress()
	return l
}

func (l *load) run(f func() error) {
	l.wg.Go(func() {
		if err := f(); err != nil && !errors.Is(err, transport.ErrClosed) {
			l.t.Errorf("a call returned %v", err)
		}
	})
}

// send sends requests one after the other, each until it is accepted, and again
// after so long without an answer.
func (l *load) send(patience time.Duration) error {
	for l.sending.Load() && l.ctx.Err() == nil {
		id := rand.Text()
		for l.ctx.Err() == nil {
			ctx, cancel := context.WithTimeout(l.ctx, patience)
			err := l.chat.Send(ctx, transport.Request{ID: id, Store: loadStore, Bot: loadBot, Command: "do", Timeout: 10 * time.Minute, Body: []byte(id)})
			cancel()
			if err == nil {
				l.mu.Lock()
				l.accepted[id] = true
				l.mu.Unlock()
				l.sent.Add(1)
				break
			}
			l.refused.Store(err.Error())
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

// publish publishes numbers. One that did not get out is not repeated.
func (l *load) publish() error {
	for l.ctx.Err() == nil {
		l.chat.Publish(l.ctx, loadStore, "room", strconv.AppendInt(nil, l.events.Add(1)-1, 10))
		time.Sleep(200 * time.Microsecond)
	}
	return nil
}

// up waits until both are.
func (l *load) up() {
	l.t.Helper()
	require.Eventually(l.t, func() bool {
		return l.chat.Status().State == transport.Up && l.bot.Status().State == transport.Up
	}, wait, tick, "both are up")
}

// progress waits until more requests were accepted and answered, and more events
// seen.
func (l *load) progress() {
	l.t.Helper()
	accepted, answered, event := l.sent.Load(), l.results(), l.events.Load()
	l.eventually("requests are accepted and answered, and events seen", func() bool {
		return l.sent.Load() > accepted+50 && l.results() > answered+50 && l.seen.Load() > event+50
	})
}

func (l *load) results() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.answered)
}

// eventually waits until ok holds. A queue that has lost its leader is the
// server's fault, and is helped.
func (l *load) eventually(what string, ok func() bool) {
	l.t.Helper()
	began := time.Now()
	for look := began.Add(wait / 3); !ok(); time.Sleep(tick) {
		if now := time.Now(); now.After(look) && now.Before(began.Add(wait)) {
			if names := l.node.Elect(l.t, l.vhost); len(names) > 0 {
				l.t.Logf("without a leader after %v: %v", now.Sub(began), names)
				began = now
			}
			look = time.Now().Add(wait / 3)
		} else if now.After(began.Add(wait)) {
			l.t.Fatalf("not within %v: %s; %d requests were accepted, last error %v, %d answered, event %d of %d was seen; %+v, %+v; %+v",
				wait, what, l.sent.Load(), l.refused.Load(), l.results(), l.seen.Load(), l.events.Load(),
				l.chat.Status(), l.bot.Status(), l.node.Queues(l.t, l.vhost))
		}
	}
}

// statuses checks what a broker has told of itself: the last is the truth, and
// whenever it was not up it said why.
func (l *load) statuses(i int, b *rabbitmq.Broker) {
	l.t.Helper()
	require.Eventually(l.t, func() bool { s := b.Status(); return s.State == transport.Up && s.Err == nil }, wait, tick)
	var told []transport.Status
	require.Eventually(l.t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		told = slices.Clone(l.told[i])
		return len(told) > 0 && told[len(told)-1] == b.Status()
	}, wait, tick)
	var epoch uint64
	for _, s := range told {
		require.GreaterOrEqual(l.t, s.Epoch, epoch)
		epoch = s.Epoch
		require.True(l.t, s.State == transport.Up || s.Err != nil, "%+v", s)
	}
}

// check ends the sending and waits until all that was accepted is answered.
func (l *load) check() {
	l.t.Helper()
	began := time.Now()
	l.up()
	up := time.Since(began)
	l.progress()
	l.t.Logf("both are up after %v, and answer after %v", up.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	for i, b := range []*rabbitmq.Broker{l.chat, l.bot} {
		l.statuses(i, b)
	}
	l.sending.Store(false)
	missing := func() (ids []string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for id := range l.accepted {
			if l.answered[id] == 0 {
				ids = append(ids, id)
			}
		}
		return ids
	}
	l.eventually("everything accepted is answered", func() bool { return len(missing()) == 0 })
	l.mu.Lock()
	defer l.mu.Unlock()
	repeats := 0
	for _, n := range l.answered {
		repeats += n - 1
	}
	l.t.Logf("%d requests accepted, %d results repeated; %d events published, %d gaps; epochs %d and %d",
		len(l.accepted), repeats, l.events.Load(), l.gaps.Load(), l.chat.Status().Epoch, l.bot.Status().Epoch)
}
