package transporttest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carlware/gochat/transport"
)

const kept = "Bodies that are passed in are not kept after the call returns; bodies that are handed to a callback belong to the callback."

var ownershipCases = []testCase{
	{name: "a published body may be used again", rule: kept, run: reusePublished},
	{name: "event bodies belong to the callback", rule: kept, run: ownEvents},
	{name: "a sent body may be used again", rule: kept, run: reuseSent},
	{name: "request bodies belong to the handler", rule: kept, run: ownRequests},
	{name: "result bodies belong to the receiver", rule: kept, run: ownResults},
	{name: "announcements belong to the watcher", rule: "The callback of Announcements owns the slice and the bodies in it.", run: ownAnnouncements},
}

// scribble spoils a body.
func scribble(body []byte) {
	for i := range body {
		body[i] = '!'
	}
}

func reusePublished(e *env) {
	b := e.broker()
	store := unique("store")
	sub := e.subscribe(b, store)
	var want []string
	buf := make([]byte, 8)
	for i := range 100 {
		copy(buf, fmt.Sprintf("body %03d", i))
		want = append(want, string(buf))
		if err := e.tryPublish(b, store, "room", buf); err != nil {
			e.Fatalf("Publish: %v", err)
		}
		scribble(buf)
	}
	e.eventually("all events arrive", func() bool { return len(sub.events()) >= len(want) })
	if got := sub.bodies(); !slices.Equal(got, want) {
		e.Errorf("events whose buffer was used again arrive as %q", got)
	}
}

func ownEvents(e *env) {
	b := e.broker()
	store := unique("store")
	reader := e.subscribe(b, store)
	e.subscribeFunc(b, store, func(batch transport.Batch) {
		for _, event := range batch.Events {
			scribble(event.Body)
			_ = append(event.Body, "!!!!!!!!"...) // nor may this reach a neighbour
		}
	})
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprintf("body %03d", i))
		e.publish(b, store, "room", want[i])
	}
	e.eventually("all events arrive", func() bool { return len(reader.events()) >= len(want) })
	e.never("a body changes after the callback got it", func() bool { return !slices.Equal(reader.bodies(), want) })

	store = unique("store")
	scribbler := e.subscribeFunc(b, store, func(batch transport.Batch) {
		for i := range batch.Events {
			if event := &batch.Events[i]; strings.HasPrefix(string(event.Body), "odd") {
				_ = append(event.Body, "!!!!!!!!"...)
			}
		}
	})
	for i := range 100 {
		e.publish(b, store, "room", []string{"even", "odd"}[i%2])
	}
	e.eventually("all events arrive", func() bool { return len(scribbler.events()) >= 100 })
	for _, body := range scribbler.bodies() {
		if body != "even" && body != "odd" {
			e.Fatalf("appending to the body of one event changed the next to %q", body)
		}
	}
}

func reuseSent(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	answer := make([]byte, 8)
	e.work(b, bot, "stock", &transport.WorkOptions{Concurrency: 1}, func(_ context.Context, r transport.Request) (transport.Result, error) {
		scribble(answer) // the one before has been returned
		copy(answer, r.Body)
		return transport.Result{ID: r.ID, Body: answer}, nil
	})
	results, _ := e.results(b, store)
	want := make(map[string]string)
	buf := make([]byte, 8)
	for i := range 50 {
		copy(buf, fmt.Sprintf("body %03d", i))
		r := e.request(bot, "stock", store)
		r.Body = buf
		want[r.ID] = string(buf)
		e.send(b, r)
		scribble(buf)
	}
	e.eventually("all results arrive", func() bool { return results.len() >= len(want) })
	for _, r := range results.all() {
		if string(r.Body) != want[r.ID] {
			e.Errorf("a request of %q was answered with its own body as %q, after the buffers were used again", want[r.ID], r.Body)
		}
	}
}

func ownRequests(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	e.work(b, bot, "stock", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
		body := string(r.Body)
		scribble(r.Body)
		if r.Attempt == 1 {
			return transport.Result{}, errBot
		}
		return transport.Result{ID: r.ID, Body: []byte(body)}, nil
	})
	results, _ := e.results(b, store)
	r := e.request(bot, "stock", store)
	e.send(b, r)
	e.eventually("the result arrives", func() bool { return results.len() > 0 })
	if got := string(results.all()[0].Body); got != string(r.Body) {
		e.Errorf("a handler that failed had changed its body: the next one got %q, want %q", got, r.Body)
	}
}

func ownResults(e *env) {
	b := e.broker()
	store := unique("store")
	var seen list[string]
	e.resultsFunc(b, store, func(_ context.Context, r transport.Result) error {
		seen.add(string(r.Body))
		scribble(r.Body)
		if seen.len() < 2 {
			return errBot
		}
		return nil
	})
	e.answered(b, store, 1)
	e.eventually("the result is offered twice", func() bool { return seen.len() >= 2 })
	if got := seen.all()[1]; got != "a result" {
		e.Errorf("a receiver that refused had changed its body: the next time it was %q", got)
	}
}

func ownAnnouncements(e *env) {
	b := e.broker()
	first, second := announcement("first"), announcement("second")
	second.Since = first.Since.Add(time.Second)
	spoiler := e.start("Announcements", func(ctx context.Context) error {
		return b.Announcements(ctx, func(all []transport.Announcement) {
			for i := range all {
				scribble(all[i].Body)
				all[i].Bot = "spoiled"
			}
		})
	})
	reader := e.announcements(b, of(first, second))
	e.announce(b, first)
	e.eventuallyKnown("the announcement is known", reader, first)
	e.announce(b, second)
	e.eventuallyKnown("both announcements are known, unspoiled", reader, first, second)
	e.eventuallyKnown("and so for who comes late", e.announcements(b, of(first, second)), first, second)
	spoiler.stop()
}
