package transporttest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/carlware/gochat/transport"
)

var resultCases = []testCase{
	{
		name: "results wait for a receiver",
		rule: "A result is kept for the store that asked, also while nobody receives there.",
		run:  lateReceiver,
	}, {
		name: "a result is offered until it is accepted",
		rule: "When the Results callback returns an error the result is kept and offered again, as often as it takes; no number of attempts ends that. Accepted, it is not offered again.",
		run:  offeredAgain,
	}, {
		name: "a refused result holds up no other",
		rule: "A result that is not accepted does not keep others from being offered.",
		run:  refusedAside,
	}, {
		name: "a rejected result is dropped",
		rule: "An error made by Reject drops the result.",
		run:  rejectedResult,
	}, {
		name: "receivers of a store share its results",
		rule: "All receivers of one store share the results: each goes to one of them.",
		run:  sharedResults,
	}, {
		name: "a result that its receiver could not take goes to another",
		rule: "A result that was not accepted is kept although its receiver is gone.",
		run:  nextReceiver,
	}, {
		name: "a result outlives who asked",
		rule: "A result goes to the store that asked, by whatever receiver it has: the connection that sent the request may be closed.",
		run:  askerGone,
		needs: func(o *Options) string {
			if o.Connect == nil {
				return "Connect"
			}
			return ""
		},
	},
}

// answered sends n requests that are answered at once.
func (e *env) answered(b transport.Broker, store string, n int) []transport.Request {
	e.Helper()
	bot := unique("bot")
	e.work(b, bot, "stock", nil, done)
	var all []transport.Request
	for range n {
		r := e.request(bot, "stock", store)
		e.send(b, r)
		all = append(all, r)
	}
	return all
}

func lateReceiver(e *env) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	var handled list[string]
	worker := e.work(b, bot, "stock", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
		handled.add(r.ID)
		return transport.Result{ID: r.ID}, nil
	})
	r := e.request(bot, "stock", store)
	e.send(b, r)
	e.eventually("the request is handled", func() bool { return handled.len() > 0 })
	worker.stop()
	results, _ := e.results(e.second(b), store)
	e.eventually("the receiver gets the result that was made before it came", func() bool { return results.len() > 0 })
	if got := results.all()[0].ID; got != r.ID {
		e.Errorf("the result has ID %q, want %q", got, r.ID)
	}
}

func offeredAgain(e *env) {
	const refusals = 5 // more than a request would get
	b := e.broker()
	store := unique("store")
	var seen list[transport.Result]
	e.resultsFunc(b, store, func(_ context.Context, r transport.Result) error {
		seen.add(r)
		if seen.len() <= refusals {
			return errors.New("the store is away")
		}
		return nil
	})
	r := e.answered(b, store, 1)[0]
	e.eventually(fmt.Sprintf("a result that was refused %d times is offered again", refusals), func() bool { return seen.len() > refusals })
	e.never("a result that was accepted is offered again", func() bool { return seen.len() > refusals+1 })
	for _, got := range seen.all() {
		if got.ID != r.ID || string(got.Body) != "a result" || got.Store != store || got.Bot != r.Bot {
			e.Errorf("the result came as %+v, not the same every time", got)
		}
	}
}

func refusedAside(e *env) {
	b := e.broker()
	store := unique("store")
	var first atomic.Value
	var accepted list[string]
	e.resultsFunc(b, store, func(_ context.Context, r transport.Result) error {
		if first.CompareAndSwap(nil, r.ID); first.Load() == r.ID {
			return errors.New("the store has trouble with this one")
		}
		accepted.add(r.ID)
		return nil
	})
	e.answered(b, store, 40)
	e.eventually("39 of 40 results are accepted beside one that is always refused", func() bool { return accepted.len() >= 39 })
}

func rejectedResult(e *env) {
	b := e.broker()
	store := unique("store")
	var seen list[string]
	e.resultsFunc(b, store, func(_ context.Context, r transport.Result) error {
		seen.add(r.ID)
		return fmt.Errorf("the chat: %w", transport.Reject(errors.New("nobody knows this call")))
	})
	e.answered(b, store, 1)
	e.eventually("the result is offered", func() bool { return seen.len() > 0 })
	e.never("a result that was rejected is offered again", func() bool { return seen.len() > 1 })
}

func sharedResults(e *env) {
	b := e.broker()
	store := unique("store")
	one, _ := e.results(b, store)
	two, _ := e.results(e.second(b), store)
	all := e.answered(b, store, 100)
	e.eventually("all results arrive", func() bool { return one.len()+two.len() >= len(all) })
	times := make(map[string]int)
	for _, r := range append(one.all(), two.all()...) {
		times[r.ID]++
		if times[r.ID] > 1 {
			e.Fatalf("the result of request %s was received %d times, though it was accepted", r.ID, times[r.ID])
		}
	}
}

func nextReceiver(e *env) {
	b := e.broker()
	store := unique("store")
	var refused list[string]
	first := e.resultsFunc(b, store, func(ctx context.Context, r transport.Result) error {
		refused.add(r.ID)
		return errors.New("the store is away")
	})
	r := e.answered(b, store, 1)[0]
	e.eventually("the result is offered", func() bool { return refused.len() > 0 })
	first.stop()
	results, _ := e.results(e.second(b), store)
	e.eventually("the next receiver gets the result that the first refused", func() bool { return results.len() > 0 })
	if got := results.all()[0].ID; got != r.ID {
		e.Errorf("the result has ID %q, want %q", got, r.ID)
	}
}

func askerGone(e *env) {
	b := e.broker()
	asker := e.second(b)
	store, bot := unique("store"), unique("bot")
	block, release := e.barrier()
	var handled list[string]
	e.work(b, bot, "stock", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
		handled.add(r.ID)
		block()
		return transport.Result{}, nil
	})
	r := e.request(bot, "stock", store)
	e.send(asker, r)
	e.eventually("the request is handled", func() bool { return handled.len() > 0 })
	closing := e.start("Close", func(context.Context) error { return asker.Close() })
	if err := closing.wait(); err != nil {
		e.Errorf("Close: %v", err)
	}
	release()
	results, _ := e.results(b, store)
	e.eventually("the result arrives although its asker is gone", func() bool { return results.len() > 0 })
	if got := results.all()[0].ID; got != r.ID {
		e.Errorf("the result has ID %q, want %q", got, r.ID)
	}
}
