package command

import (
	"context"
	"fmt"
	"reflect"
)

// Handle registers a command whose arguments are the struct type A. It is
// [HandleSpec] for a command with default timeout that anybody may call.
//
// Each exported field of A is an argument and has a cmd tag, its name and
// options separated by commas:
//
//	cmd:"symbol"            an optional argument
//	cmd:"symbol,required"   one that must be there
//	cmd:"text,rest"         a string: the line that is left, as typed
//	cmd:"price,decimal"     a string: a number as in 12.50, without exponent
//	cmd:"who,user"          a string: a user, typed with or without @
//	cmd:"where,room"        a string: a room, typed with or without #
//	cmd:"-"                 no argument
//
// and may have more tags:
//
//	help:"ticker, e.g. aapl.us"   for /help
//	default:"10"                  the value when nothing is given
//	enum:"buy|sell"               a string: one of these, whatever its case
//	min:"1" max:"5"               the least and most of an int, a duration or a
//	                              decimal, of the characters of a string, of
//	                              the values of a list
//
// The types are string, []string, the signed integers, bool and
// time.Duration. A []string takes all words that are left. People give
// arguments in the order of the fields or as name=value; quotes hold blanks.
// What they get wrong is answered by a usage error that names the argument, and
// fn is not called.
//
// A mistake in a registration panics with the place of the call: a bad name or
// tag, an argument after a list or rest, a required one after an optional one,
// or a command that is there already.
func Handle[A any](b *Bot, name, summary string, fn func(ctx context.Context, c *Call, args A) error) {
	handle(b, Spec{Name: name, Summary: summary}, caller(1), fn)
}

// HandleSpec registers a command with what s says: Name, Summary, Timeout,
// Roles, and Usage if the one made from the arguments does not serve. Bot and
// Args must be empty, they come from b and A; see [Handle].
func HandleSpec[A any](b *Bot, s Spec, fn func(ctx context.Context, c *Call, args A) error) {
	handle(b, s, caller(1), fn)
}

func handle[A any](b *Bot, s Spec, at string, fn func(context.Context, *Call, A) error) {
	if s.Bot != "" || s.Args != nil {
		panic(fmt.Sprintf("command: %s: Bot and Args of the spec of /%s are not empty", at, s.Name))
	}
	if fn == nil {
		panic(fmt.Sprintf("command: %s: function of /%s is nil", at, s.Name))
	}
	p, err := planOf(reflect.TypeFor[A]())
	if err != nil {
		panic(fmt.Sprintf("command: %s: /%s: %v", at, s.Name, err))
	}
	s.Args = p.args()
	b.register(&registration{s, at, HandlerFunc(func(ctx context.Context, c *Call) error {
		var args A
		if err := p.decode(c.Args, reflect.ValueOf(&args).Elem()); err != nil {
			return err
		}
		return fn(ctx, c, args)
	})})
}
