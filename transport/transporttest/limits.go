package transporttest

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/carlware/gochat/transport"
)

var limitCases = []testCase{
	{
		name: "the longest names and largest bodies pass",
		rule: "Names up to MaxName bytes and bodies up to MaxBody bytes are carried unchanged. Names are opaque.",
		run:  func(e *env) { e.carries(largest(transport.MaxBody)) },
	}, {
		name: "empty bodies pass",
		rule: "A body may be empty.",
		run:  func(e *env) { e.carries(nil) },
	}, {
		name: "bodies are bytes",
		rule: "A body is any bytes, not text.",
		run: func(e *env) {
			all := make([]byte, 256)
			for i := range all {
				all[i] = byte(i)
			}
			e.carries(all)
		},
	}, {
		name: "too large is refused",
		rule: "A body over MaxBody or a name over MaxName is refused with ErrTooLarge, by whatever call it is given to.",
		run:  tooLarge,
	}, {
		name: "a result that is too large is not delivered",
		rule: "Bodies over MaxBody are refused or dropped: a result of such size never arrives, and holds up no other.",
		run:  largeResult,
	},
}

// longName returns a name of MaxName bytes, full of what means something
// elsewhere.
func longName(kind string) string {
	name := unique(kind) + " .*#/%&?\"\\ü>"
	return name + strings.Repeat("x", transport.MaxName-len(name))
}

func largest(n int) []byte {
	body := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)
	return body[:n]
}

// carries sends body by every way there is.
func (e *env) carries(body []byte) {
	b := e.broker()
	c := e.second(b)
	store, key, bot, command := longName("store"), longName("key"), longName("bot"), longName("command")

	sub := e.subscribe(c, store)
	if err := e.tryPublish(b, store, key, body); err != nil {
		e.Fatalf("Publish of %d bytes: %v", len(body), err)
	}
	e.eventually("the event arrives", func() bool { return len(sub.events()) > 0 })
	if got := sub.events()[0]; got.Key != key || !bytes.Equal(got.Body, body) {
		e.Errorf("an event of %d bytes with key %q came as %d bytes, %.40q, with key %q", len(body), key, len(got.Body), got.Body, got.Key)
	}

	var seen list[transport.Request]
	e.work(c, bot, command, nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
		seen.add(r)
		return transport.Result{ID: r.ID, Body: body}, nil
	})
	results, _ := e.results(b, store)
	r := e.request(bot, command, store)
	r.Body = body
	e.send(b, r)
	e.eventually("the result arrives", func() bool { return results.len() > 0 })
	if got := seen.all()[0]; got.Bot != bot || got.Command != command || got.Store != store || !bytes.Equal(got.Body, body) {
		e.Errorf("a request of %d bytes came as %d bytes, %.40q, for store %q, bot %q, command %q", len(body), len(got.Body), got.Body, got.Store, got.Bot, got.Command)
	}
	if got := results.all()[0]; got.Bot != bot || got.Store != store || !bytes.Equal(got.Body, body) {
		e.Errorf("a result of %d bytes came as %d bytes, %.40q, for store %q from bot %q", len(body), len(got.Body), got.Body, got.Store, got.Bot)
	}

	a := announcement("")
	a.Bot, a.Body = bot, body
	e.announce(b, a)
	e.eventuallyKnown("the announcement is known", e.announcements(c, of(a)), a)
}

func tooLarge(e *env) {
	b := e.broker()
	long := strings.Repeat("x", transport.MaxName+1)
	large := largest(transport.MaxBody + 1)
	request := func(change func(*transport.Request)) transport.Request {
		r := e.request("bot", "stock", "store")
		change(&r)
		return r
	}
	announce := func(change func(*transport.Announcement)) transport.Announcement {
		a := announcement("a")
		change(&a)
		return a
	}
	work := func(ctx context.Context, bot, command string) error { return b.Work(ctx, bot, command, nil, done) }
	for what, fn := range map[string]func(context.Context) error{
		"Publish with a long store": func(ctx context.Context) error { return b.Publish(ctx, long, "room", nil) },
		"Publish with a long key":   func(ctx context.Context) error { return b.Publish(ctx, "store", long, nil) },
		"Publish with a large body": func(ctx context.Context) error { return b.Publish(ctx, "store", "room", large) },
		"Subscribe to a long store": func(ctx context.Context) error { return b.Subscribe(ctx, long, func(transport.Batch) {}) },
		"Send with a long store": func(ctx context.Context) error {
			return b.Send(ctx, request(func(r *transport.Request) { r.Store = long }))
		},
		"Send with a long bot": func(ctx context.Context) error {
			return b.Send(ctx, request(func(r *transport.Request) { r.Bot = long }))
		},
		"Send with a long command": func(ctx context.Context) error {
			return b.Send(ctx, request(func(r *transport.Request) { r.Command = long }))
		},
		"Send with a large body": func(ctx context.Context) error {
			return b.Send(ctx, request(func(r *transport.Request) { r.Body = large }))
		},
		"Work for a long bot":     func(ctx context.Context) error { return work(ctx, long, "stock") },
		"Work for a long command": func(ctx context.Context) error { return work(ctx, "bot", long) },
		"Results of a long store": func(ctx context.Context) error {
			return b.Results(ctx, long, func(context.Context, transport.Result) error { return nil })
		},
		"Announce with a long bot": func(ctx context.Context) error {
			return b.Announce(ctx, announce(func(a *transport.Announcement) { a.Bot = long }))
		},
		"Announce with a large body": func(ctx context.Context) error {
			return b.Announce(ctx, announce(func(a *transport.Announcement) { a.Body = large }))
		},
	} {
		if err := e.start(what, fn).wait(); !errors.Is(err, transport.ErrTooLarge) {
			e.Errorf("%s returned %v, want ErrTooLarge", what, err)
		}
	}
}

func largeResult(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	large := e.request(bot, "stock", store)
	var tried list[string]
	e.work(b, bot, "stock", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
		if r.ID == large.ID {
			tried.add(r.ID)
			return transport.Result{ID: r.ID, Body: largest(transport.MaxBody + 1)}, nil
		}
		return transport.Result{ID: r.ID}, nil
	})
	results, _ := e.results(b, store)
	e.send(b, large)
	e.eventually("the request is handled", func() bool { return tried.len() > 0 })
	e.send(b, e.request(bot, "stock", store))
	e.eventually("the next request is answered", func() bool { return results.len() > 0 })
	e.never("a result of more than MaxBody bytes arrives", func() bool {
		for _, r := range results.all() {
			if r.ID == large.ID && len(r.Body) > transport.MaxBody {
				return true
			}
		}
		return false
	})
}
