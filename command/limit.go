package command

import "context"

// Limit is middleware that lets n calls in at once and answers overloaded to
// more. n of 0 or less panics.
func Limit(n int) func(Handler) Handler {
	if n <= 0 {
		panic("command: " + caller(1) + ": Limit needs a positive number")
	}
	return func(next Handler) Handler {
		slots := make(chan struct{}, n)
		return HandlerFunc(func(ctx context.Context, c *Call) error {
			select {
			case slots <- struct{}{}:
			default:
				return &Error{CodeOverloaded, "/" + c.Name + " is busy. Try again in a moment."}
			}
			defer func() { <-slots }()
			return next.HandleCommand(ctx, c)
		})
	}
}
