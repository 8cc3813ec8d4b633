package transporttest

import (
	"context"
	"time"

	"github.com/carlware/gochat/transport"
)

var deadlineCases = []testCase{
	{
		name: "a request whose time has ended is never delivered",
		rule: "A request whose Timeout has ended is never delivered.",
		run:  expired,
	}, {
		name: "a failed request is not repeated after its time",
		rule: "A request whose Timeout has ended is never delivered, not even as a repeat of one that failed.",
		run:  expiredRetry,
	}, {
		name: "a worker sees the time that is left",
		rule: "A worker sees in Timeout what is left of the sender's Timeout.",
		run:  timeLeft,
	}, {
		name: "a handler's context ends with the request's time",
		rule: "The context that fn gets ends when the request's time does.",
		run:  handlerDeadline,
	}, {
		name: "a result that comes late comes once or not at all",
		rule: "A handler that returns after the request's time is not called again for it, and its result is delivered once or dropped.",
		run:  lateResult,
	},
}

func expired(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	block, release := e.barrier()
	var seen list[string]
	e.work(b, bot, "stock", &transport.WorkOptions{Concurrency: 1}, func(_ context.Context, r transport.Request) (transport.Result, error) {
		seen.add(r.ID)
		block()
		return transport.Result{ID: r.ID}, nil
	})
	e.send(b, e.request(bot, "stock", store))
	e.eventually("the worker is busy", func() bool { return seen.len() == 1 })
	short, long := e.request(bot, "stock", store), e.request(bot, "stock", store)
	short.Timeout = e.o.Quiet
	e.send(b, short)
	e.send(b, long)
	time.Sleep(2 * e.o.Quiet)
	release()
	e.eventually("the request behind the one that expired is delivered", func() bool { return seen.len() >= 2 })
	e.never("the request that expired is delivered", func() bool { return seen.len() > 2 })
	for _, id := range seen.all() {
		if id == short.ID {
			e.Errorf("a request with a Timeout of %v was delivered after %v", short.Timeout, 2*e.o.Quiet)
		}
	}
}

func expiredRetry(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	r := e.request(bot, "stock", store)
	r.Timeout = e.shortTime()
	var started, ended list[time.Time]
	e.work(b, bot, "stock", nil, func(ctx context.Context, r transport.Request) (transport.Result, error) {
		started.add(time.Now())
		<-ctx.Done()
		ended.add(time.Now())
		return transport.Result{}, ctx.Err()
	})
	e.send(b, r)
	e.eventually("the handler's context ends", func() bool { return ended.len() > 0 })
	e.never("a request is delivered again after its time", func() bool { return started.len() > 1 })
}

func timeLeft(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	var seen list[time.Duration]
	e.work(b, bot, "stock", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
		seen.add(r.Timeout)
		if r.Attempt == 1 {
			time.Sleep(e.o.Quiet)
			return transport.Result{}, errBot
		}
		return transport.Result{ID: r.ID}, nil
	})
	r := e.request(bot, "stock", store)
	e.send(b, r)
	e.eventually("the request is delivered twice", func() bool { return seen.len() >= 2 })
	first, second := seen.all()[0], seen.all()[1]
	if first <= 0 || first > r.Timeout {
		e.Errorf("the worker sees %v of a Timeout of %v", first, r.Timeout)
	}
	if second <= 0 || second > first-e.o.Quiet/2 {
		e.Errorf("the second delivery, %v later, sees %v after %v: the time does not count down", e.o.Quiet, second, first)
	}
}

func handlerDeadline(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	var ended list[time.Time]
	e.work(b, bot, "stock", nil, func(ctx context.Context, r transport.Request) (transport.Result, error) {
		if _, ok := ctx.Deadline(); !ok {
			e.Errorf("the handler's context has no deadline")
		}
		<-ctx.Done()
		ended.add(time.Now())
		return transport.Result{}, transport.Reject(ctx.Err())
	})
	r := e.request(bot, "stock", store)
	r.Timeout = e.shortTime()
	sent := time.Now()
	e.send(b, r)
	e.eventually("the handler's context ends", func() bool { return ended.len() > 0 })
	if got := ended.all()[0].Sub(sent); got < r.Timeout*9/10 {
		e.Errorf("the handler's context ended %v after Send, the request's Timeout was %v", got, r.Timeout)
	}
}

func lateResult(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	late := e.request(bot, "stock", store)
	late.Timeout = e.shortTime()
	var seen list[string]
	e.work(b, bot, "stock", nil, func(ctx context.Context, r transport.Request) (transport.Result, error) {
		seen.add(r.ID)
		if r.ID == late.ID {
			<-ctx.Done()
			time.Sleep(e.o.Quiet)
		}
		return transport.Result{}, nil
	})
	results, _ := e.results(b, store)
	e.send(b, late)
	e.eventually("the request is handled", func() bool { return seen.len() > 0 })
	time.Sleep(late.Timeout + e.o.Quiet)
	good := e.request(bot, "stock", store)
	e.send(b, good)
	count := func(id string) (n int) {
		for _, r := range results.all() {
			if r.ID == id {
				n++
			}
		}
		return n
	}
	e.eventually("the next request is answered", func() bool { return count(good.ID) > 0 })
	e.never("a result that comes late is delivered twice", func() bool { return count(late.ID) > 1 })
	if n := seen.len(); n != 2 {
		e.Errorf("%d deliveries for a request that was answered late and one in time, want 2", n)
	}
}

// shortTime is a Timeout that a delivery does not use up.
func (e *env) shortTime() time.Duration { return max(2*e.o.Quiet, 500*time.Millisecond) }
