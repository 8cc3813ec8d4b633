package transporttest

import (
	"context"
	"errors"
	"time"

	"github.com/carlware/gochat/transport"
)

var stoppingCases = []testCase{
	{
		name: "a worker that stops finishes what it has",
		rule: "The context that fn gets lives on for WorkOptions.Grace after ctx ended. Work waits for its fn calls, then returns nil; their results count.",
		run:  finishes,
	}, {
		name: "handlers do not outlive their grace",
		rule: "The context that fn gets ends WorkOptions.Grace after ctx ended.",
		run:  graceEnds,
	}, {
		name: "what a worker leaves undone goes to another",
		rule: "A request that the broker holds is delivered although the worker that had it, or would have had it, is gone.",
		run:  handover,
	},
}

func finishes(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	block, release := e.barrier()
	var started, interrupted list[string]
	worker := e.work(b, bot, "stock", &transport.WorkOptions{Grace: 10 * e.o.Timeout}, func(ctx context.Context, r transport.Request) (transport.Result, error) {
		started.add(r.ID)
		block()
		if ctx.Err() != nil {
			interrupted.add(r.ID)
		}
		return transport.Result{ID: r.ID}, nil
	})
	results, _ := e.results(b, store)
	e.send(b, e.request(bot, "stock", store))
	e.eventually("the handler starts", func() bool { return started.len() > 0 })
	worker.cancel()
	e.never("Work returns while its handler runs", worker.returned)
	release()
	worker.stop()
	e.eventually("the result of a handler that ended within its grace arrives", func() bool { return results.len() > 0 })
	if interrupted.len() > 0 {
		e.Errorf("the handler's context ended with the context of Work, not after its Grace")
	}
}

func graceEnds(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	grace := 2 * e.o.Quiet
	var started, ended list[time.Time]
	worker := e.work(b, bot, "stock", &transport.WorkOptions{Grace: grace}, func(ctx context.Context, r transport.Request) (transport.Result, error) {
		started.add(time.Now())
		<-ctx.Done()
		ended.add(time.Now())
		return transport.Result{}, ctx.Err()
	})
	e.send(b, e.request(bot, "stock", store))
	e.eventually("the handler starts", func() bool { return started.len() > 0 })
	stopped := time.Now()
	worker.cancel()
	e.eventually("the handler's context ends after its grace", func() bool { return ended.len() > 0 })
	if got := ended.all()[0].Sub(stopped); got < grace/2 {
		e.Errorf("the handler's context ended %v after the context of Work, its Grace was %v", got, grace)
	}
	worker.stop()
}

func handover(e *env) {
	b := e.broker()
	c := e.second(b)
	store, bot := unique("store"), unique("bot")
	var begun list[string]
	o := &transport.WorkOptions{Concurrency: 1, Grace: e.o.Quiet}
	worker := e.work(c, bot, "stock", o, func(ctx context.Context, r transport.Request) (transport.Result, error) {
		begun.add(r.ID)
		<-ctx.Done()
		return transport.Result{}, errors.New("interrupted")
	})
	running, queued := e.request(bot, "stock", store), e.request(bot, "stock", store)
	e.send(b, running)
	e.eventually("the first request is in a handler", func() bool { return begun.len() > 0 })
	e.send(b, queued)
	worker.stop()

	var seen list[transport.Request]
	e.work(b, bot, "stock", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
		seen.add(r)
		return transport.Result{ID: r.ID}, nil
	})
	attempt := func(id string) int {
		for _, r := range seen.all() {
			if r.ID == id {
				return r.Attempt
			}
		}
		return 0
	}
	e.eventually("the request that waited behind a worker that left reaches the next worker", func() bool { return attempt(queued.ID) > 0 })
	e.eventually("the request that a worker was in when it left reaches the next worker", func() bool { return attempt(running.ID) > 0 })
	if n := attempt(running.ID); n < 2 {
		e.Errorf("the request that was interrupted comes again with Attempt %d", n)
	}
}
