package transporttest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/carlware/gochat/transport"
)

// handler is what Work is given.
type handler = func(context.Context, transport.Request) (transport.Result, error)

// subscription is a Subscribe call and what it was given. Bodies are kept as
// they came: they belong to the callback.
type subscription struct {
	*call
	batches list[transport.Batch]
}

// subscribe starts a subscription and waits until it is live.
func (e *env) subscribe(b transport.Broker, store string) *subscription {
	e.Helper()
	return e.subscribeFunc(b, store, func(transport.Batch) {})
}

// subscribeFunc is subscribe with a function that is called with each batch
// after it was noted.
func (e *env) subscribeFunc(b transport.Broker, store string, fn func(transport.Batch)) *subscription {
	e.Helper()
	s := &subscription{}
	s.call = e.start("Subscribe", func(ctx context.Context) error {
		return b.Subscribe(ctx, store, func(batch transport.Batch) {
			s.batches.add(batch)
			fn(batch)
		})
	})
	e.eventually("a subscriber gets a first batch", func() bool { return s.batches.len() > 0 })
	return s
}

func (s *subscription) events() []transport.Event {
	var all []transport.Event
	for _, batch := range s.batches.all() {
		all = append(all, batch.Events...)
	}
	return all
}

// bodies returns the bodies of the events as strings.
func (s *subscription) bodies() []string {
	var all []string
	for _, event := range s.events() {
		all = append(all, string(event.Body))
	}
	return all
}

// publish publishes body; a full queue is waited for, because the event was
// certainly not sent.
func (e *env) publish(b transport.Broker, store, key, body string) {
	e.Helper()
	if err := e.tryPublish(b, store, key, []byte(body)); err != nil {
		e.Fatalf("Publish: %v", err)
	}
}

func (e *env) tryPublish(b transport.Broker, store, key string, body []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), e.o.Timeout)
	defer cancel()
	for {
		err := b.Publish(ctx, store, key, body)
		if !errors.Is(err, transport.ErrOverloaded) || ctx.Err() != nil {
			return err
		}
		pause()
	}
}

// request returns a request whose time does not end during the case.
func (e *env) request(bot, command, store string) transport.Request {
	return transport.Request{
		ID: unique("id"), Store: store, Bot: bot, Command: command,
		Timeout: 10 * e.o.Timeout, Body: []byte("a request"),
	}
}

// send sends r, and again while it certainly was not sent: the worker may
// only be on its way.
func (e *env) send(b transport.Broker, r transport.Request) {
	e.Helper()
	if err := e.trySend(b, r); err != nil {
		e.Fatalf("Send to a command that is being served: %v", err)
	}
}

func (e *env) trySend(b transport.Broker, r transport.Request) error {
	ctx, cancel := context.WithTimeout(context.Background(), e.o.Timeout)
	defer cancel()
	for {
		err := b.Send(ctx, r)
		if !notSent(err) || ctx.Err() != nil {
			return err
		}
		pause()
	}
}

// sendOnce sends r once and returns the error.
func (e *env) sendOnce(b transport.Broker, r transport.Request) error {
	e.sends.Add(1)
	ctx, cancel := context.WithTimeout(context.Background(), e.o.Timeout)
	defer cancel()
	return b.Send(ctx, r)
}

// work serves a command.
func (e *env) work(b transport.Broker, bot, command string, o *transport.WorkOptions, fn handler) *call {
	return e.start("Work", func(ctx context.Context) error {
		return b.Work(ctx, bot, command, o, fn)
	})
}

// results receives the results for store and accepts them.
func (e *env) results(b transport.Broker, store string) (*list[transport.Result], *call) {
	got := &list[transport.Result]{}
	return got, e.resultsFunc(b, store, func(_ context.Context, r transport.Result) error {
		got.add(r)
		return nil
	})
}

func (e *env) resultsFunc(b transport.Broker, store string, fn func(context.Context, transport.Result) error) *call {
	return e.start("Results", func(ctx context.Context) error {
		return b.Results(ctx, store, fn)
	})
}

// announcements watches announcements, of which it keeps those of bots that
// own accepts: other runs may announce on the same server.
func (e *env) announcements(b transport.Broker, own func(bot string) bool) *list[[]transport.Announcement] {
	got := &list[[]transport.Announcement]{}
	e.start("Announcements", func(ctx context.Context) error {
		return b.Announcements(ctx, func(all []transport.Announcement) {
			var mine []transport.Announcement
			for _, a := range all {
				if own(a.Bot) {
					mine = append(mine, a)
				}
			}
			got.add(mine)
		})
	})
	return got
}

func (e *env) announce(b transport.Broker, a transport.Announcement) *call {
	return e.start("Announce", func(ctx context.Context) error { return b.Announce(ctx, a) })
}

// last returns the last value of l, or the zero value.
func last[T any](l *list[T]) (v T) {
	if all := l.all(); len(all) > 0 {
		v = all[len(all)-1]
	}
	return v
}

// done is a handler that has nothing to say.
func done(_ context.Context, r transport.Request) (transport.Result, error) {
	return transport.Result{ID: r.ID, Body: []byte("a result")}, nil
}

// kib returns a body of 1 KiB that begins with the number n.
func kib(n int) []byte {
	body := make([]byte, 1<<10)
	copy(body, fmt.Sprintf("%d ", n))
	return body
}

// number reads what kib wrote, or returns -1.
func number(body []byte) int {
	n := -1
	fmt.Sscanf(string(body[:min(len(body), 32)]), "%d ", &n)
	return n
}

// barrier returns a function that handlers block on and one that lets them
// go, for good. The end of the case lets them go too.
func (e *env) barrier() (block, release func()) {
	ch := make(chan struct{})
	release = sync.OnceFunc(func() { close(ch) })
	e.releases = append(e.releases, release)
	return func() { <-ch }, release
}
