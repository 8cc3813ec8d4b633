package commandtest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/command/commandtest"
)

func ExampleRun() {
	bot := command.NewBot("greeter", nil)
	command.Handle(bot, "greet", "Greets somebody", func(_ context.Context, c *command.Call, a struct {
		Name string `cmd:"name,required" help:"who to greet"`
	}) error {
		return c.Sayf("Hello, %s!", a.Name)
	})

	TestGreet := func(t testing.TB) {
		r := commandtest.Run(t, bot, "/greet=Ana", nil)
		if r.Public(0) != "Hello, Ana!" {
			t.Errorf("said %q", r.Public(0))
		}
		r = commandtest.Run(t, bot, "/greet", nil)
		if r.Code() != command.CodeUsage {
			t.Errorf("no usage error but %v", r)
		}
		fmt.Print(r) // a transcript
	}
	TestGreet(exampleT{})
	// Output:
	// error usage: name is missing.
	// Usage: /greet <name>
}

// exampleT stands for the *testing.T that an example has not got.
type exampleT struct{ testing.TB }

func (exampleT) Helper()                           {}
func (exampleT) Context() context.Context          { return context.Background() }
func (exampleT) Log(args ...any)                   { fmt.Println(args...) }
func (exampleT) Errorf(format string, args ...any) { fmt.Printf("FAIL: "+format+"\n", args...) }
