package transporttest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/carlware/gochat/transport"
)

// Fault is something that happens to a connection and lasts until it is ended.
type Fault struct {
	// Name is that of the subtests.
	Name string

	// Begin has it happen to the connection of b, and maybe to others of the
	// same broker. It returns at once, or when the fault is there.
	Begin func(b transport.Broker)

	// End undoes it. The broker must come back by itself within
	// [Options.Timeout]. End is called once for each Begin, maybe after b was
	// closed.
	End func(b transport.Broker)

	// Becomes is the state that b must come to while the fault lasts: Down;
	// Blocked where only publishing is held up; or Up where everything goes on
	// and only takes longer. In a fault that ends Blocked nothing else is lost,
	// and no new epoch begins. In one that stays Up nothing is lost at all.
	Becomes transport.State
}

func needsFaults(o *Options) string {
	if len(o.Faults) == 0 {
		return "Faults"
	}
	return ""
}

var faultCases = []testCase{
	{
		name: "a fault is told, holds nobody up and ends by itself",
		rule: "Status and Watch tell while the connection is of no use, and only then. Meanwhile Send fails with ErrUnavailable or ErrUnknown, and neither it nor Publish hangs. Afterwards the broker is Up by itself, without an error, subscriptions are live with a Gap if there is a new epoch, and announcements are known. On a connection that is only slow all goes on.",
		fault: func(e *env, f Fault) {
			e.outage(f)
		}, needs: needsFaults,
	}, {
		name: "no accepted request is lost in a fault",
		rule: "nil from Send means that the broker holds the request and will deliver it; results are kept until accepted. A request in a handler whose connection is gone is delivered again, elsewhere or when it is back, with a higher Attempt. Events come in order and once; on a connection that is only slow all of them, without a Gap.",
		fault: func(e *env, f Fault) {
			e.loadThrough(f)
		}, needs: needsFaults,
	}, {
		name: "calls end in a fault",
		rule: "Calls that block return promptly when their context ends or the broker is closed, whatever state it is in.",
		fault: func(e *env, f Fault) {
			e.endsInFault(f)
		}, needs: needsFaults,
	}, {
		name: "no goroutine is left after a fault",
		rule: "Close frees what was opened, whatever became of it meanwhile: no goroutine of the broker outlives it.",
		fault: func(e *env, f Fault) {
			e.leavesNothing(f)
		}, needs: needsFaults,
	},
}

// withFaults returns the cases, those about faults once for each fault.
func withFaults(all []testCase, faults []Fault) (each []testCase) {
	for _, c := range all {
		if c.fault == nil || len(faults) == 0 {
			each = append(each, c)
			continue
		}
		for _, f := range faults {
			one := c
			one.name += ": " + f.Name
			one.run = func(e *env) { c.fault(e, f) }
			each = append(each, one)
		}
	}
	return each
}

// begin lets f happen to b and waits until b says so. A broker may notice only
// when it has something to send, so it is given something.
func (e *env) begin(f Fault, b transport.Broker) (end func()) {
	e.Helper()
	ended := false
	end = func() {
		if !ended {
			ended = true
			f.End(b)
		}
	}
	e.releases = append(e.releases, end)
	store := unique("store")
	f.Begin(b)
	next := time.Now()
	e.eventually(fmt.Sprintf("the status is %v in the fault", f.Becomes), func() bool {
		if now := time.Now(); now.After(next) {
			next = now.Add(50 * time.Millisecond)
			ctx, cancel := context.WithTimeout(context.Background(), e.o.Quiet)
			_ = b.Publish(ctx, store, "room", []byte("poke"))
			cancel()
		}
		return b.Status().State == f.Becomes
	})
	return end
}

// recovered waits until b is up, in a new epoch if it had been down.
func (e *env) recovered(f Fault, b transport.Broker, before uint64) {
	e.Helper()
	e.eventually("the broker is up after the fault, in a new epoch if it was down", func() bool {
		s := b.Status()
		return s.State == transport.Up && (s.Epoch > before || f.Becomes != transport.Down)
	})
}

func (e *env) outage(f Fault) {
	b := e.broker()
	c := e.second(b)
	store, bot := unique("store"), unique("bot")
	var seen list[transport.Status]
	e.start("Watch", func(ctx context.Context) error { return b.Watch(ctx, seen.add) })
	sub := e.subscribe(b, store)
	first, second := announcement("first"), announcement("second")
	second.Since = first.Since.Add(time.Second)
	watcher := e.announcements(b, of(first, second))
	e.announce(b, first)
	e.eventuallyKnown("the announcement is known", watcher, first)
	e.work(b, bot, "stock", nil, done)
	e.send(b, e.request(bot, "stock", store))

	before := b.Status().Epoch
	end := e.begin(f, b)
	e.eventually("Watch tells of the fault", func() bool {
		for _, s := range seen.all() {
			if s.State == f.Becomes {
				return true
			}
		}
		return false
	})
	sending := e.start("Send in a fault", func(ctx context.Context) error { return b.Send(ctx, e.request(bot, "stock", store)) })
	publishing := e.start("Publish in a fault", func(ctx context.Context) error { return b.Publish(ctx, store, "room", []byte("meanwhile")) })
	if f.Becomes == transport.Up {
		if err := errors.Join(sending.wait(), publishing.wait()); err != nil {
			e.Errorf("Send or Publish on a slow connection returned %v, want nil", err)
		}
		e.eventually("an event that is published on a slow connection arrives", func() bool { return slices.Contains(sub.bodies(), "meanwhile") })
	} else {
		if err := sending.wait(); !errors.Is(err, transport.ErrUnavailable) && !errors.Is(err, transport.ErrUnknown) {
			e.Errorf("Send in a fault returned %v, want ErrUnavailable or ErrUnknown", err)
		}
		if err := publishing.wait(); err != nil && !errors.Is(err, transport.ErrUnavailable) && !errors.Is(err, transport.ErrOverloaded) {
			e.Errorf("Publish in a fault returned %v, want nil, ErrUnavailable or ErrOverloaded", err)
		}
	}
	end()
	e.recovered(f, b, before)
	e.eventually("Watch tells that the fault is over", func() bool { return last(&seen).State == transport.Up })
	e.checkStatuses(f, b, before, seen.all())
	if f.Becomes == transport.Down {
		e.eventually("a subscriber gets a batch of the new epoch", func() bool { return last(&sub.batches).Epoch > before })
	}
	e.publish(b, store, "room", "after")
	e.eventually("an event published after the fault arrives", func() bool {
		bodies := sub.bodies()
		return len(bodies) > 0 && bodies[len(bodies)-1] == "after"
	})
	e.checkEpochs(sub)
	e.announce(c, second)
	e.eventuallyKnown("the old announcement and a new one are known after the fault", watcher, first, second)
}

// checkStatuses fails where Watch told something else than the truth about a
// fault that is over. epoch is that of before.
func (e *env) checkStatuses(f Fault, b transport.Broker, epoch uint64, seen []transport.Status) {
	e.Helper()
	if s := b.Status(); s.Err != nil {
		e.Errorf("the status after the fault is %+v, still with an error", s)
	}
	var before uint64
	for _, s := range seen {
		if s.Epoch < before {
			e.Errorf("the epoch went back from %d to %d", before, s.Epoch)
		}
		before = s.Epoch
		switch {
		case f.Becomes == transport.Up && s.State != transport.Up:
			e.Errorf("Watch told of %+v on a connection that was only slow", s)
		case f.Becomes == transport.Blocked && s.State == transport.Down:
			e.Errorf("Watch told of %+v in a fault that only blocks", s)
		}
	}
	if f.Becomes != transport.Down && before != epoch {
		e.Errorf("the epoch is %d after a fault that breaks no connection, it was %d", before, epoch)
	}
}

func (e *env) loadThrough(f Fault) {
	const total = 60
	b := e.broker()
	c := e.second(b)
	store, bot := unique("store"), unique("bot")
	block, release := e.barrier()
	held := e.request(bot, "slow", store)
	var deliveries list[transport.Request]
	e.work(b, bot, "slow", &transport.WorkOptions{MaxAttempts: 20}, func(_ context.Context, r transport.Request) (transport.Result, error) {
		deliveries.add(r)
		if deliveries.len() == 1 {
			block()
		}
		return transport.Result{}, nil
	})
	// A delivery that a fault interrupts counts as an attempt.
	e.work(c, bot, "stock", &transport.WorkOptions{MaxAttempts: 20, Concurrency: 4}, func(context.Context, transport.Request) (transport.Result, error) {
		time.Sleep(2 * time.Millisecond)
		return transport.Result{}, nil
	})
	results, _ := e.results(b, store)
	sub := e.subscribe(b, store)
	e.send(b, held)
	e.eventually("a handler is busy", func() bool { return deliveries.len() > 0 })
	e.send(b, e.request(bot, "stock", store))

	var ids, accepted list[string]
	e.start("Send", func(context.Context) error {
		for range total {
			r := e.request(bot, "stock", store)
			ids.add(r.ID)
			if err := e.sendThrough(b, r); err != nil {
				e.Errorf("Send through a fault: %v", err)
				return nil
			}
			accepted.add(r.ID)
		}
		return nil
	})
	var published list[int]
	e.start("Publish", func(ctx context.Context) error {
		for i := 0; ctx.Err() == nil; i++ {
			if c.Publish(ctx, store, "room", kib(i)) == nil { // it may get lost all the same
				published.add(i)
			}
			pause()
		}
		return nil
	})
	e.eventually("requests are sent", func() bool { return accepted.len() >= total/4 })
	before := b.Status().Epoch
	end := e.begin(f, b)
	tried := e.sends.Load()
	e.eventually("requests are sent in the fault", func() bool { return e.sends.Load() > tried+1 || accepted.len() >= total })
	end()
	e.recovered(f, b, before)
	if f.Becomes == transport.Down {
		e.eventually("a request in a handler that was cut off is delivered again, with a higher Attempt", func() bool {
			return last(&deliveries).Attempt > 1
		})
	}
	release()
	e.eventually("every request that was accepted is answered", func() bool {
		answered := make(map[string]bool)
		for _, r := range results.all() {
			answered[r.ID] = true
		}
		for _, id := range accepted.all() {
			if !answered[id] {
				return false
			}
		}
		return accepted.len() >= total && answered[held.ID]
	})
	arrived := len(sub.events())
	e.eventually("events arrive after the fault", func() bool { return len(sub.events()) > arrived })
	e.checkOrder(f, sub, &published)
}

// checkOrder fails where numbered events came out of order or twice, and where
// one is missing though nothing may be.
func (e *env) checkOrder(f Fault, sub *subscription, published *list[int]) {
	e.Helper()
	latest := -1
	var numbers []int
	for _, event := range sub.events() {
		n := number(event.Body)
		if n <= latest {
			e.Fatalf("event %d came after event %d", n, latest)
		}
		latest = n
		numbers = append(numbers, n)
	}
	if f.Becomes != transport.Up {
		return
	}
	for i, n := range published.all() {
		if i < len(numbers) && numbers[i] != n {
			e.Fatalf("event %d came where %d was due, on a connection that was only slow", numbers[i], n)
		}
	}
	for i, batch := range sub.batches.all() {
		if i > 0 && batch.Gap {
			e.Errorf("batch %d has a Gap, on a connection that was only slow", i)
		}
	}
}

func (e *env) endsInFault(f Fault) {
	b := e.broker()
	var calls []*call
	begin := func(suffix string) {
		for name, fn := range blocking(b) {
			calls = append(calls, e.start(name+suffix, fn))
		}
	}
	begin("")
	time.Sleep(e.o.Quiet)
	end := e.begin(f, b)
	for _, c := range calls {
		c.stop()
	}
	calls = nil
	begin(" in a fault")
	sending := e.start("Send in a fault", func(ctx context.Context) error {
		return b.Send(ctx, e.request(unique("bot"), "stock", unique("store")))
	})
	sending.cancel()
	if err := sending.wait(); err == nil {
		e.Errorf("Send in a fault returned nil")
	}
	time.Sleep(e.o.Quiet)
	closing := e.start("Close in a fault", func(context.Context) error { return b.Close() })
	if err := closing.wait(); err != nil {
		e.Errorf("Close in a fault: %v", err)
	}
	for _, c := range calls {
		if err := c.wait(); !errors.Is(err, transport.ErrClosed) {
			e.Errorf("%s returned %v when the broker was closed, want ErrClosed", c.what, err)
		}
	}
	end()
}

func (e *env) leavesNothing(f Fault) {
	before := runtime.NumGoroutine()
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	for name, fn := range blocking(b) {
		e.start(name, fn)
	}
	e.subscribe(b, store)
	e.work(b, bot, "stock", nil, done)
	results, _ := e.results(b, store)
	e.send(b, e.request(bot, "stock", store))
	e.eventually("a result arrives", func() bool { return results.len() > 0 })
	epoch := b.Status().Epoch
	end := e.begin(f, b)
	e.start("Send in a fault", func(ctx context.Context) error {
		_ = b.Send(ctx, e.request(bot, "stock", store))
		return nil
	})
	end()
	e.recovered(f, b, epoch)
	answers := results.len()
	e.send(b, e.request(bot, "stock", store))
	e.eventually("a result arrives after the fault", func() bool { return results.len() > answers })
	e.close()
	e.left(before)
}
