package command

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type noArgs struct{}

func silent(context.Context, *Call, noArgs) error { return nil }

func run(h Handler, c Call) Reply {
	return Execute(context.Background(), h, c, &ExecuteOptions{Logger: quiet})
}

func TestBotAnswers(t *testing.T) {
	b := NewBot("greeter", nil)
	HandleSpec(b, Spec{Name: "greet", Summary: "Greets", Timeout: time.Second, Roles: []string{"owner", "admin"}},
		func(_ context.Context, c *Call, a struct {
			Name string `cmd:"name,required" help:"who"`
		}) error {
			if a.Name == "nobody" {
				return Usage("name must be somebody.")
			}
			return c.Sayf("Hello, %s!", a.Name)
		})
	Handle(b, "wave", "", silent)
	require.Equal(t, "greeter", b.Name())
	require.Equal(t, []Spec{
		{Bot: "greeter", Name: "greet", Summary: "Greets", Usage: "/greet <name>", Timeout: time.Second, Roles: []string{"owner", "admin"},
			Args: []Arg{{Name: "name", Type: TypeString, Help: "who", Required: true}}},
		{Bot: "greeter", Name: "wave", Usage: "/wave", Timeout: DefaultTimeout},
	}, b.Specs())

	owner, member := User{Role: "owner"}, User{Role: "member"}
	for name, c := range map[string]struct {
		call Call
		want Reply
	}{
		"answer":         {Call{Name: "greet", Args: "Ana", User: owner}, Reply{Parts: []Part{{Text: "Hello, Ana!"}}}},
		"wrong role":     {Call{Name: "greet", Args: "Ana", User: member}, Reply{Err: &Error{CodeForbidden, "/greet is for: owner, admin."}}},
		"no role":        {Call{Name: "greet", Args: "Ana"}, Reply{Err: &Error{CodeForbidden, "/greet is for: owner, admin."}}},
		"missing":        {Call{Name: "greet", User: owner}, Reply{Err: &Error{CodeUsage, "name is missing.\nUsage: /greet <name>"}}},
		"refused":        {Call{Name: "greet", Args: "nobody", User: owner}, Reply{Err: &Error{CodeUsage, "name must be somebody.\nUsage: /greet <name>"}}},
		"silence":        {Call{Name: "wave"}, Reply{}},
		"unknown":        {Call{Name: "wve"}, Reply{Err: &Error{CodeUnknownCommand, "There is no command /wve. Did you mean /wave?"}}},
		"too many words": {Call{Name: "wave", Args: "a \u202Eb"}, Reply{Err: &Error{CodeUsage, "\"a \uFFFDb\" is too much.\nUsage: /wave"}}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, run(b, c.call)) })
	}
}

func TestRegistrationMistakes(t *testing.T) {
	type S = struct {
		A string `cmd:"a"`
	}
	fn := func(context.Context, *Call, S) error { return nil }
	for name, c := range map[string]struct {
		f    func(b *Bot)
		want string
	}{
		"bot name":      {func(*Bot) { NewBot("Stock Bot", nil) }, `bot name "Stock Bot" is not`},
		"command name":  {func(b *Bot) { Handle(b, "Stock", "", fn) }, `command name "Stock" is not`},
		"help":          {func(b *Bot) { Handle(b, "help", "", fn) }, "/help is built into the chat"},
		"twice":         {func(b *Bot) { Handle(b, "a", "", fn); Handle(b, "a", "", fn) }, "/a of bot is already registered at "},
		"no function":   {func(b *Bot) { Handle[S](b, "a", "", nil) }, "function of /a is nil"},
		"long summary":  {func(b *Bot) { Handle(b, "a", strings.Repeat("s", 201), fn) }, "summary is longer than 200 bytes"},
		"two lines":     {func(b *Bot) { Handle(b, "a", "a\nb", fn) }, "summary is not a single line"},
		"bad text":      {func(b *Bot) { Handle(b, "a", "a\x00b", fn) }, "control character"},
		"long timeout":  {func(b *Bot) { HandleSpec(b, Spec{Name: "a", Timeout: time.Hour}, fn) }, "timeout of /a"},
		"role":          {func(b *Bot) { HandleSpec(b, Spec{Name: "a", Roles: []string{"boss"}}, fn) }, `role "boss" is not`},
		"args given":    {func(b *Bot) { HandleSpec(b, Spec{Name: "a", Args: []Arg{{}}}, fn) }, "are not empty"},
		"bot given":     {func(b *Bot) { HandleSpec(b, Spec{Name: "a", Bot: "b"}, fn) }, "are not empty"},
		"after serving": {func(b *Bot) { b.Specs(); Handle(b, "a", "", fn) }, "already serves"},
		"use after":     {func(b *Bot) { b.Specs(); b.Use() }, "already serves"},
		"no struct":     {func(b *Bot) { Handle(b, "a", "", func(context.Context, *Call, string) error { return nil }) }, "are string, not a struct"},
		"untagged":      {func(b *Bot) { handleArgs[struct{ A string }](b) }, "field A has no cmd tag"},
		"unexported": {func(b *Bot) {
			handleArgs[struct {
				a string `cmd:"a"`
			}](b)
		}, "field a has a cmd tag but is not exported"},
		"argument name": {func(b *Bot) {
			handleArgs[struct {
				A string `cmd:"A b"`
			}](b)
		}, `argument "A b": name is not`},
		"same argument": {func(b *Bot) {
			handleArgs[struct {
				A, B string `cmd:"a"`
			}](b)
		}, "two arguments are called a"},
		"type": {func(b *Bot) {
			handleArgs[struct {
				A float64 `cmd:"a"`
			}](b)
		}, "type float64 is not"},
		"option": {func(b *Bot) {
			handleArgs[struct {
				A string `cmd:"a,needed"`
			}](b)
		}, `option "needed" is unknown`},
		"option of type": {func(b *Bot) {
			handleArgs[struct {
				A int `cmd:"a,user"`
			}](b)
		}, "option user is for a string"},
		"two options": {func(b *Bot) {
			handleArgs[struct {
				A string `cmd:"a,rest,user"`
			}](b)
		}, "option user is for a string, and alone"},
		"enum of type": {func(b *Bot) {
			handleArgs[struct {
				A int `cmd:"a" enum:"1|2"`
			}](b)
		}, "enum is for a plain string"},
		"enum empty": {func(b *Bot) {
			handleArgs[struct {
				A string `cmd:"a" enum:"b|"`
			}](b)
		}, "empty choice"},
		"min": {func(b *Bot) {
			handleArgs[struct {
				A int `cmd:"a" min:"x"`
			}](b)
		}, `min "x"`},
		"max": {func(b *Bot) {
			handleArgs[struct {
				A int `cmd:"a" max:"1.5"`
			}](b)
		}, `max "1.5"`},
		"min over max": {func(b *Bot) {
			handleArgs[struct {
				A int `cmd:"a" min:"2" max:"1"`
			}](b)
		}, "min 2 is over max 1"},
		"min of a bool": {func(b *Bot) {
			handleArgs[struct {
				A bool `cmd:"a" min:"2"`
			}](b)
		}, "mean nothing for type bool"},
		"default": {func(b *Bot) {
			handleArgs[struct {
				A int `cmd:"a" default:"x"`
			}](b)
		}, "default: must be a whole number"},
		"default range": {func(b *Bot) {
			handleArgs[struct {
				A int `cmd:"a" default:"3" max:"2"`
			}](b)
		}, "default: must be at most 2"},
		"useless default": {func(b *Bot) {
			handleArgs[struct {
				A int `cmd:"a,required" default:"3"`
			}](b)
		}, "has no default"},
		"after rest": {func(b *Bot) {
			handleArgs[struct {
				A string `cmd:"a,rest"`
				B string `cmd:"b"`
			}](b)
		}, "nothing can follow a"},
		"required late": {func(b *Bot) {
			handleArgs[struct {
				A string `cmd:"a"`
				B string `cmd:"b,required"`
			}](b)
		}, "a required argument can't follow the optional a"},
		"limit":   {func(*Bot) { Limit(0) }, "Limit needs a positive number"},
		"timeout": {func(*Bot) { Timeout(0) }, "Timeout needs a positive duration"},
		"roles":   {func(*Bot) { Roles() }, "Roles needs a role"},
		"no role": {func(*Bot) { Roles("owner", "boss") }, `role "boss" is not owner, admin or member`},
		"router twice": {func(b *Bot) {
			Handle(b, "a", "", fn)
			other := NewBot("other", nil)
			Handle(other, "a", "", fn)
			new(Router).Mount(b, other)
		}, "/a of other is already registered at "},
		"router after":   {func(b *Bot) { Handle(b, "a", "", fn); var r Router; r.Specs(); r.Mount(b) }, "already serves"},
		"router bot":     {func(*Bot) { new(Router).Handle(Spec{Name: "a"}, HandlerFunc(nil)) }, `bot name "" is not`},
		"router handler": {func(*Bot) { new(Router).Handle(Spec{Bot: "b", Name: "a"}, nil) }, "handler of /a is nil"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				text, _ := recover().(string)
				require.Contains(t, text, c.want)
				require.Regexp(t, `^command: .*bot_test\.go:\d+: `, text, "the place of the mistake comes first")
			}()
			c.f(NewBot("bot", nil))
		})
	}
}

func handleArgs[A any](b *Bot) {
	Handle(b, "a", "", func(context.Context, *Call, A) error { return nil })
}

func TestBotBoundsItsCalls(t *testing.T) {
	b := NewBot("busy", &BotOptions{Concurrency: 1})
	in, out := make(chan struct{}), make(chan struct{})
	Handle(b, "wait", "", func(context.Context, *Call, noArgs) error {
		in <- struct{}{}
		<-out
		return nil
	})
	first := make(chan Reply)
	go func() { first <- run(b, Call{Name: "wait"}) }()
	<-in
	require.Equal(t, Reply{Err: &Error{CodeOverloaded, "busy is busy. Try again in a moment."}}, run(b, Call{Name: "wait"}))
	close(out)
	require.Equal(t, Reply{}, <-first)
	go func() { <-in }()
	require.Equal(t, Reply{}, run(b, Call{Name: "wait"}), "the slot is free again")
}

func TestUseWrapsInOrder(t *testing.T) {
	var trail []string
	tag := func(name string) func(Handler) Handler {
		return func(next Handler) Handler {
			return HandlerFunc(func(ctx context.Context, c *Call) error {
				trail = append(trail, name)
				return next.HandleCommand(ctx, c)
			})
		}
	}
	b := NewBot("bot", nil)
	b.Use(tag("outer"), tag("middle"))
	b.Use(tag("inner"))
	Handle(b, "go", "", silent)
	require.Equal(t, Reply{}, run(b, Call{Name: "go"}))
	require.Equal(t, CodeUnknownCommand, run(b, Call{Name: "stop"}).Err.Code)
	require.Equal(t, []string{"outer", "middle", "inner", "outer", "middle", "inner"}, trail)
}

func TestRouter(t *testing.T) {
	var none Router
	require.Empty(t, none.Specs())
	require.Equal(t, CodeUnknownCommand, run(&none, Call{Name: "a"}).Err.Code)

	one, two := NewBot("one", nil), NewBot("two", nil)
	for _, b := range []*Bot{one, two} {
		Handle(b, "say-"+b.Name(), "", func(_ context.Context, c *Call, _ noArgs) error { return c.Say(b.Name()) })
	}
	var r Router
	r.Mount(two, one)
	r.Handle(Spec{Bot: "raw", Name: "echo", Roles: []string{"member"}}, HandlerFunc(func(_ context.Context, c *Call) error {
		if c.Args == "" {
			return Usage("")
		}
		return c.Say(c.Args)
	}))
	var names []string
	for _, s := range r.Specs() {
		names = append(names, s.Bot+" "+s.Name)
	}
	require.Equal(t, []string{"raw echo", "one say-one", "two say-two"}, names)
	require.Equal(t, "two", run(&r, Call{Name: "say-two"}).Parts[0].Text)
	require.Equal(t, `a "b`, run(&r, Call{Name: "echo", Args: `a "b`, User: User{Role: "member"}}).Parts[0].Text)
	require.Equal(t, "Usage: /echo", run(&r, Call{Name: "echo", User: User{Role: "member"}}).Err.Message)
	require.Equal(t, CodeForbidden, run(&r, Call{Name: "echo", User: User{Role: "guest"}}).Err.Code)
	require.Equal(t, "There is no command /say-on. Did you mean /say-one?", run(&r, Call{Name: "say-on"}).Err.Message)
}

func TestMiddleware(t *testing.T) {
	var l logs
	b := NewBot("bot", nil)
	b.Use(Log(l.logger()), Recover(l.logger()), Timeout(time.Millisecond), Limit(1))
	Handle(b, "fine", "", silent)
	Handle(b, "boom", "", func(context.Context, *Call, noArgs) error { panic("bang") })
	Handle(b, "slow", "", func(ctx context.Context, _ *Call, _ noArgs) error { <-ctx.Done(); return ctx.Err() })
	Handle(b, "bad", "", func(context.Context, *Call, noArgs) error { return errors.New("secret") })
	inner := b.Specs()
	require.Len(t, inner, 4)

	require.Equal(t, Reply{}, run(b, Call{ID: "c1", Name: "fine", Args: ""}))
	require.Equal(t, Reply{Err: failed("boom")}, run(b, Call{Name: "boom"}))
	require.Equal(t, Reply{Err: timeout("slow")}, run(b, Call{Name: "slow"}))
	require.Equal(t, Reply{Err: failed("bad")}, run(b, Call{Name: "bad"}))
	require.Equal(t, CodeUsage, run(b, Call{Name: "fine", Args: "private words"}).Err.Code)
	for _, want := range []string{
		"level=INFO msg=command bot=\"\" command=fine call=c1", "outcome=done", "outcome=usage",
		"panic=bang", "bot_test.go", "level=WARN msg=command", "outcome=timeout", "outcome=bot_error",
	} {
		require.Contains(t, l.String(), want)
	}
	require.NotContains(t, l.String(), "private words")
	require.Equal(t, 5, strings.Count(l.String(), "msg=command "), "one line for each call")
}

func TestLimit(t *testing.T) {
	in, out := make(chan struct{}), make(chan struct{})
	h := Limit(1)(HandlerFunc(func(context.Context, *Call) error { in <- struct{}{}; <-out; return nil }))
	first := make(chan Reply)
	go func() { first <- run(h, Call{Name: "go"}) }()
	<-in
	require.Equal(t, CodeOverloaded, run(h, Call{Name: "go"}).Err.Code)
	close(out)
	require.Equal(t, Reply{}, <-first)
}

func TestRoles(t *testing.T) {
	may := []string{"owner", "admin"}
	b := NewBot("bot", nil)
	b.Use(Roles(may...))
	may[0] = "member" // a slice of the caller
	ran := 0
	Handle(b, "go", "", func(context.Context, *Call, noArgs) error { ran++; return nil })
	for _, role := range []string{"owner", "admin"} {
		require.Equal(t, Reply{}, run(b, Call{Name: "go", User: User{Role: role}}), role)
	}
	for _, role := range []string{"member", "", "Owner"} {
		want := Reply{Err: &Error{CodeForbidden, "/go is for: owner, admin."}}
		require.Equal(t, want, run(b, Call{Name: "go", User: User{Role: role}}), role)
	}
	require.Equal(t, 2, ran, "the handler sees who may call, and nobody else")
}
