package command

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Log is middleware that logs each call when its handler has ended: who, where,
// what came of it and how long it took, at level Info, and Warn for an error
// that is not the caller's. The arguments are left out, they may be private. A
// nil logger means [slog.Default].
func Log(log *slog.Logger) func(Handler) Handler {
	if log == nil {
		log = slog.Default()
	}
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, c *Call) error {
			start := time.Now()
			outcome := "panic"
			level := slog.LevelWarn
			defer func() {
				log.Log(ctx, level, "command", "bot", c.Bot, "command", c.Name, "call", c.ID, "attempt", c.Attempt,
					"room", c.Room.ID, "user", c.User.ID, "outcome", outcome, "took", time.Since(start))
			}()
			err := next.HandleCommand(ctx, c)
			switch e, ok := errors.AsType[*Error](err); {
			case err == nil, ok && e == nil:
				level, outcome = slog.LevelInfo, "done"
			case ok:
				outcome = e.Code
				if e.Code == CodeUsage || e.Code == CodeForbidden || e.Code == CodeUnknownCommand {
					level = slog.LevelInfo
				}
			case errors.Is(err, context.DeadlineExceeded):
				outcome = CodeTimeout
			default:
				outcome = CodeBotError
			}
			return err
		})
	}
}
