package rabbitmq_test

import (
	"context"
	"crypto/rand"
	"errors"
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
}

const loadStore, loadBot = "5f0f8f0c2b6e4a4f", "bot"

// startLoad starts it, with the chat at one URL and the bot at another.
func startLoad(t *testing.T, vhost rabbittest.VHost, chatURL, botURL string) *load {
	t.Helper()
	chats, bots := vhost, vhost
	chats.URL, bots.URL = chatURL, botURL
	ctx, stop := context.WithCancel(t.Context())
	l := &load{
		t: t, chat: open(t, chats, nil), bot: open(t, bots, nil), ctx: ctx, stop: stop,
		accepted: make(map[string]bool), answered: make(map[string]int),
	}
	t.Cleanup(func() {
		l.stop()
		require.NoError(t, l.chat.Close())
		require.NoError(t, l.bot.Close())
		l.wg.Wait()
	})
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
	for range 64 {
		l.run(l.send)
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

// send sends requests one after the other, each until it is accepted.
func (l *load) send() error {
	for l.sending.Load() && l.ctx.Err() == nil {
		id := rand.Text()
		for l.ctx.Err() == nil {
			ctx, cancel := context.WithTimeout(l.ctx, 2*time.Second)
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

// progress waits until more requests were accepted and more events seen.
func (l *load) progress() {
	l.t.Helper()
	sent, event := l.sent.Load(), l.events.Load()
	for end := time.Now().Add(wait); l.sent.Load() <= sent+50 || l.seen.Load() <= event+50; time.Sleep(tick) {
		if time.Now().After(end) {
			l.t.Fatalf("%d requests were accepted, last error %v, event %d of %d was seen; %+v, %+v",
				l.sent.Load()-sent, l.refused.Load(), l.seen.Load(), l.events.Load(), l.chat.Status(), l.bot.Status())
		}
	}
}

// check ends the sending and waits until all that was accepted is answered.
func (l *load) check() {
	l.t.Helper()
	l.up()
	l.progress()
	require.NoError(l.t, l.chat.Status().Err)
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
	require.Eventually(l.t, func() bool { return len(missing()) == 0 }, wait, tick, "everything accepted is answered")
	l.mu.Lock()
	defer l.mu.Unlock()
	repeats := 0
	for _, n := range l.answered {
		repeats += n - 1
	}
	l.t.Logf("%d requests accepted, %d results repeated; %d events published, %d gaps; epochs %d and %d",
		len(l.accepted), repeats, l.events.Load(), l.gaps.Load(), l.chat.Status().Epoch, l.bot.Status().Epoch)
}
