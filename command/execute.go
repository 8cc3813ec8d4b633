package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"
)

// ExecuteOptions are the options of [Execute]. nil means all defaults.
type ExecuteOptions struct {
	// Progress is called with what the handler tells by [Call.Progress], one
	// call at a time, never after Execute has returned. It must not block.
	// nil: nobody listens.
	Progress func(text string)

	// Pause is the least time between two calls of Progress: of what a handler
	// tells faster, the latest is told. 0 means none.
	Pause time.Duration

	// Logger gets the errors and panics that the caller is not shown. nil
	// means [slog.Default].
	Logger *slog.Logger

	// Done is called once when the handler has really ended, which is after
	// Execute has returned if it ignores its context. It is where a slot that
	// bounds concurrency is given back. May be nil.
	Done func()
}

// Execute runs h for c and returns what it came to, exactly one [Reply], at the
// latest when c.Remaining has passed (0 means [DefaultTimeout], more than
// [MaxTimeout] is cut to it) or ctx ends. Then the reply is a timeout: a
// handler that ignores its context runs on, alone, and what it says is dropped.
// A panic in h is a reply with bot_error. The reply always keeps the limits of
// [MaxParts] and [MaxReplyBytes].
func Execute(ctx context.Context, h Handler, c Call, o *ExecuteOptions) Reply {
	var opt ExecuteOptions
	if o != nil {
		opt = *o
	}
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	if c.Remaining <= 0 {
		c.Remaining = DefaultTimeout
	}
	c.Remaining = min(c.Remaining, MaxTimeout)
	c.answer = &answer{progress: opt.Progress}
	if opt.Progress != nil && opt.Pause > 0 {
		p := newPacer(opt.Pause, opt.Progress)
		defer p.close()
		c.answer.progress = p.tell
	}

	ctx, cancel := context.WithTimeout(ctx, c.Remaining)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		if opt.Done != nil {
			defer opt.Done()
		}
		var err error = failed(c.Name)
		// Sent by defer, for a handler may end its goroutine by runtime.Goexit.
		defer func() { ended <- err }()
		err = protect(ctx, h, &c, opt.Logger)
	}()

	said := c.answer
	select {
	case err := <-ended:
		return settle(ctx, &c, said.end(), err, opt.Logger)
	case <-ctx.Done():
	}
	select {
	case err := <-ended: // it was in time after all
		return settle(ctx, &c, said.end(), err, opt.Logger)
	default:
		said.end()
		return Reply{Err: timeout(c.Name)}
	}
}

// protect calls h and turns a panic into an error.
func protect(ctx context.Context, h Handler, c *Call, log *slog.Logger) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.ErrorContext(ctx, "command panicked", "bot", c.Bot, "command", c.Name, "call", c.ID,
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = failed(c.Name)
		}
	}()
	return h.HandleCommand(ctx, c)
}

// settle makes the reply of a handler that ended with err.
func settle(ctx context.Context, c *Call, parts []Part, err error, log *slog.Logger) Reply {
	if err == nil {
		return Reply{Parts: parts}
	}
	if e, ok := errors.AsType[*Error](err); ok {
		if e == nil { // a nil *Error in an error: the author meant nil
			return Reply{Parts: parts}
		}
		return Reply{Err: e.fit()}
	}
	if ctx.Err() != nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return Reply{Err: timeout(c.Name)}
	}
	log.ErrorContext(ctx, "command failed", "bot", c.Bot, "command", c.Name, "call", c.ID, "err", err)
	return Reply{Err: failed(c.Name)}
}

// maxMessage is the longest message of an Error in bytes.
const maxMessage = 1000

// fit returns the error within the limits that its fields promise.
func (e *Error) fit() *Error {
	f := *e
	if !validName(f.Code) || strings.Contains(f.Code, "-") {
		f.Code = CodeBotError
	}
	if len(f.Message) > maxMessage {
		cut := maxMessage - len("…")
		for cut > 0 && !utf8.RuneStart(f.Message[cut]) {
			cut--
		}
		f.Message = f.Message[:cut] + "…"
	}
	if checkText(f.Message) != nil {
		f.Message = "The command failed."
	}
	return &f
}

func failed(name string) *Error {
	return &Error{CodeBotError, fmt.Sprintf("/%s failed. The bot's log says why.", name)}
}

func timeout(name string) *Error {
	return &Error{CodeTimeout, fmt.Sprintf("/%s did not answer in time.", name)}
}
