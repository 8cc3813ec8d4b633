package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// The forms of a chat that there are.
const (
	formCluster = "cluster" // processes over RabbitMQ and PostgreSQL
	formSQLite  = "sqlite"  // fullstack, one process over a file
)

// A subject is what a fault befalls. Faults of one round have different ones.
type subject int

const (
	processes subject = iota
	brokers
	stores
	clients
	everything // the only fault of its round
)

// kind is one way to break something.
type kind struct {
	name  string
	on    subject
	forms string // of which the chat may be
	least time.Duration
	most  time.Duration // how long it lasts
	slow  bool          // it takes so long to be found out that short runs do without
	begin func(*run, fault) (end func() error, err error)
}

const both = formCluster + " " + formSQLite

// kinds are all ways. What begins them is in faults.go.
var kinds = []kind{
	{name: "chat killed", on: processes, forms: both, most: 2 * time.Second, begin: killing("chat")},
	{name: "chat frozen", on: processes, forms: both, least: time.Second, most: 4 * time.Second, begin: freezing("chat")},
	{name: "chat frozen long", on: processes, forms: both, least: 15 * time.Second, most: 40 * time.Second, slow: true, begin: freezing("chat")},
	{name: "bot killed", on: processes, forms: formCluster, most: 2 * time.Second, begin: killing("stockbot")},
	{name: "bot frozen", on: processes, forms: formCluster, least: time.Second, most: 5 * time.Second, begin: freezing("stockbot")},
	{name: "auth killed", on: processes, forms: formCluster, most: 3 * time.Second, begin: killing("auth")},
	{name: "gateway killed", on: processes, forms: formCluster, most: time.Second, begin: killing("gateway")},
	{name: "rolling restart", on: everything, forms: both, begin: rolling},

	{name: "broker stopped", on: brokers, forms: formCluster, least: time.Second, most: 4 * time.Second, begin: brokerDown(false)},
	{name: "broker killed", on: brokers, forms: formCluster, least: time.Second, most: 4 * time.Second, begin: brokerDown(true)},
	{name: "broker alarm", on: brokers, forms: formCluster, least: time.Second, most: 6 * time.Second, begin: brokerAlarm},
	{name: "broker cut off", on: brokers, forms: formCluster, most: 3 * time.Second, begin: linking("broker", (*link).refuse)},
	{name: "broker stalled", on: brokers, forms: formCluster, least: time.Second, most: 5 * time.Second, begin: linking("broker", (*link).stall)},
	{name: "broker half open", on: brokers, forms: formCluster, least: time.Second, most: 5 * time.Second, slow: true, begin: linking("broker", (*link).halfOpen)},

	{name: "store restarted", on: stores, forms: formCluster, most: 3 * time.Second, begin: storeDown(false)},
	{name: "store killed", on: stores, forms: formCluster, most: 3 * time.Second, begin: storeDown(true)},
	{name: "store away long", on: stores, forms: formCluster, least: 10 * time.Second, most: 20 * time.Second, slow: true, begin: storeDown(true)},
	{name: "store cut off", on: stores, forms: formCluster, most: 2 * time.Second, begin: linking("store", (*link).refuse)},
	{name: "store stalled", on: stores, forms: formCluster, least: time.Second, most: 5 * time.Second, begin: linking("store", (*link).stall)},
	{name: "store slow", on: stores, forms: formCluster, least: time.Second, most: 5 * time.Second, begin: linking("store", (*link).slow)},
	{name: "store half open", on: stores, forms: formCluster, least: time.Second, most: 5 * time.Second, slow: true, begin: linking("store", (*link).halfOpen)},
	{name: "older store restored", on: everything, forms: both, least: time.Second, most: 3 * time.Second, begin: restoring},

	{name: "clients cut", on: clients, forms: both, most: time.Second, begin: linking("client", (*link).cut)},
	{name: "clients stalled", on: clients, forms: both, least: time.Second, most: 6 * time.Second, begin: linking("client", (*link).stall)},
	{name: "clients stalled long", on: clients, forms: both, least: 36 * time.Second, most: 45 * time.Second, slow: true, begin: linking("client", (*link).stall)},
	{name: "clients slow", on: clients, forms: both, least: time.Second, most: 6 * time.Second, begin: linking("client", (*link).slow)},
	{name: "clients half open", on: clients, forms: both, least: time.Second, most: 4 * time.Second, slow: true, begin: linking("client", (*link).halfOpen)},
	{name: "client frozen", on: clients, forms: both, least: 12 * time.Second, most: 14 * time.Second, begin: frozenClient},
}

// fault is one thing that a round breaks.
type fault struct {
	*kind
	target uint64        // which one; modulo how many there are
	at     time.Duration // from the beginning of the round
	lasts  time.Duration
}

func (f fault) String() string {
	return fmt.Sprintf("%s #%d at %v for %v", f.name, f.target%100, f.at.Round(time.Millisecond), f.lasts.Round(time.Millisecond))
}

// round is what happens until all is mended once.
type round []fault

// length is how long it takes until the last fault is over.
func (r round) length() (d time.Duration) {
	for _, f := range r {
		d = max(d, f.at+f.lasts)
	}
	return d
}

const (
	calm  = 1500 * time.Millisecond // about what a round takes to recover
	short = 2 * time.Minute         // a run that is shorter does without slow kinds
)

// plan says what is to happen in about d. It depends on nothing else. Each kind
// comes once before any comes again; every third round has several at once.
func plan(seed uint64, form string, d time.Duration) (rounds []round) {
	rng := rand.New(rand.NewPCG(seed, 1))
	var bag []*kind
	draw := func(others round) *fault {
		if len(bag) == 0 {
			bag = kindsOf(form, d < short)
			rng.Shuffle(len(bag), func(i, j int) { bag[i], bag[j] = bag[j], bag[i] })
		}
		for i, k := range bag {
			if others.excludes(k) {
				continue
			}
			bag = slices.Delete(bag, i, i+1)
			return &fault{kind: k, target: rng.Uint64(), lasts: k.least + rand64(rng, k.most-k.least)}
		}
		return nil
	}
	for spent := time.Duration(0); spent < d; {
		n := 1
		if len(rounds)%3 == 2 {
			n = 2 + rng.IntN(2)
		}
		var r round
		for range n {
			if f := draw(r); f != nil {
				if len(r) > 0 {
					f.at = rand64(rng, 2*time.Second)
				}
				r = append(r, *f)
			}
		}
		rounds = append(rounds, r)
		spent += r.length() + calm
	}
	return rounds
}

func rand64(rng *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(rng.Int64N(int64(d) + 1))
}

// kindsOf returns a copy of the kinds for a form.
func kindsOf(form string, quick bool) (all []*kind) {
	for i := range kinds {
		if k := &kinds[i]; (k.forms == both || k.forms == form) && !(k.slow && quick) {
			all = append(all, k)
		}
	}
	return all
}

// excludes reports whether k has no place in the round.
func (r round) excludes(k *kind) bool {
	return len(r) > 0 && k.on == everything ||
		slices.ContainsFunc(r, func(f fault) bool { return f.on == k.on || f.on == everything })
}
