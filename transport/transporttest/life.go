package transporttest

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/carlware/gochat/transport"
)

var lifeCases = []testCase{
	{
		name: "status says what is",
		rule: "Watch calls fn with the current status. An Up broker has an epoch of 1 or more and no error; a closed one is not Up.",
		run:  status,
	}, {
		name: "a cancelled call returns nil",
		rule: "Calls that block return nil promptly when their context ends, also when it had ended before.",
		run:  cancelled,
	}, {
		name: "Close ends calls with ErrClosed",
		rule: "Close ends all calls that block on the broker with ErrClosed.",
		run:  closeEnds,
	}, {
		name: "Close waits for handlers",
		rule: "Close waits for the handlers that the calls are in.",
		run:  closeWaits,
	}, {
		name: "a closed broker says ErrClosed",
		rule: "Every call on a closed broker returns ErrClosed. Close again is a no-op.",
		run:  afterClose,
	}, {
		name: "no goroutine is left",
		rule: "Close frees what was opened: no goroutine of the broker outlives it.",
		run:  goroutines,
	},
}

// blocking is every call that blocks, with callbacks that do nothing.
func blocking(b transport.Broker) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Subscribe": func(ctx context.Context) error { return b.Subscribe(ctx, unique("store"), func(transport.Batch) {}) },
		"Work":      func(ctx context.Context) error { return b.Work(ctx, unique("bot"), "stock", nil, done) },
		"Results": func(ctx context.Context) error {
			return b.Results(ctx, unique("store"), func(context.Context, transport.Result) error { return nil })
		},
		"Announce":      func(ctx context.Context) error { return b.Announce(ctx, announcement("a")) },
		"Announcements": func(ctx context.Context) error { return b.Announcements(ctx, func([]transport.Announcement) {}) },
		"Watch":         func(ctx context.Context) error { return b.Watch(ctx, func(transport.Status) {}) },
	}
}

func status(e *env) {
	b := e.broker()
	var seen list[transport.Status]
	e.start("Watch", func(ctx context.Context) error { return b.Watch(ctx, seen.add) })
	e.eventually("Watch calls fn with the current status", func() bool { return seen.len() > 0 })
	now := b.Status()
	if got := last(&seen); got != now {
		e.Errorf("Watch says %+v, Status %+v", got, now)
	}
	if now.State != transport.Up || now.Epoch < 1 || now.Err != nil {
		e.Errorf("the status of a working broker is %+v", now)
	}
	if err := b.Close(); err != nil {
		e.Errorf("Close: %v", err)
	}
	if s := b.Status(); s.State == transport.Up {
		e.Errorf("the status of a closed broker is %+v", s)
	}
}

func cancelled(e *env) {
	b := e.broker()
	var calls []*call
	for name, fn := range blocking(b) {
		calls = append(calls, e.start(name, fn))
	}
	time.Sleep(e.o.Quiet)
	for _, c := range calls {
		if c.returned() {
			e.Errorf("%s returned %v before its context ended", c.what, c.err)
			continue
		}
		c.stop()
	}
	for name, fn := range blocking(b) {
		c := e.start(name+" with a context that has ended", func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return fn(ctx)
		})
		if err := c.wait(); err != nil {
			e.Errorf("%s returned %v, want nil", c.what, err)
		}
	}
}

func closeEnds(e *env) {
	b := e.broker()
	var calls []*call
	for name, fn := range blocking(b) {
		calls = append(calls, e.start(name, fn))
	}
	time.Sleep(e.o.Quiet)
	closing := e.start("Close", func(context.Context) error { return b.Close() })
	for _, c := range calls {
		if err := c.wait(); !errors.Is(err, transport.ErrClosed) {
			e.Errorf("%s returned %v when the broker was closed, want ErrClosed", c.what, err)
		}
	}
	if err := closing.wait(); err != nil {
		e.Errorf("Close: %v", err)
	}
}

func closeWaits(e *env) {
	store, bot := unique("store"), unique("bot")
	for _, kind := range []string{"Subscribe", "Work", "Results"} {
		b := e.broker()
		block, release := e.barrier()
		var inside list[string]
		enter := func() { inside.add(kind); block() }
		switch kind {
		case "Subscribe":
			e.subscribeFunc(b, store, func(transport.Batch) { enter() })
		case "Work":
			e.work(b, bot, "stock", nil, func(context.Context, transport.Request) (transport.Result, error) {
				enter()
				return transport.Result{}, transport.Reject(errBot)
			})
			e.send(b, e.request(bot, "stock", store))
		case "Results":
			e.answered(b, store, 1)
			e.resultsFunc(b, store, func(context.Context, transport.Result) error {
				enter()
				return nil
			})
		}
		e.eventually("a handler of "+kind+" runs", func() bool { return inside.len() > 0 })
		closing := e.start("Close", func(context.Context) error { return b.Close() })
		e.never("Close returns while a handler of "+kind+" runs", closing.returned)
		release()
		if err := closing.wait(); err != nil {
			e.Errorf("Close: %v", err)
		}
	}
}

func afterClose(e *env) {
	b := e.broker()
	for i := range 3 {
		c := e.start("Close", func(context.Context) error { return b.Close() })
		if err := c.wait(); err != nil {
			e.Errorf("Close, call %d: %v", i+1, err)
		}
	}
	calls := blocking(b)
	calls["Publish"] = func(ctx context.Context) error { return b.Publish(ctx, "store", "room", nil) }
	calls["Send"] = func(ctx context.Context) error { return b.Send(ctx, e.request("bot", "stock", "store")) }
	for name, fn := range calls {
		c := e.start(name+" on a closed broker", fn)
		if err := c.wait(); !errors.Is(err, transport.ErrClosed) {
			e.Errorf("%s returned %v, want ErrClosed", c.what, err)
		}
	}
}

func goroutines(e *env) {
	before := runtime.NumGoroutine()
	b := e.broker()
	for name, fn := range blocking(b) {
		e.start(name, fn)
	}
	store := unique("store")
	e.subscribe(b, store)
	e.publish(b, store, "room", "event")
	results, _ := e.results(b, store)
	e.answered(b, store, 10)
	e.eventually("all results arrive", func() bool { return results.len() >= 10 })
	e.close()
	e.left(before)
}

// left fails where more goroutines are there than before.
func (e *env) left(before int) {
	e.Helper()
	var left int
	for end := time.Now().Add(e.o.Timeout); ; pause() {
		if left = runtime.NumGoroutine() - before; left <= 0 {
			return
		}
		if time.Now().After(end) {
			break
		}
	}
	stacks := make([]byte, 64<<10)
	stacks = stacks[:runtime.Stack(stacks, true)]
	e.Errorf("%d goroutines are left %v after Close:\n%s", left, e.o.Timeout, stacks)
}
