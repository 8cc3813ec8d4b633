package chat

import "errors"

// The errors of this package. They are wrapped with what was attempted; use
// [errors.Is]. All but [ErrOutcomeUnknown] mean that nothing was stored.
var (
	// ErrNotFound: no such room, message or user, or one that the actor may
	// not know of.
	ErrNotFound = errors.New("chat: not found")
	// ErrForbidden: the actor may know of it but not do that.
	ErrForbidden = errors.New("chat: forbidden")
	// ErrConflict: the name is taken.
	ErrConflict = errors.New("chat: name is taken")
	// ErrIDReused: the id was used by the same user for something else.
	ErrIDReused = errors.New("chat: id was used for something else")
	// ErrStale: who may do what has changed since the write was authorised.
	// The node authorises it again, some times; callers of a [Hub] see it only
	// when it changes all the time.
	ErrStale = errors.New("chat: authorisation is stale")
	// ErrOutcomeUnknown: it may have been stored. Trying again with the same
	// id is safe and gives the answer.
	ErrOutcomeUnknown = errors.New("chat: outcome is unknown")
	// ErrUnavailable: the store can't be reached now. Nothing was stored.
	ErrUnavailable = errors.New("chat: store is unavailable")
	// ErrBusy: a queue is full. Nothing was stored.
	ErrBusy = errors.New("chat: busy")
	// ErrClosed: the node, the store or the session was closed.
	ErrClosed = errors.New("chat: closed")
	// ErrEpoch: the store is not the one it was, for example after a restore.
	// Sessions end with it; their clients come back and page again.
	ErrEpoch = errors.New("chat: the store has a new epoch")
	// ErrExpired: the session's authentication has ended.
	ErrExpired = errors.New("chat: authentication expired")
	// ErrRevoked: the session was revoked.
	ErrRevoked = errors.New("chat: revoked")
)

// InputError says which part of a request is wrong. Nothing was stored.
type InputError struct {
	// Code is bad_request, empty or too_long.
	Code string
	// Field is the name of the faulty field on the wire, such as "text".
	Field string
	// Message is a sentence for the person who sent it.
	Message string
}

// Error returns the field and the message.
func (e *InputError) Error() string {
	if e.Field == "" {
		return "chat: " + e.Message
	}
	return "chat: " + e.Field + ": " + e.Message
}
