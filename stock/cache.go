package stock

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// CacheOptions are the options of [Cached]. nil means all defaults.
type CacheOptions struct {
	// TTL is how long a quote is good. 0 means 30 s.
	TTL time.Duration

	// UnknownTTL is how long an unknown symbol stays unknown. 0 means 5 min.
	UnknownTTL time.Duration

	// FailureTTL is how long the provider is not asked again for a symbol
	// after it was unavailable or answered nonsense. 0 means 5 s.
	FailureTTL time.Duration

	// CoolDown is how long the provider is not asked at all after [ErrQuota]
	// or [ErrBlocked]. 0 means 15 min.
	CoolDown time.Duration

	// Size is how many symbols are kept; those nearest to their end go first.
	// 0 means 1000.
	Size int
}

// Cache is a [Provider] made by [Cached].
type Cache struct {
	p    Provider
	opt  CacheOptions
	rest pause

	mu      sync.Mutex
	entries map[string]entry
	flights map[string]*flight
}

// entry is the outcome of a question, good for a while.
type entry struct {
	quote Quote
	err   error
	until time.Time
}

// flight is a question under way. quote and err are set before done is closed.
type flight struct {
	done  chan struct{}
	quote Quote
	err   error
	again bool // the asker gave up: err is his alone
}

// Cached returns p behind a cache. Who asks for the same symbol, in either
// case, at the same time waits for one question; quotes and errors are kept as
// o says.
func Cached(p Provider, o *CacheOptions) *Cache {
	c := &Cache{p: p, entries: map[string]entry{}, flights: map[string]*flight{}}
	if o != nil {
		c.opt = *o
	}
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{
		{&c.opt.TTL, 30 * time.Second}, {&c.opt.UnknownTTL, 5 * time.Minute},
		{&c.opt.FailureTTL, 5 * time.Second}, {&c.opt.CoolDown, 15 * time.Minute},
	} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	if c.opt.Size <= 0 {
		c.opt.Size = 1000
	}
	return c
}

// Quote returns what is kept for symbol, or asks the provider.
func (c *Cache) Quote(ctx context.Context, symbol string) (Quote, error) {
	if !ValidSymbol(symbol) { // and keep no such key
		return Quote{}, fmt.Errorf("%w: %.30q", ErrUnknownSymbol, symbol)
	}
	symbol = strings.ToLower(symbol)
	for {
		c.mu.Lock()
		if e, ok := c.entries[symbol]; ok && time.Until(e.until) > 0 {
			c.mu.Unlock()
			return e.quote, e.err
		}
		f, ok := c.flights[symbol]
		if !ok {
			f = &flight{done: make(chan struct{}), again: true}
			c.flights[symbol] = f
			c.mu.Unlock()
			return c.fly(ctx, symbol, f)
		}
		c.mu.Unlock()
		select {
		case <-f.done:
			if !f.again {
				return f.quote, f.err
			}
		case <-ctx.Done():
			return Quote{}, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		}
	}
}

// fly asks the provider for all who wait. If it panics, or because the asker's
// own ctx ends, one of them asks next.
func (c *Cache) fly(ctx context.Context, symbol string, f *flight) (Quote, error) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.flights, symbol)
		close(f.done)
	}()
	if f.err = c.rest.err(); f.err == nil {
		f.quote, f.err = c.p.Quote(ctx, symbol)
		c.learn(ctx, symbol, f)
	}
	f.again = f.err != nil && ctx.Err() != nil
	return f.quote, f.err
}

// learn keeps the outcome of f for as long as it is good.
func (c *Cache) learn(ctx context.Context, symbol string, f *flight) {
	ttl := c.opt.FailureTTL
	switch {
	case f.err == nil:
		ttl = c.opt.TTL
	case errors.Is(f.err, ErrUnknownSymbol):
		ttl = c.opt.UnknownTTL
	case errors.Is(f.err, ErrQuota), errors.Is(f.err, ErrBlocked):
		c.rest.begin(c.opt.CoolDown, f.err)
		return
	case ctx.Err() != nil:
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.entries[symbol]; !known && len(c.entries) >= c.opt.Size {
		c.evict()
	}
	c.entries[symbol] = entry{f.quote, f.err, time.Now().Add(ttl)}
}

// evict takes out what has ended, or else what ends first. The caller holds mu.
func (c *Cache) evict() {
	first := ""
	for symbol, e := range c.entries {
		if time.Until(e.until) <= 0 {
			delete(c.entries, symbol)
		} else if first == "" || e.until.Before(c.entries[first].until) {
			first = symbol
		}
	}
	if len(c.entries) >= c.opt.Size {
		delete(c.entries, first)
	}
}
