package transport

import (
	"context"
	"time"
)

// CommandBus carries requests to bots and their results back, at least once.
type CommandBus interface {
	// Send hands r to one of the workers of r.Bot and r.Command. nil means
	// that the broker holds it and will deliver it, unless r.Timeout ends
	// first. Every error but [ErrUnknown] means that it certainly was not
	// sent: [ErrNoHandler] when no worker serves the command now,
	// [ErrOverloaded] when the queue is full, [ErrUnavailable] when the broker
	// can't be reached, [ErrTooLarge], [ErrClosed], or the error of ctx. After
	// [ErrUnknown] the request may be delivered; sending it again with the
	// same ID is safe.
	Send(ctx context.Context, r Request) error

	// Work serves a command: fn is called for each request, by up to
	// o.Concurrency goroutines at once, until ctx ends. All workers of one
	// bot and command, in any process, share one queue.
	//
	// When fn returns nil the [Result] is sent to the store that asked, and
	// only then the request is done. When fn returns an error, panics, or its
	// process dies, the request is delivered again with a higher Attempt,
	// after o.MaxAttempts deliveries it is set aside as a dead letter. An
	// error made by [Reject] sets it aside at once. A request whose Timeout
	// has ended is never delivered.
	//
	// The context that fn gets ends when the request's time does, or
	// o.Grace after ctx ended. Work waits for its fn calls, then returns nil;
	// it returns [ErrClosed] when the broker is closed.
	Work(ctx context.Context, bot, command string, o *WorkOptions, fn func(context.Context, Request) (Result, error)) error

	// Results calls fn with the results for store until ctx ends; up to 16
	// calls may be under way at once. All receivers of one store share the
	// results. When fn returns an error the result is kept and fn is called
	// again, later, as often as it takes; an error made by [Reject] drops it.
	// Results wait up to 15 minutes for a receiver. It returns as
	// [CommandBus.Work] does.
	Results(ctx context.Context, store string, fn func(context.Context, Result) error) error

	// Announce makes a known to all watchers and keeps it known until ctx
	// ends; then it is withdrawn, and Announce returns nil. An announcement
	// whose process dies is forgotten after its TTL.
	Announce(ctx context.Context, a Announcement) error

	// Announcements calls fn with all live announcements, oldest first, after
	// a first round of asking, and again with all of them whenever they
	// change; one call at a time, until ctx ends. fn owns the slice.
	Announcements(ctx context.Context, fn func([]Announcement)) error
}

// Request is a command on its way to a bot.
type Request struct {
	ID      string // names the call; the same on every repeat; 1 to [MaxName] bytes
	Store   string // where the result goes
	Bot     string // who is to answer
	Command string // which of its commands

	// Timeout is how long the answer is of use; above 0. The sender gives the
	// whole time, a worker sees what is left as far as the broker knows. It is a
	// duration so that no two clocks need to agree.
	Timeout time.Duration

	// Attempt is the number of this delivery, from 1. The sender leaves it 0.
	Attempt int

	// Body is opaque here, at most [MaxBody].
	Body []byte
}

// Result is what a worker made of a [Request].
type Result struct {
	// Body is opaque here, at most [MaxBody].
	Body []byte

	// The rest is filled by the broker from the request; a worker can't choose
	// it.
	ID    string // of the request
	Store string // that asked
	Bot   string // that answered
}

// WorkOptions are the options of [CommandBus.Work]. nil means all defaults.
type WorkOptions struct {
	// Concurrency is how many requests one Work call handles at once.
	// 0 means 16.
	Concurrency int

	// MaxAttempts is how often a request is delivered before it is set aside.
	// 0 means 4.
	MaxAttempts int

	// Grace is how long handlers may go on after ctx has ended. 0 means 5 s.
	Grace time.Duration
}

// WithDefaults returns a copy of o with every zero field replaced by its
// default. o may be nil. It is for implementations of [CommandBus], so that all
// have the same defaults.
func (o *WorkOptions) WithDefaults() WorkOptions {
	var c WorkOptions
	if o != nil {
		c = *o
	}
	if c.Concurrency <= 0 {
		c.Concurrency = 16
	}
	if c.MaxAttempts <= 0 {
		c.MaxAttempts = 4
	}
	if c.Grace <= 0 {
		c.Grace = 5 * time.Second
	}
	return c
}

// Announcement says which commands a running bot serves. It carries
// descriptions only: whether a bot is there to answer is decided by
// [CommandBus.Send].
type Announcement struct {
	Bot      string // its name
	Instance string // unique per running process, 1 to 64 bytes

	// Since is when the instance began to serve, by its own clock. It only
	// orders announcements.
	Since time.Time

	// TTL is how long the announcement outlives its process. 0 means 30 s.
	TTL time.Duration

	Body []byte // the commands' specs, opaque here
}
