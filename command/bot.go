package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// BotOptions are the options of [NewBot]. nil means all defaults.
type BotOptions struct {
	// Concurrency is how many calls this Bot handles at once, over all its
	// commands, fast and queued together. A fast call more is answered by
	// overloaded, a queued one waits. 0 means 64.
	Concurrency int

	// Grace is how long queued calls may go on after the context of
	// [Bot.Run] has ended; then they are given back to the queue. 0 means
	// 5 s.
	Grace time.Duration

	// Logger gets what goes wrong. nil means [slog.Default].
	Logger *slog.Logger
}

// Bot is a named set of commands, each described and handled in one place by
// [Handle] or [HandleSpec].
//
// A Bot is a [Handler]: given to a chat as it is, its commands are fast, run in
// the chat's process. [Bot.Run] serves the same commands from a queue, in this
// or any other process. All methods may be called concurrently.
//
// Commands and middleware are registered first. The first look at the commands,
// by HandleCommand, Specs or Run, fixes them, and registering more panics.
type Bot struct {
	name  string
	opt   BotOptions
	slots chan struct{}

	mu       sync.Mutex // guards what is below until it is fixed
	fixed    atomic.Bool
	commands map[string]*registration
	wrap     []func(Handler) Handler
	handler  Handler // dispatch in all its middleware, once fixed
}

// registration is one command of a Bot or Router.
type registration struct {
	spec Spec
	at   string // file:line of the program
	Handler
}

// NewBot returns a bot without commands. The name is what people see beside its
// answers and what programs address it by: [a-z][a-z0-9_-]{0,31}; another one
// panics.
func NewBot(name string, o *BotOptions) *Bot {
	if !validName(name) {
		panic(fmt.Sprintf("command: %s: bot name %q is not [a-z][a-z0-9_-]{0,%d}", caller(1), name, MaxNameLen-1))
	}
	b := &Bot{name: name, commands: map[string]*registration{}}
	if o != nil {
		b.opt = *o
	}
	if b.opt.Concurrency <= 0 {
		b.opt.Concurrency = 64
	}
	if b.opt.Logger == nil {
		b.opt.Logger = slog.Default()
	}
	b.slots = make(chan struct{}, b.opt.Concurrency)
	return b
}

// Name returns the bot's name.
func (b *Bot) Name() string { return b.name }

// Use wraps the bot's commands into middleware, the first one outermost. It
// sees every call for the bot, before the caller's role and arguments are
// checked.
func (b *Bot) Use(middleware ...func(Handler) Handler) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fixed.Load() {
		panic(fmt.Sprintf("command: %s: bot %s already serves; Use comes before", caller(1), b.name))
	}
	b.wrap = append(b.wrap, middleware...)
}

// Specs returns the bot's commands, sorted by name.
func (b *Bot) Specs() []Spec {
	b.fix()
	return specsOf(b.commands)
}

// HandleCommand runs the command that c names, in process. It checks the
// caller's role and the arguments by the command's spec.
func (b *Bot) HandleCommand(ctx context.Context, c *Call) error {
	b.fix()
	select {
	case b.slots <- struct{}{}:
	default:
		return &Error{CodeOverloaded, b.name + " is busy. Try again in a moment."}
	}
	defer func() { <-b.slots }()
	return b.handler.HandleCommand(ctx, c)
}

// fix ends the time of registration.
func (b *Bot) fix() {
	if b.fixed.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fixed.Load() {
		return
	}
	b.handler = dispatch(b.commands)
	for _, w := range slices.Backward(b.wrap) {
		b.handler = w(b.handler)
	}
	b.fixed.Store(true)
}

// register adds a command or panics with the place in the program.
func (b *Bot) register(r *registration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fixed.Load() {
		panic(fmt.Sprintf("command: %s: bot %s already serves; register /%s before", r.at, b.name, r.spec.Name))
	}
	r.spec.Bot = b.name
	if len(b.commands) == maxCommands {
		panic(fmt.Sprintf("command: %s: bot %s has %d commands already", r.at, b.name, maxCommands))
	}
	add(b.commands, r)
}

// add puts r into a table of commands or panics.
func add(commands map[string]*registration, r *registration) {
	if err := r.spec.check(); err != nil {
		panic(fmt.Sprintf("command: %s: %v", r.at, err))
	}
	r.spec.complete()
	if have := commands[r.spec.Name]; have != nil {
		panic(fmt.Sprintf("command: %s: /%s of %s is already registered at %s, by %s",
			r.at, r.spec.Name, r.spec.Bot, have.at, have.spec.Bot))
	}
	commands[r.spec.Name] = r
}

func specsOf(commands map[string]*registration) []Spec {
	specs := make([]Spec, 0, len(commands))
	for _, r := range commands {
		specs = append(specs, r.spec)
	}
	slices.SortFunc(specs, func(a, b Spec) int { return strings.Compare(a.Name, b.Name) })
	return specs
}

// dispatch runs the commands of a table, which no longer changes, after
// looking at who calls.
func dispatch(commands map[string]*registration) Handler {
	return HandlerFunc(func(ctx context.Context, c *Call) error {
		r := commands[c.Name]
		if r == nil {
			return Unknown(c.Name, specsOf(commands))
		}
		if !r.spec.Permits(c.User.Role) {
			return forbidden(c.Name, r.spec.Roles)
		}
		err := r.HandleCommand(ctx, c)
		if e, ok := errors.AsType[*Error](err); ok && e != nil && e.Code == CodeUsage {
			return e.withUsage(r.spec)
		}
		return err
	})
}

// withUsage returns the error with the usage of the command in its message.
func (e *Error) withUsage(s Spec) *Error {
	line := "Usage: " + s.Usage
	if strings.Contains(e.Message, line) {
		return e
	}
	return &Error{e.Code, strings.TrimPrefix(e.Message+"\n"+line, "\n")}
}

// caller returns the file:line of the function skip levels above who calls.
func caller(skip int) string {
	_, file, line, ok := runtime.Caller(skip + 1)
	if !ok {
		return "unknown place"
	}
	return fmt.Sprintf("%s:%d", file, line)
}
