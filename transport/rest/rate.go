package rest

import (
	"cmp"
	"sync"
	"time"

	"github.com/carlware/gochat/chat"
)

// Rates are the allowances of each user, on this handler alone. In each field
// the zero value means the default.
type Rates struct {
	Messages Rate // posts, edits and deletes; 10 a second, burst 20
	Commands Rate // 2 a second, burst 5
	Rooms    Rate // rooms created, direct ones included; 10 a minute, burst 10
	Requests Rate // everything else; 20 a second, burst 40
}

// Rate is an allowance: Burst requests at once, and one more for each Every. A
// negative Burst means no limit.
type Rate struct {
	Every time.Duration
	Burst int
}

func (r Rate) or(every time.Duration, burst int) Rate {
	return Rate{cmp.Or(r.Every, every), cmp.Or(r.Burst, burst)}
}

type class uint8

const (
	ofRequests class = iota
	ofMessages
	ofCommands
	ofRooms
	classes
)

// limiter holds the allowances of all users. A bucket is one time, the moment
// at which it will be full again (the generic cell rate algorithm), so a full
// bucket need not be kept at all.
type limiter struct {
	rates [classes]Rate

	mu      sync.Mutex
	full    map[bucket]time.Time
	sweepAt int
}

type bucket struct {
	user  chat.UserID
	class class
}

// Buckets are swept first at minBuckets; maxBuckets, about 10 MiB, is the
// bound: then all are forgotten.
const (
	minBuckets = 1 << 10
	maxBuckets = 1 << 17
)

func newLimiter(r Rates) *limiter {
	return &limiter{
		rates: [classes]Rate{
			ofRequests: r.Requests.or(50*time.Millisecond, 40),
			ofMessages: r.Messages.or(100*time.Millisecond, 20),
			ofCommands: r.Commands.or(500*time.Millisecond, 5),
			ofRooms:    r.Rooms.or(6*time.Second, 10),
		},
		full:    make(map[bucket]time.Time),
		sweepAt: minBuckets,
	}
}

// take returns 0 when the request may go on, else how long to wait.
func (l *limiter) take(user chat.UserID, c class) time.Duration {
	rate := l.rates[c]
	if rate.Burst < 0 {
		return 0
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := bucket{user, c}
	full := l.full[b]
	if full.Before(now) {
		full = now
	}
	full = full.Add(rate.Every)
	if wait := full.Sub(now) - rate.Every*time.Duration(rate.Burst); wait > 0 {
		return wait
	}
	l.full[b] = full
	if len(l.full) >= l.sweepAt {
		l.sweep(now)
	}
	return 0
}

func (l *limiter) sweep(now time.Time) {
	for b, full := range l.full {
		if !full.After(now) {
			delete(l.full, b)
		}
	}
	if len(l.full) >= maxBuckets {
		clear(l.full)
	}
	l.sweepAt = max(minBuckets, min(2*len(l.full), maxBuckets))
}
