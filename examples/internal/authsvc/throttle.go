package authsvc

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

const (
	freeFailures  = 5                // per account, before each further one makes it wait
	maxDelay      = time.Minute      // the longest such wait; an account is never locked
	forgetAfter   = 15 * time.Minute // a failure is forgotten
	addrBurst     = 30               // attempts of one address
	addrInterval  = 2 * time.Second  // and how fast new ones come: 30 in a minute
	newBurst      = 5                // registrations of one address
	newInterval   = time.Minute      // and how fast new ones come
	throttleLimit = 10_000           // accounts, and addresses, that are remembered
)

// throttle limits attempts to log in before a password is hashed. An attempt is
// charged when it begins, so that a thousand at once are no way round, and
// given back if it turns out to be good.
//
// State is bounded: what was used longest ago is forgotten first.
type throttle struct {
	mu       sync.Mutex
	accounts recent[string, failures]
	addrs    recent[netip.Prefix, bucket]
	makers   recent[netip.Prefix, bucket] // addresses that register
}

// failures are those of one name, whether or not somebody has it.
type failures struct {
	n    int
	last time.Time
	next time.Time // not before
}

// bucket holds tokens that come back with time.
type bucket struct {
	used float64
	at   time.Time
}

// wait returns how long it takes until there is a token, of burst that come back
// one in interval.
func (b *bucket) wait(now time.Time, burst float64, interval time.Duration) time.Duration {
	b.used = max(0, b.used-float64(now.Sub(b.at))/float64(interval))
	b.at = now
	if b.used > burst-1 {
		return time.Duration((b.used - burst + 1) * float64(interval))
	}
	return 0
}

func newThrottle() *throttle {
	return &throttle{
		accounts: newRecent[string, failures](throttleLimit),
		addrs:    newRecent[netip.Prefix, bucket](throttleLimit),
		makers:   newRecent[netip.Prefix, bucket](throttleLimit),
	}
}

// admit charges an attempt and returns 0, or says how long to wait instead.
func (t *throttle) admit(addr netip.Addr, name string) time.Duration {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()

	b := t.addrs.get(network(addr))
	if wait := b.wait(now, addrBurst, addrInterval); wait > 0 {
		return wait
	}

	f := t.accounts.get(name)
	if now.Sub(f.last) > forgetAfter {
		*f = failures{}
	}
	if wait := f.next.Sub(now); wait > 0 {
		return wait
	}
	b.used++
	f.n++
	f.last = now
	if f.n >= freeFailures {
		f.next = now.Add(min(maxDelay, time.Second<<min(f.n-freeFailures, 10)))
	}
	return 0
}

// admitNew charges an attempt to register and returns 0, or says how long to
// wait instead.
func (t *throttle) admitNew(addr netip.Addr) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.makers.get(network(addr))
	if wait := b.wait(time.Now(), newBurst, newInterval); wait > 0 {
		return wait
	}
	b.used++
	return 0
}

// good takes an attempt that succeeded off the account and the address.
func (t *throttle) good(addr netip.Addr, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.accounts.drop(name)
	t.refund(addr)
}

// void takes an attempt back that was not decided.
func (t *throttle) void(addr netip.Addr, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.accounts.get(name); f.n > 0 {
		f.n--
		f.next = time.Time{}
	}
	t.refund(addr)
}

func (t *throttle) refund(addr netip.Addr) {
	b := t.addrs.get(network(addr))
	b.used = max(0, b.used-1)
}

// network is what one party can be expected to have: an IPv4 address, or an
// IPv6 network of 64 bits, within which it can change its address at will.
func network(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits) // the zero Addr has the zero Prefix
	return p
}

// recent is a map of at most limit values that forgets what was asked for
// longest ago.
type recent[K comparable, V any] struct {
	limit int
	order *list.List // of *entry, the last used first
	byKey map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](limit int) recent[K, V] {
	return recent[K, V]{limit: limit, order: list.New(), byKey: map[K]*list.Element{}}
}

// get returns the value of key, a zero one if it is new. It may be changed in
// place until the next call.
func (r *recent[K, V]) get(key K) *V {
	if e, ok := r.byKey[key]; ok {
		r.order.MoveToFront(e)
		return &e.Value.(*entry[K, V]).value
	}
	if r.order.Len() >= r.limit {
		last := r.order.Back()
		delete(r.byKey, r.order.Remove(last).(*entry[K, V]).key)
	}
	e := &entry[K, V]{key: key}
	r.byKey[key] = r.order.PushFront(e)
	return &e.value
}

func (r *recent[K, V]) drop(key K) {
	if e, ok := r.byKey[key]; ok {
		r.order.Remove(e)
		delete(r.byKey, key)
	}
}
