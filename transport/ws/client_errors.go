package ws

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/carlware/gochat/chat"
)

// Errors of a [Client].
var (
	// ErrNoLogin: what DialOptions.Token returns when its user must log in
	// again, so that trying is of no use.
	ErrNoLogin = errors.New("ws: a new login is needed")
	// ErrOtherUser: a new token belongs to another user than the first. What
	// waits to be sent must not be sent in that name.
	ErrOtherUser = errors.New("ws: the token is of another user")
	// ErrIterating: [Client.Events] is being iterated already.
	ErrIterating = errors.New("ws: events are being received already")
)

// Reasons to dial again.
var (
	errSilent  = errors.New("ws: nothing was heard from the server")
	errHole    = errors.New("ws: the server left out events")
	errNoReply = errors.New("ws: no welcome in time")
)

// Error is how the server refused a request. The codes are those of
// PROTOCOL.md; [errors.Is] finds the errors of package chat that they stand for.
type Error struct {
	Code    string // of PROTOCOL.md, or a bot's own
	Message string // for people
	Field   string // the faulty one, or empty
	// RetryAfter is when the request may be sent again; 0 is not said.
	RetryAfter time.Duration
}

func newError(e chat.Error) *Error {
	return &Error{e.Code, e.Message, e.Field, time.Duration(e.RetryAfter) * time.Millisecond}
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Is reports whether target is the error of package chat for the code.
func (e *Error) Is(target error) bool {
	switch e.Code {
	case "not_found":
		return target == chat.ErrNotFound
	case "forbidden":
		return target == chat.ErrForbidden
	case "conflict":
		return target == chat.ErrConflict
	case "id_reused":
		return target == chat.ErrIDReused
	case "overloaded":
		return target == chat.ErrBusy
	}
	return false
}

// CloseError is a connection that the server ended for good.
type CloseError struct {
	Code   int    // of PROTOCOL.md
	Reason string // for people who look for the cause
}

// Error returns the code and the reason.
func (e *CloseError) Error() string { return fmt.Sprintf("ws: closed with %d: %s", e.Code, e.Reason) }

// RefusedError is a handshake that the server refused.
type RefusedError struct {
	Status int    // of HTTP
	Detail string // what the server says, at most 1 KiB
}

// Error returns the status and the detail.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("ws: refused with %d %s: %s", e.Status, http.StatusText(e.Status), e.Detail)
}

// final reports whether it is of no use to dial again after err. refused is how
// many handshakes in a row were refused with 401: a token may have been revoked
// between the callback and the handshake, but not twice.
func final(err error, refused int) bool {
	if errors.Is(err, ErrNoLogin) || errors.Is(err, ErrOtherUser) {
		return true
	}
	if e, ok := errors.AsType[*CloseError](err); ok {
		return !comesBack(e.Code)
	}
	if e, ok := errors.AsType[*RefusedError](err); ok {
		switch e.Status {
		case http.StatusUnauthorized:
			return refused > 1
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
			return false
		}
		return e.Status < 500
	}
	return false
}

// closeError makes the typed error of a close frame.
func closeError(err error) error {
	if e, ok := errors.AsType[websocket.CloseError](err); ok {
		return &CloseError{int(e.Code), e.Reason}
	}
	return err
}
