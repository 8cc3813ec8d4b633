package command

import (
	"context"
	"log/slog"
)

// Recover is middleware that turns a panic into bot_error and logs it with its
// stack, so that the middleware around it sees an error. [Execute] does the
// same for what no Recover caught. A nil logger means [slog.Default].
func Recover(log *slog.Logger) func(Handler) Handler {
	if log == nil {
		log = slog.Default()
	}
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, c *Call) error { return protect(ctx, next, c, log) })
	}
}
