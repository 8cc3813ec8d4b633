// Package commandtest tests a bot without a broker or a server.
//
//	r := commandtest.Run(t, stock.NewBot(stock.Sample{}, nil), "/stock=aapl.us", nil)
//	if got := r.Public(0); got != "AAPL.US quote is $93.42 per share. (sample data)" {
//		t.Errorf("said %q", got)
//	}
//
// [Run] goes the way that a chat goes: the line is parsed, the timeout comes
// from the command's spec, the reply keeps the limits, a panic is a bot_error.
// The [Result] has everything that was said, to whomever.
//
// # Conversations
//
// [Transcript] plays a file of lines, by several people if need be, and
// compares what comes of each with what stands below it in the file. It is
// quicker to read than a table of tests, and writes itself:
//
//	commandtest.Transcript(t, bot, "testdata/greet.txt", nil)
//
//	go test . -commandtest.update
//
// # Time
//
// The clock is that of package [testing/synctest]: in its bubble a deadline of
// 15 minutes takes none of them, and Run, Transcript and [Behind] all work
// there.
//
// # The queue and its faults
//
// A bot behind a broker may get a call twice, late, out of order, or die with
// it. [Behind] runs a bot behind a broker, with the chat's side in your hands,
// and [Faulty] makes any broker as bad as it is allowed to be, and a little
// worse, in a way that a seed repeats.
package commandtest

import (
	"cmp"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carlware/gochat/command"
)

// Options say who calls, where and how. nil means all defaults.
type Options struct {
	User command.User // default {"u-ana", "Ana", "member"}, field by field
	Room command.Room // default {"r-general", "General", "public"}, field by field

	ID      string // of the call; default "test-call"
	Attempt int    // default 1

	// Timeout is the time to answer. 0 means that of the command's spec.
	Timeout time.Duration

	// Logger gets what the caller is not shown. nil means the test's log.
	Logger *slog.Logger
}

// Result is what came of a command.
type Result struct {
	// Reply is what the chat stores and shows.
	command.Reply

	// Progress is what was told on the way.
	Progress []string
}

// Run runs one command line with h and returns what came of it. The context of
// the handler ends with the test at the latest. A line that can't be parsed is
// a result too, with an error as the chat would show it.
func Run(t testing.TB, h command.Handler, line string, o *Options) Result {
	t.Helper()
	var opt Options
	if o != nil {
		opt = *o
	}
	name, args, err := command.Parse(line)
	if err != nil {
		e, _ := errors.AsType[*command.Error](err)
		return Result{Reply: command.Reply{Err: e}}
	}
	c := opt.call(name, args, line)
	if d, ok := h.(command.Specs); ok {
		for _, s := range d.Specs() {
			if s.Name == name {
				c.Bot, c.Remaining = s.Bot, cmp.Or(opt.Timeout, s.Timeout)
			}
		}
	}
	var r Result
	w := &testLog{t: t}
	defer w.end()
	r.Reply = command.Execute(t.Context(), h, c, &command.ExecuteOptions{
		Progress: func(text string) { r.Progress = append(r.Progress, text) },
		Logger:   cmp.Or(opt.Logger, slog.New(slog.NewTextHandler(w, nil))),
	})
	return r
}

// call is the call of a line by o.
func (o *Options) call(name, args, line string) command.Call {
	return command.Call{
		ID: cmp.Or(o.ID, "test-call"), Name: name, Args: args, Line: line,
		User: command.User{
			ID:   cmp.Or(o.User.ID, "u-ana"),
			Name: cmp.Or(o.User.Name, "Ana"),
			Role: cmp.Or(o.User.Role, "member"),
		},
		Room: command.Room{
			ID:   cmp.Or(o.Room.ID, "r-general"),
			Name: cmp.Or(o.Room.Name, "General"),
			Kind: cmp.Or(o.Room.Kind, "public"),
		},
		Remaining: o.Timeout,
		Attempt:   cmp.Or(o.Attempt, 1),
	}
}

// Public returns the i-th text that everybody sees, from 0, or "" when there
// are not so many.
func (r Result) Public(i int) string { return nth(r.Parts, i, false) }

// Ephemeral returns the i-th text that only the caller sees, from 0, or ""
// when there are not so many.
func (r Result) Ephemeral(i int) string { return nth(r.Parts, i, true) }

// Code returns the code of the error, or "" without one.
func (r Result) Code() string {
	if r.Err == nil {
		return ""
	}
	return r.Err.Code
}

// String writes the result as a transcript, one line for each thing that was
// shown, with who saw it.
func (r Result) String() string {
	var b strings.Builder
	r.each(func(who, text string) { b.WriteString(who + ": " + text + "\n") })
	if b.Len() == 0 {
		return "silence\n"
	}
	return b.String()
}

// each calls fn for each thing that was shown.
func (r Result) each(fn func(who, text string)) {
	for _, s := range r.Progress {
		fn("progress", s)
	}
	for _, p := range r.Parts {
		if p.Ephemeral {
			fn("caller", p.Text)
		} else {
			fn("room", p.Text)
		}
	}
	if r.Err != nil {
		fn("error "+r.Err.Code, r.Err.Message)
	}
}

func nth(parts []command.Part, i int, ephemeral bool) string {
	for _, p := range parts {
		if p.Ephemeral == ephemeral {
			if i == 0 {
				return p.Text
			}
			i--
		}
	}
	return ""
}

// testLog writes to the log of a test while Run runs: a handler that ignores
// its deadline may log when the test has ended, which would panic.
type testLog struct {
	mu    sync.Mutex
	t     testing.TB
	ended bool
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.t.Helper()
		l.t.Log(strings.TrimSuffix(string(p), "\n"))
	}
	return len(p), nil
}

func (l *testLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}
