package commandtest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/command/commandtest"
	"github.com/carlware/gochat/stock"
	"github.com/carlware/gochat/transport/memory"
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

// What the comment of this package begins with.
func ExampleResult_Public() {
	TestQuote := func(t testing.TB) {
		r := commandtest.Run(t, stock.NewBot(stock.Sample{}, nil), "/stock=aapl.us", nil)
		if got := r.Public(0); got != "AAPL.US quote is $93.42 per share. (sample data)" {
			t.Errorf("said %q", got)
		}
		fmt.Print(r)
	}
	TestQuote(exampleT{})
	// Output: room: AAPL.US quote is $93.42 per share. (sample data)
}

// A conversation is a file, here one with
//
//	> /greet Bo
//	room: Hello, Bo!
//
// A test that fails says which line it was. With -commandtest.update it writes
// the file instead.
func ExampleTranscript() {
	bot := command.NewBot("greeter", nil)
	command.Handle(bot, "greet", "", func(_ context.Context, c *command.Call, a struct {
		Name string `cmd:"name,required"`
	}) error {
		return c.Sayf("Good day, %s!", a.Name)
	})

	TestGreet := func(t testing.TB) { commandtest.Transcript(t, bot, "testdata/greet.txt", nil) }
	TestGreet(exampleT{})
	// Output:
	// FAIL: commandtest: testdata/greet.txt:2: after "> /greet Bo"
	//   want room: Hello, Bo!
	//   got  room: Good day, Bo!
}

// Every broker may deliver a call twice. Here a bot does so often enough for a
// test to see that its side effect happens once.
func ExampleFaulty() {
	var mu sync.Mutex
	paid := map[string]bool{}
	bot := command.NewBot("bank", nil)
	command.Handle(bot, "pay", "", func(_ context.Context, c *command.Call, _ struct{}) error {
		mu.Lock()
		defer mu.Unlock()
		if !paid[c.ID] { // the same id on every delivery
			paid[c.ID] = true
			fmt.Println("pays")
		}
		return c.Ephemeral("Paid.")
	})

	TestPaysOnce := func(t testing.TB) {
		broker := commandtest.Faulty(memory.New(nil), &commandtest.Faults{Requests: commandtest.Rates{Duplicate: 1}})
		chat := commandtest.Behind(t, broker, bot)
		fmt.Print(chat.Run("/pay", nil))
		fmt.Println("duplicated:", broker.Faults().Duplicated)
	}
	t := exampleT{cleanup: new([]func())}
	TestPaysOnce(t)
	t.end()
	// Output:
	// pays
	// caller: Paid.
	// duplicated: 1
}

// exampleT stands for the *testing.T that an example has not got.
type exampleT struct {
	testing.TB
	cleanup *[]func()
}

func (exampleT) Helper()                           {}
func (exampleT) Context() context.Context          { return context.Background() }
func (exampleT) Log(args ...any)                   { fmt.Println(args...) }
func (exampleT) Errorf(format string, args ...any) { fmt.Printf("FAIL: "+format+"\n", args...) }
func (t exampleT) Cleanup(f func())                { *t.cleanup = append(*t.cleanup, f) }

func (t exampleT) end() {
	for _, f := range *t.cleanup {
		f()
	}
}
