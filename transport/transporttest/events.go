package transporttest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/carlware/gochat/transport"
)

var eventCases = []testCase{
	{
		name: "every subscriber of a store gets every event",
		rule: "Publish sends the body to all subscribers of the store, on every connection, the publisher's own included.",
		run:  fanOut,
	}, {
		name: "no subscriber of another store gets an event",
		rule: "Events reach the subscribers of their store only. Names are opaque: no character in them is a wildcard.",
		run:  storesApart,
	}, {
		name: "the first batch is a gap",
		rule: "The first batch of a subscription has Gap set and the epoch of Status.",
		run:  firstGap,
	}, {
		name: "a subscription is live at its first batch",
		rule: "When the first batch arrives the subscription is live: what is published from then on reaches it.",
		run:  liveAtFirst,
	}, {
		name: "a subscription that has ended is not called",
		rule: "Subscribe calls fn until ctx ends: after it has returned fn is not called, and others go on.",
		run:  unsubscribed,
	}, {
		name: "a slow subscriber does not slow the publisher",
		rule: "A subscriber that falls behind never slows the publisher. It loses events and gets a Gap in their place.",
		run:  slowSubscriber,
	}, {
		name: "callbacks may use the broker",
		rule: "No handler is ever called on the stack of the publisher or under a lock of the broker: it may publish and send itself.",
		run:  reentrant,
	},
}

func fanOut(e *env) {
	b := e.broker()
	c := e.second(b)
	store := unique("store")
	if err := e.tryPublish(b, store, "room", []byte("nobody is there")); err != nil {
		e.Fatalf("Publish to a store without subscribers: %v", err)
	}
	subs := []*subscription{e.subscribe(b, store), e.subscribe(b, store), e.subscribe(c, store)}
	var want []string
	for i := range 100 {
		body := fmt.Sprintf("event %d", i)
		want = append(want, body)
		e.publish([]transport.Broker{b, c}[i%2], store, "room-"+fmt.Sprint(i%2), body)
	}
	slices.Sort(want)
	for i, sub := range subs {
		var got []string
		e.eventually(fmt.Sprintf("subscriber %d of %d has all 100 events", i+1, len(subs)), func() bool {
			got = slices.DeleteFunc(sub.bodies(), func(s string) bool { return s == "nobody is there" })
			return len(got) >= len(want)
		})
		slices.Sort(got)
		if !slices.Equal(got, want) {
			e.Errorf("subscriber %d got %q, want each of %q once", i+1, got, want)
		}
	}
	for _, event := range subs[0].events() {
		if !strings.HasPrefix(event.Key, "room") {
			e.Errorf("an event came with key %q, not the one it was published with", event.Key)
		}
	}
}

func storesApart(e *env) {
	b := e.broker()
	base := unique("store")
	others := []string{base + ".*", base + ".#", "*", "#", base, base + ".a.b", base + ".A", base + ".%61", base + ".a ", base + "/a", "prefix." + base + ".a"}
	var subs []*subscription
	for _, store := range others {
		subs = append(subs, e.subscribe(b, store))
	}
	right := e.subscribe(b, base+".a")
	e.publish(b, base+".a", "room", "for .a only")
	e.eventually("the store's own subscriber gets the event", func() bool { return len(right.events()) > 0 })
	for i, sub := range subs {
		e.publish(b, others[i], "room", "the end")
		e.eventually("a subscriber of store "+others[i]+" gets its own event", func() bool {
			return slices.Contains(sub.bodies(), "the end")
		})
		if slices.Contains(sub.bodies(), "for .a only") {
			e.Errorf("the subscriber of store %q got an event of store %q", others[i], base+".a")
		}
	}
}

func firstGap(e *env) {
	b := e.broker()
	sub := e.subscribe(b, unique("store"))
	batch := sub.batches.all()[0]
	if !batch.Gap {
		e.Errorf("the first batch is %+v, without Gap", batch)
	}
	if epoch := b.Status().Epoch; batch.Epoch != epoch {
		e.Errorf("the first batch has epoch %d, Status has %d", batch.Epoch, epoch)
	}
}

func liveAtFirst(e *env) {
	b := e.broker()
	c := e.second(b)
	for i := range 20 {
		store := unique("store")
		sub := e.subscribe(b, store)
		e.publish(c, store, "room", "hello")
		e.eventually(fmt.Sprintf("subscriber %d gets the event that was published right after its first batch", i+1), func() bool {
			return slices.Contains(sub.bodies(), "hello")
		})
		sub.stop()
	}
}

func unsubscribed(e *env) {
	b := e.broker()
	c := e.second(b)
	store := unique("store")
	ended, stays := e.subscribe(b, store), e.subscribe(b, store)
	ended.stop()
	before := ended.batches.len()
	for i := range 20 {
		e.publish(c, store, "room", fmt.Sprint(i))
	}
	e.eventually("the subscriber that stays gets all events", func() bool { return len(stays.bodies()) >= 20 })
	if n := ended.batches.len() - before; n > 0 {
		e.Errorf("%d batches for a subscription after Subscribe has returned", n)
	}
}

func slowSubscriber(e *env) {
	b := e.broker()
	store := unique("store")
	block, release := e.barrier()
	slow := e.subscribeFunc(b, store, func(transport.Batch) { block() })
	fast := e.subscribe(e.second(b), store)

	total := max(e.o.Overflow, 1000)
	var sent atomic.Int64
	publishing := e.start("Publish beside a subscriber that does not return", func(ctx context.Context) error {
		for i := range total {
			if err := e.tryPublish(b, store, "room", kib(i)); err != nil {
				return err
			}
			sent.Add(1)
		}
		return nil
	})
	for !publishing.returned() {
		before := sent.Load()
		e.eventually("Publish returns although a subscriber is slow", func() bool {
			return sent.Load() > before || publishing.returned()
		})
	}
	if err := publishing.wait(); err != nil {
		e.Fatalf("Publish beside a slow subscriber: %v", err)
	}
	next := total
	reach := func(sub *subscription, what string) {
		e.eventually(what, func() bool {
			if err := e.tryPublish(b, store, "room", kib(next)); err != nil {
				e.Fatalf("Publish: %v", err)
			}
			next++
			events := sub.events()
			return len(events) > 0 && number(events[len(events)-1].Body) >= total
		})
	}
	reach(fast, "a fast subscriber gets what a slow one holds up")
	release()
	reach(slow, "the slow subscriber gets new events when it goes on")
	lost := e.checkJumps(slow)
	if e.o.Overflow > 0 && lost == 0 {
		e.Errorf("a subscriber that did not read still got all of %d events: its queue is not bounded, or Options.Overflow is too low", total)
	}
}

// checkJumps returns how many numbered events are missing, and fails where
// they are missing without a Gap in their place.
func (e *env) checkJumps(sub *subscription) (lost int) {
	want := 0
	for i, batch := range sub.batches.all() {
		for j, event := range batch.Events {
			n := number(event.Body)
			if n < want {
				e.Errorf("event %d came after event %d", n, want-1)
			}
			if n > want && (j > 0 || !batch.Gap) {
				e.Errorf("batch %d jumps from event %d to %d without a Gap before it", i, want-1, n)
			}
			lost += n - want
			want = n + 1
		}
	}
	return lost
}

func reentrant(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	sub := e.subscribeFunc(b, store, func(batch transport.Batch) {
		for _, event := range batch.Events {
			if event.Key == "ping" {
				b.Status()
				if err := e.tryPublish(b, store, "pong", []byte("from Subscribe")); err != nil {
					e.Errorf("Publish within a Subscribe callback: %v", err)
				}
			}
		}
	})
	e.publish(b, store, "ping", "ping")
	e.eventually("an event that a Subscribe callback published arrives", func() bool {
		return slices.Contains(sub.bodies(), "from Subscribe")
	})

	e.work(b, bot, "second", nil, done)
	e.work(b, bot, "first", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
		if err := e.trySend(b, e.request(bot, "second", store)); err != nil {
			e.Errorf("Send within a handler: %v", err)
		}
		return transport.Result{ID: r.ID}, nil
	})
	var results atomic.Int64
	third := e.request(bot, "second", store)
	first := e.request(bot, "first", store)
	e.resultsFunc(b, store, func(_ context.Context, r transport.Result) error {
		results.Add(1)
		if r.ID == first.ID {
			return e.trySend(b, third)
		}
		return nil
	})
	e.send(b, first)
	e.eventually("requests that a handler and a Results callback sent are answered too", func() bool { return results.Load() >= 3 })
}
