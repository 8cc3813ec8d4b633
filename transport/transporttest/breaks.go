package transporttest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/transport"
)

func needsBreak(o *Options) string {
	if o.Break == nil {
		return "Break"
	}
	return ""
}

var breakCases = []testCase{
	{
		name: "the epoch grows when a connection is made anew",
		rule: "Status and Watch tell of a broken connection by a higher epoch; a broken broker comes back by itself.",
		run:  newEpoch, needs: needsBreak,
	}, {
		name: "subscriptions outlive a broken connection",
		rule: "Subscribe outlives broken connections. The first batch of each new epoch has Gap set and that epoch; when it arrives the subscription is live again.",
		run:  subscriptionAfterBreak, needs: needsBreak,
	}, {
		name: "no accepted request is lost with a connection",
		rule: "nil from Send means that the broker holds the request and will deliver it; results are kept until accepted. Work and Results outlive broken connections.",
		run:  requestsAfterBreak, needs: needsBreak,
	}, {
		name: "announcements outlive a broken connection",
		rule: "Announce keeps the announcement known until ctx ends, also beyond a broken connection shorter than its TTL, and Announcements goes on.",
		run:  announcementsAfterBreak, needs: needsBreak,
	}, {
		name: "calls end while the connection is broken",
		rule: "Calls that block return promptly when their context ends or the broker is closed, whatever state it is in.",
		run:  endsWhileBroken, needs: needsBreak,
	},
}

// breakIt breaks b and waits until it is up again.
func (e *env) breakIt(b transport.Broker) (epoch uint64) {
	e.Helper()
	before := b.Status().Epoch
	e.o.Break(b)
	e.eventually("the broker is up in a new epoch after its connection was cut", func() bool {
		s := b.Status()
		epoch = s.Epoch
		return s.State == transport.Up && s.Epoch > before
	})
	return epoch
}

func newEpoch(e *env) {
	b := e.broker()
	var seen list[transport.Status]
	e.start("Watch", func(ctx context.Context) error { return b.Watch(ctx, seen.add) })
	e.eventually("Watch calls fn with the current status", func() bool { return seen.len() > 0 })
	epoch := e.breakIt(b)
	e.eventually("Watch calls fn with the status of the new epoch", func() bool {
		s := last(&seen)
		return s.State == transport.Up && s.Epoch >= epoch
	})
	var before uint64
	for _, s := range seen.all() {
		if s.Epoch < before {
			e.Errorf("the epoch went back from %d to %d", before, s.Epoch)
		}
		before = s.Epoch
	}
}

func subscriptionAfterBreak(e *env) {
	b := e.broker()
	store := unique("store")
	sub := e.subscribe(b, store)
	for i := range 2 {
		epoch := e.breakIt(b)
		e.eventually("a subscriber gets a batch of the new epoch", func() bool { return last(&sub.batches).Epoch >= epoch })
		body := fmt.Sprintf("after break %d", i)
		e.publish(b, store, "room", body)
		e.eventually("an event published after that batch arrives", func() bool {
			bodies := sub.bodies()
			return len(bodies) > 0 && bodies[len(bodies)-1] == body
		})
	}
	e.checkEpochs(sub)
}

// checkEpochs fails where epochs go back, or grow without a Gap.
func (e *env) checkEpochs(sub *subscription) {
	var before uint64
	for _, batch := range sub.batches.all() {
		if batch.Epoch < before {
			e.Errorf("a batch of epoch %d came after one of epoch %d", batch.Epoch, before)
		}
		if batch.Epoch > before && !batch.Gap {
			e.Errorf("the first batch of epoch %d has no Gap", batch.Epoch)
		}
		before = batch.Epoch
	}
}

func requestsAfterBreak(e *env) {
	const total = 60
	b := e.broker()
	c := e.second(b)
	store, bot := unique("store"), unique("bot")
	// A delivery that a cut interrupts counts as an attempt.
	e.work(c, bot, "stock", &transport.WorkOptions{MaxAttempts: 20, Concurrency: 4}, func(ctx context.Context, r transport.Request) (transport.Result, error) {
		time.Sleep(2 * time.Millisecond)
		return transport.Result{ID: r.ID}, nil
	})
	results, _ := e.results(b, store)
	e.send(b, e.request(bot, "stock", store))

	var sent atomic.Int64
	var ids list[string]
	e.start("Send", func(context.Context) error {
		for range total {
			r := e.request(bot, "stock", store)
			ids.add(r.ID)
			if err := e.sendThrough(b, r); err != nil {
				e.Errorf("Send across a broken connection: %v", err)
				return nil
			}
			sent.Add(1)
		}
		return nil
	})
	for _, at := range []int64{total / 4, total / 2} {
		e.eventually("requests are sent", func() bool { return sent.Load() >= at })
		e.breakIt(b)
		if c != b {
			e.breakIt(c)
		}
	}
	e.eventually("every request that was accepted is answered", func() bool {
		if sent.Load() < total {
			return false
		}
		answered := make(map[string]bool)
		for _, r := range results.all() {
			answered[r.ID] = true
		}
		for _, id := range ids.all() {
			if !answered[id] {
				return false
			}
		}
		return true
	})
}

// sendThrough sends r until it is accepted. After ErrUnknown it sends the same
// ID again, as the contract says is safe.
func (e *env) sendThrough(b transport.Broker, r transport.Request) error {
	for end := time.Now().Add(e.o.Timeout); ; pause() {
		err := e.sendOnce(b, r)
		if err == nil || time.Now().After(end) || !notSent(err) && !errors.Is(err, transport.ErrUnknown) {
			return err
		}
	}
}

func announcementsAfterBreak(e *env) {
	b := e.broker()
	first, second := announcement("first"), announcement("second")
	second.Since = first.Since.Add(time.Second)
	watcher := e.announcements(b, of(first, second))
	e.announce(b, first)
	e.eventuallyKnown("the announcement is known", watcher, first)
	e.breakIt(b)
	e.announce(b, second)
	e.eventuallyKnown("the old announcement and a new one are known after the connection was cut", watcher, first, second)
	late := e.announcements(e.second(b), of(first, second))
	e.eventuallyKnown("they are also known to who comes late", late, first, second)
}

func endsWhileBroken(e *env) {
	b := e.broker()
	var calls []*call
	for name, fn := range blocking(b) {
		calls = append(calls, e.start(name, fn))
	}
	time.Sleep(e.o.Quiet)
	e.o.Break(b)
	for _, c := range calls {
		c.stop()
	}
	for name, fn := range blocking(b) {
		e.start(name, fn)
	}
	e.o.Break(b)
	closing := e.start("Close", func(context.Context) error { return b.Close() })
	if err := closing.wait(); err != nil {
		e.Errorf("Close: %v", err)
	}
}
