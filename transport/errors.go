package transport

import "errors"

// The errors of a [Broker]. Implementations wrap them; use [errors.Is].
var (
	// ErrNoHandler: no worker serves the command now. Not sent.
	ErrNoHandler = errors.New("transport: no worker serves the command")
	// ErrOverloaded: a queue is full. Not sent.
	ErrOverloaded = errors.New("transport: queue is full")
	// ErrUnavailable: the broker can't be reached. Not sent.
	ErrUnavailable = errors.New("transport: broker is unavailable")
	// ErrUnknown: the connection broke before the broker confirmed. It may
	// have been sent.
	ErrUnknown = errors.New("transport: outcome is unknown")
	// ErrTooLarge: a body over [MaxBody] or a name over [MaxName]. Not sent.
	ErrTooLarge = errors.New("transport: too large")
	// ErrClosed: the broker was closed. Not sent.
	ErrClosed = errors.New("transport: broker is closed")
)

type rejectError struct{ err error }

func (e *rejectError) Error() string { return e.err.Error() }
func (e *rejectError) Unwrap() error { return e.err }

// Reject marks err as final: the delivery that a handler returns it for is set
// aside instead of being repeated. Reject(nil) is nil.
func Reject(err error) error {
	if err == nil {
		return nil
	}
	return &rejectError{err}
}

// Rejected reports whether err, or an error that it wraps, was made by
// [Reject].
func Rejected(err error) bool {
	_, ok := errors.AsType[*rejectError](err)
	return ok
}
