package transporttest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/carlware/gochat/transport"
)

var failureCases = []testCase{
	{
		name: "an error brings the request again",
		rule: "When fn returns an error the request is delivered again, with the same ID and a higher Attempt, until it is done.",
		run:  func(e *env) { e.retries(func() error { return errBot }) },
	}, {
		name: "a panic brings the request again",
		rule: "When fn panics the request is delivered again, with the same ID and a higher Attempt, until it is done; the process lives on.",
		run:  func(e *env) { e.retries(func() error { panic("the bot has a bug") }) },
	}, {
		name: "after MaxAttempts a request is set aside",
		rule: "After MaxAttempts deliveries a request is a dead letter: it is not delivered again, and holds up no other.",
		run: func(e *env) {
			e.deadLetter(&transport.WorkOptions{MaxAttempts: 3}, 3, func() error { return errBot })
		},
	}, {
		name: "a rejected request is not repeated",
		rule: "An error made by Reject sets the request aside at once.",
		run: func(e *env) {
			e.deadLetter(nil, 1, func() error { return fmt.Errorf("the bot: %w", transport.Reject(errBot)) })
		},
	},
}

var errBot = errors.New("the bot can't do it")

// retries lets a handler fail twice.
func (e *env) retries(fail func() error) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	var seen list[transport.Request]
	e.work(b, bot, "stock", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
		seen.add(r)
		if r.Attempt < 3 && seen.len() < 3 {
			return transport.Result{}, fail()
		}
		return transport.Result{ID: r.ID}, nil
	})
	results, _ := e.results(b, store)
	r := e.request(bot, "stock", store)
	e.send(b, r)
	e.eventually("a request whose handler failed twice is done by the third attempt", func() bool { return results.len() > 0 })
	attempt := 0
	for _, got := range seen.all() {
		if got.ID != r.ID || string(got.Body) != string(r.Body) || got.Store != store {
			e.Errorf("attempt %d has ID %q, store %q, body %q; want the same as at first", got.Attempt, got.ID, got.Store, got.Body)
		}
		if got.Attempt <= attempt {
			e.Errorf("attempts do not grow: %d after %d", got.Attempt, attempt)
		}
		attempt = got.Attempt
	}
	if n := seen.len(); n != 3 {
		e.Errorf("%d deliveries for a request that failed twice, want 3", n)
	}
}

// deadLetter lets a handler fail for ever, and expects so many deliveries.
func (e *env) deadLetter(o *transport.WorkOptions, deliveries int, fail func() error) {
	b := e.broker()
	store, bot := unique("store"), unique("bot")
	bad := e.request(bot, "stock", store)
	var seen list[string]
	e.work(b, bot, "stock", o, func(_ context.Context, r transport.Request) (transport.Result, error) {
		if r.ID == bad.ID {
			seen.add(r.ID)
			return transport.Result{}, fail()
		}
		return transport.Result{ID: r.ID}, nil
	})
	results, _ := e.results(b, store)
	e.send(b, bad)
	e.eventually(fmt.Sprintf("the request is delivered %d times", deliveries), func() bool { return seen.len() >= deliveries })
	good := e.request(bot, "stock", store)
	e.send(b, good)
	e.eventually("the next request is answered", func() bool { return results.len() > 0 })
	e.never(fmt.Sprintf("a request is delivered again after its last attempt, which was number %d", deliveries), func() bool {
		return seen.len() > deliveries
	})
	if got := results.all()[0].ID; got != good.ID {
		e.Errorf("a result for request %s, whose handler never succeeded", got)
	}
	if e.o.DeadLetters == nil {
		e.Logf("not checked, because Options.DeadLetters is not set: that the request can be found among the dead letters")
		return
	}
	e.eventually("the request is among the dead letters", func() bool {
		return slices.Contains(e.o.DeadLetters(b, bot, "stock"), bad.ID)
	})
}
