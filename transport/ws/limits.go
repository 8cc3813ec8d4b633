package ws

import (
	"cmp"
	"net/netip"
	"sync"
	"time"

	"github.com/carlware/gochat/chat"
)

// Limits bound the connections of a [Handler], which is of one process: with
// several, each allows as much. The zero value of a field means its default.
type Limits struct {
	// Conns is how many connections there may be in all; 50,000. Each also
	// needs a file descriptor. Who comes then gets 503 with Retry-After.
	Conns int
	// PerUser is how many one user may have; 32. One too many is opened and
	// closed with 4505, which a page can see, unlike the status of a
	// handshake.
	PerUser int
	// PerAddress is how many one address may have, see Options.Address; 256.
	// One too many is closed with 4029.
	PerAddress int

	// Rate is how often connections may be made in all; 2,000 a second and
	// 4,000 at once. More get 503, before their tokens are looked at.
	Rate chat.Rate
	// UserRate is the same for each user; 2 a second and 60 at once. More get
	// 429 with Retry-After.
	UserRate chat.Rate
	// AddressRate is the same for each address; 20 a second and 400 at once.
	// More get 429, before their tokens are looked at.
	AddressRate chat.Rate
}

// withDefaults: a limit below 0 is none.
func (l Limits) withDefaults() Limits {
	l.Conns = cmp.Or(l.Conns, 50_000)
	l.PerUser = cmp.Or(l.PerUser, 32)
	l.PerAddress = cmp.Or(l.PerAddress, 256)
	l.Rate = cmp.Or(l.Rate, chat.Rate{PerSecond: 2000, Burst: 4000})
	l.UserRate = cmp.Or(l.UserRate, chat.Rate{PerSecond: 2, Burst: 60})
	l.AddressRate = cmp.Or(l.AddressRate, chat.Rate{PerSecond: 20, Burst: 400})
	return l
}

func over(n, limit int) bool { return limit > 0 && n > limit }

// bucket is an allowance: the time at which it is whole again.
type bucket struct{ whole time.Time }

// take uses up one, or returns how long until there is one.
func (b *bucket) take(r chat.Rate, now time.Time) time.Duration {
	each := time.Duration(float64(time.Second) / r.PerSecond)
	whole := b.whole
	if whole.Before(now) {
		whole = now
	}
	if wait := whole.Add(each).Sub(now) - each*time.Duration(r.Burst); wait > 0 {
		return wait
	}
	b.whole = whole.Add(each)
	return 0
}

// usage is what somebody uses.
type usage struct {
	bucket
	conns int
}

// users counts what each of many uses. It forgets who uses nothing and has a
// whole allowance, so it holds those connected and, of those gone, no more than
// Limits.Rate lets come while an allowance fills.
type users[K comparable] struct {
	m     map[K]*usage
	sweep int // at how many they are looked through
}

const minSweep = 1024

func (u *users[K]) get(k K, now time.Time) *usage {
	if v := u.m[k]; v != nil {
		return v
	}
	if len(u.m) >= max(u.sweep, minSweep) {
		for k, v := range u.m {
			if v.conns == 0 && v.whole.Before(now) {
				delete(u.m, k)
			}
		}
		u.sweep = 2 * len(u.m)
	}
	if u.m == nil {
		u.m = map[K]*usage{}
	}
	v := &usage{}
	u.m[k] = v
	return v
}

// gate decides who may come in. It is safe for concurrent use.
type gate struct {
	limits Limits

	mu        sync.Mutex
	conns     int
	all       bucket
	users     users[chat.UserID]
	addresses users[netip.Addr]
	refused   Refused
}

// arrive is asked first, before anything else is known of who comes. On
// success leave must be called in the end.
func (g *gate) arrive(addr netip.Addr, now time.Time) *refusal {
	g.mu.Lock()
	defer g.mu.Unlock()
	if over(g.conns+1, g.limits.Conns) {
		g.refused.Full++
		return busy(refuseFull, time.Second)
	}
	if addr.IsValid() {
		if wait := g.addresses.get(addr, now).take(g.limits.AddressRate, now); wait > 0 {
			g.refused.TooFast++
			return busy(refuseTooFast, wait)
		}
	}
	if wait := g.all.take(g.limits.Rate, now); wait > 0 {
		g.refused.Full++
		return busy(refuseFull, wait)
	}
	g.conns++
	return nil
}

// enter is asked when it is known who comes. The connection is made when there
// is no refusal; bye is how it is to be closed at once. Then exit must be
// called in the end.
func (g *gate) enter(user chat.UserID, addr netip.Addr, now time.Time) (bye *farewell, f *refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	u := g.users.get(user, now)
	if wait := u.take(g.limits.UserRate, now); wait > 0 {
		g.refused.TooFast++
		return nil, busy(refuseTooFast, wait)
	}
	u.conns++
	if over(u.conns, g.limits.PerUser) {
		g.refused.PerUser++
		bye = &farewell{codeTooMany, "too many connections of the user"}
	}
	if addr.IsValid() {
		a := g.addresses.get(addr, now)
		a.conns++
		if over(a.conns, g.limits.PerAddress) && bye == nil {
			g.refused.PerAddress++
			bye = &farewell{codeFlood, "too many connections of the address"}
		}
	}
	return bye, nil
}

func (g *gate) exit(user chat.UserID, addr netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.users.m[user].conns--
	if addr.IsValid() {
		g.addresses.m[addr].conns--
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns--
}

// block is what counts as one address: an IPv4 address, or the /64 that one
// subscriber of IPv6 has. It is invalid where there is none.
func block(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, err := a.Prefix(64)
		if err == nil {
			return p.Addr()
		}
	}
	return a
}
