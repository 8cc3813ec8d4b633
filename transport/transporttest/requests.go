package transporttest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/carlware/gochat/transport"
)

var requestCases = []testCase{
	{
		name: "a request and its result arrive as they were sent",
		rule: "A worker sees the fields of the request, with Attempt 1; the result comes with the request's ID. Store and Bot of a result are filled by the broker: a worker can't choose them.",
		run:  fields,
	}, {
		name: "each request goes to one worker",
		rule: "All workers of one bot and command, in any process, share one queue: each request is handled by one of them.",
		run:  oneWorkerEach,
	}, {
		name: "no worker is an error at once",
		rule: "Send returns ErrNoHandler when no worker serves the command now: before the first came, for other commands, and again after the last has left.",
		run:  noWorker,
	}, {
		name: "results find their requests",
		rule: "Many requests may be under way at once; each result has the ID of its request and goes to the store that asked, no other.",
		run:  correlation,
	}, {
		name: "the same ID twice is handled twice",
		rule: "Requests and results are delivered at least once and keep their ID on every repeat: the broker passes repeats through, receivers drop them.",
		run:  sameID,
	}, {
		name: "Concurrency handlers at once",
		rule: "fn is called by up to WorkOptions.Concurrency goroutines at once, and no more.",
		run:  concurrency,
	}, {
		name: "Send does not wait for the handler",
		rule: "Send returns when the broker holds the request. No handler is ever called on the stack of the sender.",
		run:  sendDoesNotWait,
	}, {
		name: "a full queue refuses",
		rule: "Send returns ErrOverloaded when the queue is full, and that request was certainly not sent. Those that were accepted are delivered.",
		run:  overloaded,
		needs: func(o *Options) string {
			if o.Full <= 0 {
				return "Full"
			}
			return ""
		},
	}, {
		name: "a cancelled Send sends nothing",
		rule: "Every error of Send but ErrUnknown means that the request certainly was not sent; this includes the error of ctx.",
		run:  cancelledSend,
	},
}

func fields(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	var seen list[transport.Request]
	e.work(b, bot, "stock", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
		seen.add(r)
		return transport.Result{ID: r.ID, Store: "forged", Bot: "forged", Body: []byte("93.42")}, nil
	})
	results, _ := e.results(e.second(b), store)
	r := e.request(bot, "stock", store)
	r.Body = []byte("aapl.us")
	e.send(b, r)
	e.eventually("the result of the request arrives", func() bool { return results.len() > 0 })

	got := seen.all()[0]
	if got.ID != r.ID || got.Store != store || got.Bot != bot || got.Command != "stock" || string(got.Body) != "aapl.us" {
		e.Errorf("the worker got %+v of %+v", got, r)
	}
	if got.Attempt != 1 {
		e.Errorf("the first delivery has Attempt %d, want 1", got.Attempt)
	}
	result := results.all()[0]
	if result.ID != r.ID || string(result.Body) != "93.42" {
		e.Errorf("the result is %+v, want ID %q and body 93.42", result, r.ID)
	}
	if result.Store != store || result.Bot != bot {
		e.Errorf("the result says store %q, bot %q; want %q, %q", result.Store, result.Bot, store, bot)
	}
}

func oneWorkerEach(e *env) {
	b := e.broker()
	c := e.second(b)
	store, bot := unique("store"), unique("bot")
	var handled list[string]
	for i := range 4 {
		e.work([]transport.Broker{b, c}[i%2], bot, "stock", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
			handled.add(r.ID)
			return transport.Result{ID: r.ID}, nil
		})
	}
	results, _ := e.results(b, store)
	const total = 200
	for range total {
		e.send(b, e.request(bot, "stock", store))
	}
	e.eventually("all requests are answered", func() bool { return results.len() >= total })
	times := make(map[string]int)
	for _, id := range handled.all() {
		times[id]++
		if times[id] > 1 {
			e.Fatalf("request %s was handled %d times, though nothing failed", id, times[id])
		}
	}
}

func noWorker(e *env) {
	b := e.broker()
	c := e.second(b)
	store, bot := unique("store"), unique("bot")
	refused := func(r transport.Request) {
		e.Helper()
		if err := e.sendOnce(b, r); !errors.Is(err, transport.ErrNoHandler) {
			e.Fatalf("Send to %s of a bot that does not serve it: %v, want ErrNoHandler", r.Command, err)
		}
	}
	refused(e.request(bot, "stock", store))
	worker := e.work(c, bot, "stock", nil, done)
	e.send(b, e.request(bot, "stock", store))
	refused(e.request(bot, "weather", store))
	refused(e.request(unique("bot"), "stock", store))
	worker.stop()
	// The broker may take a moment to notice.
	e.eventually("Send returns ErrNoHandler again after the last worker has left", func() bool {
		r := e.request(bot, "stock", store)
		r.Timeout = e.o.Quiet
		return errors.Is(e.sendOnce(b, r), transport.ErrNoHandler)
	})
}

func correlation(e *env) {
	const senders, each = 40, 250 // ten thousand, and no more at once than other cases let wait
	b := e.broker()
	c := e.second(b)
	bot := unique("bot")
	stores := []string{unique("store"), unique("store")}
	commands := []string{"one", "two", "three"}
	for _, command := range commands {
		e.work(c, bot, command, nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
			return transport.Result{ID: r.ID, Body: append([]byte(command+" "), r.Body...)}, nil
		})
	}
	var received [2]*list[transport.Result]
	for i, store := range stores {
		received[i], _ = e.results(b, store)
	}
	wants := [2]*list[[2]string]{{}, {}} // ID and body, by store
	for s := range senders {
		e.start("Send", func(context.Context) error {
			for i := range each {
				r := e.request(bot, commands[i%len(commands)], stores[(s+i)%2])
				r.Body = fmt.Appendf(nil, "%d/%d", s, i)
				wants[(s+i)%2].add([2]string{r.ID, r.Command + " " + string(r.Body)})
				if err := e.trySend(b, r); err != nil {
					e.Errorf("Send: %v", err)
				}
			}
			return nil
		})
	}
	for n := 500; n <= senders*each; n += 500 { // as long as it gets on
		e.eventually(fmt.Sprintf("%d of %d results of all stores arrive", n, senders*each), func() bool {
			return received[0].len()+received[1].len() >= n
		})
	}
	for i := range stores {
		got := make(map[string]string)
		for _, r := range received[i].all() {
			got[r.ID] = string(r.Body)
		}
		for _, want := range wants[i].all() {
			if got[want[0]] != want[1] {
				e.Fatalf("the result of request %s is %q, want %q", want[0], got[want[0]], want[1])
			}
		}
	}
}

func sameID(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	e.work(b, bot, "stock", nil, done)
	results, _ := e.results(b, store)
	r := e.request(bot, "stock", store)
	e.send(b, r)
	e.send(b, r)
	e.eventually("a request that was sent twice has two results", func() bool { return results.len() >= 2 })
	for _, got := range results.all() {
		if got.ID != r.ID {
			e.Errorf("a repeat came with ID %q, want %q", got.ID, r.ID)
		}
	}
}

func concurrency(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	block, release := e.barrier()
	var inside atomic.Int64
	e.work(b, bot, "stock", &transport.WorkOptions{Concurrency: 4}, func(_ context.Context, r transport.Request) (transport.Result, error) {
		inside.Add(1)
		defer inside.Add(-1)
		block()
		return transport.Result{ID: r.ID}, nil
	})
	results, _ := e.results(b, store)
	for range 8 {
		e.send(b, e.request(bot, "stock", store))
	}
	e.eventually("four handlers run at once with Concurrency 4", func() bool { return inside.Load() >= 4 })
	e.never("more than four handlers run at once with Concurrency 4", func() bool { return inside.Load() > 4 })
	release()
	e.eventually("all requests are answered", func() bool { return results.len() >= 8 })
}

func sendDoesNotWait(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	block, _ := e.barrier()
	e.work(b, bot, "stock", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
		block()
		return transport.Result{ID: r.ID}, nil
	})
	sending := e.start("Send to a worker whose handler does not return", func(context.Context) error {
		return e.trySend(b, e.request(bot, "stock", store))
	})
	if err := sending.wait(); err != nil {
		e.Fatalf("Send: %v", err)
	}
}

func overloaded(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	block, release := e.barrier()
	var handled list[string]
	e.work(b, bot, "stock", &transport.WorkOptions{Concurrency: 1}, func(_ context.Context, r transport.Request) (transport.Result, error) {
		block()
		handled.add(r.ID)
		return transport.Result{ID: r.ID}, nil
	})
	e.send(b, e.request(bot, "stock", store))
	accepted, refused := 1, ""
	for i := range e.o.Full {
		r := e.request(bot, "stock", store)
		r.Body = kib(i)
		err := e.sendOnce(b, r)
		if errors.Is(err, transport.ErrOverloaded) {
			refused = r.ID
			break
		}
		if err != nil {
			e.Fatalf("Send to a busy worker: %v", err)
		}
		accepted++
	}
	if refused == "" {
		e.Fatalf("%d requests wait for one busy worker: the queue is not bounded, or Options.Full is too low", e.o.Full)
	}
	release()
	e.eventually("all requests that were accepted are handled", func() bool { return handled.len() >= accepted })
	e.never("a request that was refused is handled", func() bool {
		for _, id := range handled.all() {
			if id == refused {
				return true
			}
		}
		return false
	})
}

func cancelledSend(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	var handled list[string]
	e.work(b, bot, "stock", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
		handled.add(r.ID)
		return transport.Result{ID: r.ID}, nil
	})
	e.send(b, e.request(bot, "stock", store))
	e.eventually("a request is handled", func() bool { return handled.len() == 1 })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Send(ctx, e.request(bot, "stock", store)); !errors.Is(err, context.Canceled) {
		e.Errorf("Send with a cancelled context: %v, want context.Canceled", err)
	}
	e.never("a request whose Send was cancelled is handled", func() bool { return handled.len() > 1 })
}
