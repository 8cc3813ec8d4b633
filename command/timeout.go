package command

import (
	"context"
	"errors"
	"time"
)

// Timeout is middleware that ends the context of a handler after d, if the
// call's deadline is not earlier, and answers timeout when the handler returns
// because of it. It can't lengthen what the [Spec] gives. d of 0 or less
// panics.
func Timeout(d time.Duration) func(Handler) Handler {
	if d <= 0 {
		panic("command: " + caller(1) + ": Timeout needs a positive duration")
	}
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, c *Call) error {
			ctx, cancel := context.WithTimeout(ctx, d)
			defer cancel()
			err := next.HandleCommand(ctx, c)
			if err != nil && ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
				return timeout(c.Name)
			}
			return err
		})
	}
}
