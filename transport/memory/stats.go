package memory

import (
	"bytes"
	"slices"

	"github.com/carlware/gochat/transport"
)

// maxDeadLetters is how many dead letters are kept; the oldest go first.
const maxDeadLetters = 1000

// DeadLetter is a request that was set aside.
type DeadLetter struct {
	// Request is as at its last delivery; Timeout is what was left of it when
	// it was set aside.
	Request transport.Request

	// Err is what the last handler returned, or why its result could not be
	// taken. A panic is an error with the stack in its text.
	Err error
}

// DeadLetters returns the last 1000 requests that were set aside on any
// connection, oldest first. The caller owns them.
func (b *Broker) DeadLetters() []DeadLetter {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	dead := slices.Clone(b.srv.dead)
	for i := range dead {
		dead[i].Request.Body = bytes.Clone(dead[i].Request.Body)
	}
	return dead
}

// bury sets m aside. The caller holds mu.
func (s *server) bury(m *message, err error) {
	if len(s.dead) == maxDeadLetters {
		s.dead = slices.Delete(s.dead, 0, 1)
	}
	s.dead = append(s.dead, DeadLetter{Request: m.request(), Err: err})
	s.stats.DeadLetters++
}

// Stats says what is in the broker, on all connections together.
type Stats struct {
	Subscribers int `json:"subscribers"` // Subscribe calls
	Events      int `json:"events"`      // wait for subscribers

	Workers  int `json:"workers"`  // Work calls
	Requests int `json:"requests"` // wait for a worker or for their next attempt
	Working  int `json:"working"`  // are in a handler of Work

	Receivers int `json:"receivers"` // Results calls
	Results   int `json:"results"`   // wait for a receiver or for their next attempt
	Receiving int `json:"receiving"` // are in a handler of Results

	// Counted from the start.
	EventsLost      uint64 `json:"events_lost"`      // a subscriber fell behind or was cut off
	RequestsExpired uint64 `json:"requests_expired"` // their time ended while they waited
	DeadLetters     uint64 `json:"dead_letters"`     // requests set aside
	ResultsExpired  uint64 `json:"results_expired"`  // waited 15 minutes for a receiver
	ResultsRejected uint64 `json:"results_rejected"` // a receiver returned an error made by Reject
}

// Stats returns the figures of this moment.
func (b *Broker) Stats() Stats {
	s := b.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	for _, subs := range s.subs {
		st.Subscribers += len(subs)
		for sub := range subs {
			st.Events += len(sub.queue)
		}
	}
	for a, q := range s.queues {
		if a.store == "" {
			st.Workers += len(q.consumers)
			st.Requests += q.waiting()
			st.Working += q.running
		} else {
			st.Receivers += len(q.consumers)
			st.Results += q.waiting()
			st.Receiving += q.running
		}
	}
	return st
}
