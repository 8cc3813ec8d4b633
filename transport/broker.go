package transport

import "context"

// MaxBody is the largest body, in bytes, that a [Broker] carries: of an event,
// a [Request], a [Result] or an [Announcement]. Larger ones are refused with
// [ErrTooLarge] by the sender and dropped by the receiver.
const MaxBody = 128 << 10

// MaxName is the longest key, store, bot or command name in bytes. It leaves
// room for a prefix within the 255 bytes that AMQP 0-9-1 allows (section
// 4.2.5.3, short strings).
const MaxName = 128

// Broker carries events and commands between processes.
//
// All methods may be called concurrently. Bodies that are passed in are not
// kept after the call returns; bodies that are handed to a callback belong to
// the callback.
type Broker interface {
	EventBus
	CommandBus

	// Status says how the broker is now. It does not block.
	Status() Status

	// Watch calls fn with the current status and then with every change, one
	// call at a time, until ctx ends or the broker is closed. Changes may be
	// coalesced, the last one never is. It returns nil when ctx ends and
	// [ErrClosed] when the broker is closed.
	Watch(ctx context.Context, fn func(Status)) error

	// Close ends all calls that block on the broker with [ErrClosed], waits
	// for the handlers that they are in, as long as their Grace at the most,
	// and frees what was opened. It must not be called from a handler.
	// Calling it again is a no-op. A closed broker is Down.
	Close() error
}

// State is the health of a [Broker].
type State uint8

// The states of a broker.
const (
	Down    State = iota // not connected; sends fail with ErrUnavailable
	Blocked              // connected, but the broker takes no publishes for now
	Up                   // working
)

// String returns "down", "blocked" or "up".
func (s State) String() string {
	switch s {
	case Up:
		return "up"
	case Blocked:
		return "blocked"
	}
	return "down"
}

// Status is a broker's health at one moment.
type Status struct {
	// State is what works.
	State State

	// Epoch counts the connections made so far, from 1. Whatever was under
	// way when it grew may be lost or repeated.
	Epoch uint64

	// Err is why the broker is not Up, or nil. While it is Up, an error says that
	// it refuses what one of the calls that block needs, such as a queue; the call
	// goes on trying. Err never holds credentials.
	Err error
}
