package command

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// Router is several bots as one [Handler]. The zero value is an empty Router.
// Like a [Bot], it is filled first and fixed by the first look at its
// commands. All methods may be called concurrently.
type Router struct {
	mu       sync.Mutex // guards commands until they are fixed
	fixed    atomic.Bool
	commands map[string]*registration
	handler  Handler
}

// Mount adds the commands of bots, and fixes those of the bots. A command that
// is there already, of whichever bot, panics with both places.
func (r *Router) Mount(bots ...*Bot) {
	at := caller(1)
	for _, b := range bots {
		for _, s := range b.Specs() {
			r.add(&registration{s, at, b})
		}
	}
}

// Handle adds a command that h gets as it was typed: with c.Args to read
// itself. s needs Bot and Name.
func (r *Router) Handle(s Spec, h Handler) {
	at := caller(1)
	if !validName(s.Bot) {
		panic(fmt.Sprintf("command: %s: bot name %q is not [a-z][a-z0-9_-]{0,%d}", at, s.Bot, MaxNameLen-1))
	}
	if h == nil {
		panic(fmt.Sprintf("command: %s: handler of /%s is nil", at, s.Name))
	}
	r.add(&registration{s, at, h})
}

func (r *Router) add(g *registration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fixed.Load() {
		panic(fmt.Sprintf("command: %s: the router already serves; add /%s before", g.at, g.spec.Name))
	}
	if r.commands == nil {
		r.commands = map[string]*registration{}
	}
	add(r.commands, g)
}

// Specs returns the commands of all bots, sorted by name. Bot says who answers.
func (r *Router) Specs() []Spec {
	r.fix()
	return specsOf(r.commands)
}

// HandleCommand runs the command that c names with the bot that has it.
func (r *Router) HandleCommand(ctx context.Context, c *Call) error {
	r.fix()
	return r.handler.HandleCommand(ctx, c)
}

func (r *Router) fix() {
	if r.fixed.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.fixed.Load() {
		r.handler = dispatch(r.commands)
		r.fixed.Store(true)
	}
}
