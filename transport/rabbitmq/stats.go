package rabbitmq

import (
	"sync/atomic"
	"time"
)

// Stats are counted from [Open] on, for this Broker alone.
type Stats struct {
	EventsLost      uint64 `json:"events_lost"`      // dropped here: a full queue, a broken connection, a slow subscriber
	RequestsExpired uint64 `json:"requests_expired"` // their time ended while a worker had them
	DeadLetters     uint64 `json:"dead_letters"`     // requests that a worker set aside
	ResultsRejected uint64 `json:"results_rejected"` // a receiver returned an error made by Reject

	// Garbage is messages that were dropped, or set aside as dead letters,
	// because they can't be read, are too large or misdirected, or come from
	// whom Options.Trust does not trust. Somebody is wrong about the protocol, or
	// up to something.
	Garbage uint64 `json:"garbage"`
}

type counters struct {
	eventsLost, requestsExpired, deadLetters, resultsRejected, garbage atomic.Uint64

	complained atomic.Int64 // when, in Unix ns
}

// drop counts a message that came from outside and is not what it should be. At
// most once a second it is logged, so that nobody can fill our disk with lines.
func (b *Broker) drop(what string, err error, args ...any) {
	n := b.stats.garbage.Add(1)
	now, last := time.Now().UnixNano(), b.stats.complained.Load()
	if now-last < int64(time.Second) || !b.stats.complained.CompareAndSwap(last, now) {
		return
	}
	b.o.Logger.Warn("rabbitmq: "+what, append(args, "err", err, "dropped", n)...)
}

// Stats returns the figures of this moment.
func (b *Broker) Stats() Stats {
	return Stats{
		EventsLost:      b.stats.eventsLost.Load(),
		RequestsExpired: b.stats.requestsExpired.Load(),
		DeadLetters:     b.stats.deadLetters.Load(),
		ResultsRejected: b.stats.resultsRejected.Load(),
		Garbage:         b.stats.garbage.Load(),
	}
}
