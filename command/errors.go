package command

// The codes of an [Error]. They are stable: programs may decide by them.
const (
	CodeUnknownCommand = "unknown_command" // no bot ever served the name
	CodeUsage          = "usage"           // the arguments are wrong; Message shows the usage
	CodeForbidden      = "forbidden"       // the caller may not use the command here
	CodeNoBot          = "no_bot"          // the command is known, but no bot serves it now
	CodeTimeout        = "timeout"         // no answer by the deadline
	CodeOverloaded     = "overloaded"      // too many calls at once
	CodeBotError       = "bot_error"       // the handler failed or panicked
)

// Error is a failed call as its caller sees it, and nobody else.
type Error struct {
	Code    string `json:"code"`    // one of the codes, or the bot's own: [a-z][a-z0-9_]{0,31}
	Message string `json:"message"` // a sentence for people, at most 1,000 bytes
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Fail is an error that shows message to the caller, with code bot_error.
func Fail(message string) *Error { return &Error{Code: CodeBotError, Message: message} }

// Usage is an error for arguments that a handler finds wrong itself. The bot
// adds the usage of the command to message.
func Usage(message string) *Error { return &Error{Code: CodeUsage, Message: message} }
