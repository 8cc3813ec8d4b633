package commandtest

import (
	"bytes"
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/carlware/gochat/transport"
)

// Faults are what goes wrong on a [FaultyBroker]. nil means nothing.
type Faults struct {
	// Seed chooses which deliveries are hit. The fate of the n-th delivery
	// with an id depends on the seed, the id and n alone, not on how
	// goroutines take turns.
	Seed uint64

	// Requests go to bots, Results come back, Events are progress among
	// others.
	Requests, Results, Events Rates

	// Crash is how often, 0 to 1, a worker does its work and dies before the
	// broker has the result. The request is delivered again.
	Crash float64

	// MaxDelay is the longest delay. 0 means 1 s.
	MaxDelay time.Duration
}

// Rates are how often something happens to a delivery, each from 0, never, to
// 1, always.
type Rates struct {
	// Drop loses it. What is dropped is not delayed or duplicated.
	Drop float64
	// Duplicate delivers it a second time.
	Duplicate float64
	// Delay holds it back for a random time up to MaxDelay; others overtake it.
	Delay float64
}

// FaultCounts are how often each fault has happened.
type FaultCounts struct {
	Dropped, Duplicated, Delayed int // deliveries, see [Rates]
	Crashed                      int // workers, see [Faults]
}

// FaultyBroker is a broker with faults, see [Faulty]. Like any broker it may be
// used concurrently.
type FaultyBroker struct {
	transport.Broker
	faults Faults
	ctx    context.Context // of delayed events
	cancel context.CancelFunc
	late   sync.WaitGroup

	mu     sync.Mutex
	nth    map[string]int // deliveries so far, by kind and id
	counts FaultCounts
	closed bool
}

// Faulty returns b with faults. Duplicates, delays and crashes are what every
// broker may do (see [transport.CommandBus]), so whoever is written against the
// contract must take them. A broker that drops requests or results breaks its
// promise, as one whose disk is lost does; a caller must still hear of a
// timeout. Events may always get lost, but only this broker repeats them or
// changes their order.
//
// Requests are duplicated where they are sent and dropped or delayed where they
// are worked on, results where they are received, events where they are
// published: give both sides the same FaultyBroker. A delay takes up one of the
// receiver's handlers. Closing it closes b.
func Faulty(b transport.Broker, f *Faults) *FaultyBroker {
	w := &FaultyBroker{Broker: b, nth: map[string]int{}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	if f != nil {
		w.faults = *f
	}
	if w.faults.MaxDelay <= 0 {
		w.faults.MaxDelay = time.Second
	}
	return w
}

// Faults returns how often each fault has happened, so that a test can be sure
// that it was one.
func (b *FaultyBroker) Faults() FaultCounts {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts
}

// fate is what happens to one delivery.
type fate struct {
	drop, twice, crash bool
	delay              time.Duration
}

// decide draws the fate of the next delivery of a kind with an id.
func (b *FaultyBroker) decide(kind, id string, r Rates, crash float64) fate {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := kind + " " + id
	b.nth[key]++
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(key + " " + strconv.Itoa(b.nth[key])))
	rnd := rand.New(rand.NewPCG(b.faults.Seed, hash.Sum64()))
	// All are drawn, so that one rate does not change what another one hits.
	drop, twice, late, long, dies := rnd.Float64(), rnd.Float64(), rnd.Float64(), rnd.Float64(), rnd.Float64()
	f := fate{drop: drop < r.Drop}
	if f.drop {
		b.counts.Dropped++
		return f
	}
	if f.twice = twice < r.Duplicate; f.twice {
		b.counts.Duplicated++
	}
	if late < r.Delay {
		f.delay = time.Duration(long * float64(b.faults.MaxDelay))
		b.counts.Delayed++
	}
	if f.crash = dies < crash; f.crash {
		b.counts.Crashed++
	}
	return f
}

// Send sends r, and sometimes again.
func (b *FaultyBroker) Send(ctx context.Context, r transport.Request) error {
	if err := b.Broker.Send(ctx, r); err != nil {
		return err // no delivery, so it draws no fate either: who tries again has the first one
	}
	if b.decide("send", r.ID, Rates{Duplicate: b.faults.Requests.Duplicate}, 0).twice {
		_ = b.Broker.Send(ctx, r) // a repeat that fails is none
	}
	return nil
}

var (
	errDropped = errors.New("commandtest: dropped by the faulty broker")
	errCrashed = errors.New("commandtest: worker died before its result was sent")
)

// Work calls fn with requests, late or in vain.
func (b *FaultyBroker) Work(ctx context.Context, bot, command string, o *transport.WorkOptions,
	fn func(context.Context, transport.Request) (transport.Result, error)) error {
	rates := b.faults.Requests
	rates.Duplicate = 0 // in Send
	return b.Broker.Work(ctx, bot, command, o, func(ctx context.Context, r transport.Request) (transport.Result, error) {
		f := b.decide("request", r.ID, rates, b.faults.Crash)
		if f.drop {
			return transport.Result{}, transport.Reject(errDropped)
		}
		if err := sleep(ctx, f.delay); err != nil {
			return transport.Result{}, err
		}
		r.Timeout -= f.delay
		res, err := fn(ctx, r)
		if err == nil && f.crash {
			return transport.Result{}, errCrashed
		}
		return res, err
	})
}

// Results calls fn with results, late, twice or not at all.
func (b *FaultyBroker) Results(ctx context.Context, store string, fn func(context.Context, transport.Result) error) error {
	return b.Broker.Results(ctx, store, func(ctx context.Context, r transport.Result) error {
		f := b.decide("result", r.ID, b.faults.Results, 0)
		if f.drop {
			return nil
		}
		if err := sleep(ctx, f.delay); err != nil {
			return err
		}
		again := r
		again.Body = bytes.Clone(r.Body)
		err := fn(ctx, r)
		if err == nil && f.twice {
			err = fn(ctx, again)
		}
		return err
	})
}

// Publish publishes an event, late, twice or not at all.
func (b *FaultyBroker) Publish(ctx context.Context, store, key string, body []byte) error {
	f := b.decide("event", key, b.faults.Events, 0)
	times := 1
	switch {
	case f.drop:
		return nil
	case f.twice:
		times = 2
	}
	publish := func(ctx context.Context) error {
		for range times {
			if err := b.Broker.Publish(ctx, store, key, body); err != nil {
				return err
			}
		}
		return nil
	}
	if f.delay == 0 {
		return publish(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return transport.ErrClosed
	}
	body = bytes.Clone(body)
	b.late.Go(func() {
		if sleep(b.ctx, f.delay) == nil {
			_ = publish(b.ctx) // an event may get lost
		}
	})
	return nil
}

// Close drops what is delayed and closes the broker behind b.
func (b *FaultyBroker) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	b.late.Wait()
	return b.Broker.Close()
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
