package command

import (
	"context"
	"fmt"
	"time"
)

// Limits on what one call may answer.
const (
	MaxParts      = 16       // parts in one [Reply]
	MaxReplyBytes = 64 << 10 // bytes of text in one [Reply]
)

// Limits on how long a call may take.
const (
	DefaultTimeout = 10 * time.Second // of a [Spec] that states none
	MaxTimeout     = 15 * time.Minute
)

// Call is one command that somebody typed, on its way through a [Handler].
//
// The fields are read-only. The methods that answer may be called from several
// goroutines, but not after the handler has returned: what they say then is
// dropped.
type Call struct {
	// ID names the call. When a queue delivers a call again, it comes with
	// the same ID: a handler with side effects uses it to do them once.
	ID string

	Bot  string // the bot that serves the call
	Name string // the command's name, lower case
	Args string // what follows the name, trimmed
	Line string // the line as typed

	Room Room // where it was typed
	User User // who asked

	// Remaining is the time to answer when the handler started. The handler's
	// context ends with it.
	Remaining time.Duration

	// Attempt is the number of this delivery, from 1.
	Attempt int

	answer *answer
}

// Room is where a command was typed.
type Room struct {
	ID   string `json:"id"`             // as the chat names it
	Name string `json:"name,omitempty"` // for people; direct rooms have none
	Kind string `json:"kind"`           // "public", "private" or "direct"
}

// User is who typed a command. It is authenticated by the chat.
type User struct {
	ID   string `json:"id"`             // as the chat's host names it
	Name string `json:"name"`           // for people; it may change
	Role string `json:"role,omitempty"` // in the room: "owner", "admin" or "member"
}

// Say adds a part that everybody in the room sees. Parts collect, up to
// [MaxParts] and [MaxReplyBytes], and are stored in their order when the
// handler returns nil; an error from the handler discards them. A part is text
// that could be a message: neither empty nor over 4,000 code points or 16 KiB,
// valid UTF-8, and without control characters but newline and tab. Say returns
// an error when it is not, or when there is no room for it.
func (c *Call) Say(text string) error { return c.answer.add(Part{Text: text}) }

// Sayf is [Call.Say] with a format as in package fmt.
func (c *Call) Sayf(format string, args ...any) error { return c.Say(fmt.Sprintf(format, args...)) }

// Ephemeral adds a part that only the caller sees. It is Say in all else.
func (c *Call) Ephemeral(text string) error {
	return c.answer.add(Part{Text: text, Ephemeral: true})
}

// Progress tells the caller how the work goes, at once. It is not stored and
// may be lost or merged with a later one; the text is checked as by
// [Call.Say]. It does not block.
func (c *Call) Progress(text string) error { return c.answer.progressed(text) }

// Handler answers commands.
//
// HandleCommand returns nil when the call is answered: what it said by then is
// the reply, and nothing said is "done in silence". It returns an [*Error] for
// the caller to see; any other error is logged and shown as bot_error without
// its text. ctx ends at the call's deadline. A handler may be called
// concurrently, and may be called again with the same call ID.
type Handler interface {
	// HandleCommand answers c: see [Handler].
	HandleCommand(ctx context.Context, c *Call) error
}

// HandlerFunc is a function that is a [Handler].
type HandlerFunc func(ctx context.Context, c *Call) error

// HandleCommand calls f.
func (f HandlerFunc) HandleCommand(ctx context.Context, c *Call) error { return f(ctx, c) }

// Part is one piece of a [Reply].
type Part struct {
	Text      string `json:"text"`                // see [Call.Say]
	Ephemeral bool   `json:"ephemeral,omitempty"` // only for the caller
}

// Reply is what a call came to: parts, or an error, or neither when the
// command was done in silence.
type Reply struct {
	Parts []Part `json:"parts,omitempty"` // in the order in which they were said
	Err   *Error `json:"error,omitempty"` // then there are no Parts
}
