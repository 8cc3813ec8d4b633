package chat

import (
	"context"
	"time"

	"github.com/carlware/gochat/command"
)

// CallStatus is how far a call is.
type CallStatus string

// The states of a call. Exactly one of the last three is its end.
const (
	CallPending   CallStatus = "pending"
	CallDone      CallStatus = "done"      // answered in the room, or in silence
	CallEphemeral CallStatus = "ephemeral" // answered to the caller only
	CallFailed    CallStatus = "failed"
)

// Calls keeps commands from when they are sent until their outcome has been
// forgotten, 24 hours after it.
type Calls interface {
	// OpenCall stores a pending call, due Timeout after the store's present
	// time. A second one with the same caller and Key returns the stored one
	// and true, whatever its state; with another Hash it returns
	// [ErrIDReused]. The room's access seq is checked as by [Log.Append].
	OpenCall(ctx context.Context, c NewCall) (Call, bool, error)

	// SettleCall ends a call and appends its answers to the room, in one
	// transaction. If the call has ended already, nothing changes and the
	// stored one is returned with false: the first wins. If the call's user
	// is not a member of the room any more, or the room is archived, it ends
	// as failed with code forbidden, without answers. A call that was never
	// opened, without New, is [ErrNotFound].
	SettleCall(ctx context.Context, s Settlement) (Call, bool, error)

	// Call returns the call with that id, or [ErrNotFound].
	Call(ctx context.Context, id string) (Call, error)

	// FindCall returns the call of user with that key, and its hash, or
	// [ErrNotFound].
	FindCall(ctx context.Context, user UserID, key string) (Call, [16]byte, error)

	// ExpireCalls ends up to limit pending calls whose deadline was more than
	// grace ago as failed with code timeout, and returns them. It passes over
	// those that another node is ending.
	ExpireCalls(ctx context.Context, grace time.Duration, limit int) ([]Call, error)

	// EndedCalls returns the calls of user that ended less than age ago,
	// oldest first; of more than 100 the last 100.
	EndedCalls(ctx context.Context, user UserID, age time.Duration) ([]Call, error)
}

// NewCall is a call to be stored.
type NewCall struct {
	ID      string        // made by the node; the id of the request at the broker
	Key     string        // idempotency key of the caller
	Hash    [16]byte      // of the request as its sender made it
	Room    RoomID        // where the answer goes
	User    User          // the caller
	Bot     User          // who is to answer
	Name    string        // the command, without the slash
	Line    string        // as typed
	Timeout time.Duration // until the deadline, from the store's present time on
	Basis   Seq           // as in [Write]
}

// Settlement is how a call ends.
type Settlement struct {
	ID string // of the pending call

	// New is set for a call that was never opened: it is stored with its end.
	// Its caller and Key are checked as by [Calls.OpenCall] first; a call
	// that is there already wins.
	New *NewCall

	// Answers are the texts that the bot says in the room, stored as messages
	// of the call's Bot with the ids "<call>.1", "<call>.2" and so on.
	Answers []string

	// Private is what only the caller is told.
	Private []string

	// Err makes the call a failed one, without answers.
	Err *command.Error
}

// Call is a stored call.
type Call struct {
	ID        string         // as in [NewCall], like the fields up to Line
	Key       string         // idempotency key of the caller
	Room      RoomID         // where the answer goes
	User      User           // the caller
	Bot       User           // who is to answer
	Name      string         // the command, without the slash
	Line      string         // as typed
	Status    CallStatus     // pending, or how it ended
	Remaining time.Duration  // until the deadline, by the store's clock when it was read; may be negative
	Seqs      []Seq          // of the answers
	Private   []string       // what only the caller is told
	Err       *command.Error // of a failed one
}
