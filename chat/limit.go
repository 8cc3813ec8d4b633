package chat

import (
	"fmt"
	"sync"
	"time"
)

// Rate is how often a user may do something: so many a second on the average,
// and so many at once.
type Rate struct {
	PerSecond float64 `json:"per_second"` // on the average
	Burst     int     `json:"burst"`      // at once
}

// Unlimited is a [Rate] that nobody exceeds.
var Unlimited = Rate{PerSecond: 1e9, Burst: 1e9}

// RateError says that a user does something too often. Nothing was stored.
type RateError struct {
	// RetryAfter is when it is allowed again.
	RetryAfter time.Duration
}

// Error says how long to wait.
func (e *RateError) Error() string {
	return fmt.Sprintf("chat: too often, try again in %v", e.RetryAfter.Round(time.Millisecond))
}

// limited is what there are separate rates for.
type limited uint8

const (
	limitMessages limited = iota
	limitCommands
	limitJoins
	limitRooms
	limitRequests
	limitKinds
)

// limit returns the rate that an action counts against.
func (a action) limit() limited {
	switch a {
	case post, edit, erase, React:
		return limitMessages
	case run:
		return limitCommands
	}
	return limitJoins
}

// ask counts a request that stores nothing.
func (n *Node) ask(by UserID) error { return n.limiter.take(by, limitRequests, time.Now()) }

// limiter holds each user to the rates, by the generic cell rate algorithm
// (ITU-T I.371): for each rate it keeps the time at which the user's
// allowance will be whole again.
type limiter struct {
	rates [limitKinds]Rate

	mu    sync.Mutex
	users map[UserID]*[limitKinds]time.Time
}

func newLimiter(l Limits) *limiter {
	return &limiter{
		rates: [limitKinds]Rate{l.Messages, l.Commands, l.Joins, l.Rooms, l.Requests},
		users: map[UserID]*[limitKinds]time.Time{},
	}
}

// take uses up one of what the user may do, or returns a [*RateError].
func (l *limiter) take(user UserID, k limited, now time.Time) error {
	r := l.rates[k]
	if user == System || r.PerSecond >= Unlimited.PerSecond {
		return nil
	}
	every := time.Duration(float64(time.Second) / r.PerSecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	whole := l.users[user]
	if whole == nil {
		whole = new([limitKinds]time.Time)
		l.users[user] = whole
	}
	at := whole[k]
	if at.Before(now) {
		at = now
	}
	if wait := at.Sub(now) - every*time.Duration(r.Burst-1); wait > 0 {
		return &RateError{RetryAfter: wait}
	}
	whole[k] = at.Add(every)
	return nil
}

// giveBack undoes a take.
func (l *limiter) giveBack(user UserID, k limited) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if whole := l.users[user]; whole != nil {
		whole[k] = whole[k].Add(-time.Duration(float64(time.Second) / l.rates[k].PerSecond))
	}
}

// forget drops users whose allowances are whole.
func (l *limiter) forget(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
users:
	for id, whole := range l.users {
		for _, at := range whole {
			if at.After(now) {
				continue users
			}
		}
		delete(l.users, id)
	}
}
