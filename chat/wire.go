package chat

import (
	"errors"

	"github.com/carlware/gochat/command"
)

// codes is the one table from errors to what crosses the wire.
var codes = []struct {
	err     error
	code    string
	message string
}{
	{ErrOutcomeUnknown, "unavailable", "It is not known whether this was stored. Send it again with the same id."},
	{ErrNotFound, "not_found", "There is no such thing here, or you may not see it."},
	{ErrForbidden, "forbidden", "You may not do that here."},
	{ErrConflict, "conflict", "That name is taken."},
	{ErrIDReused, "id_reused", "That id was used for something else."},
	{ErrStale, "unavailable", "The room is changing. Try again."},
	{ErrBusy, "overloaded", "Too much is going on. Try again in a moment."},
	{ErrUnavailable, "unavailable", "The chat can't reach its store. Try again in a moment."},
	{ErrEpoch, "unavailable", "The chat was restored. Connect again."},
	{ErrExpired, "unauthorized", "Your login has expired."},
	{ErrRevoked, "unauthorized", "Your login was ended."},
	{ErrClosed, "unavailable", "The chat is shutting down. Try again in a moment."},
}

// AsError returns err as it crosses the wire: its stable code, a sentence for
// people, and the faulty field where there is one. What is an *Error already
// stays as it is. It tells nothing of what it does not know; that is internal.
// AsError(nil) is nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok && e != nil {
		same := *e
		return &same
	}
	if e, ok := errors.AsType[*InputError](err); ok {
		return &Error{Code: e.Code, Message: e.Message, Field: e.Field}
	}
	if e, ok := errors.AsType[*command.Error](err); ok && e != nil {
		return &Error{Code: e.Code, Message: e.Message}
	}
	if e, ok := errors.AsType[*RateError](err); ok {
		return &Error{Code: "rate_limited", Message: "That was too fast. Try again in a moment.", RetryAfter: max(1, e.RetryAfter.Milliseconds())}
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			e := &Error{Code: c.code, Message: c.message}
			if c.err == ErrConflict {
				e.Field = "name"
			}
			return e
		}
	}
	if isContext(err) {
		return &Error{Code: "unavailable", Message: "The chat did not answer in time. Try again."}
	}
	return &Error{Code: "internal", Message: "Something went wrong on our side."}
}
