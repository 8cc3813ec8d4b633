package commandtest

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/carlware/gochat/command"
)

// The name is long so that it meets no -update of the program that is tested.
var update = flag.Bool("commandtest.update", false, "write the transcripts of commandtest anew instead of comparing them")

// typed is a line of a transcript that somebody types: who, with which role,
// and what.
var typed = regexp.MustCompile(`^(?:([\pL\pN._-]+)(?: \((owner|admin|member)\))?)?> (.*)$`)

// Transcript plays the lines of a file with h, one after the other, and reports
// an error where what comes of a line is not what the file says. The test flag
// -commandtest.update writes into the file what came, for you to review.
//
//	# What follows a # is a comment.
//	> /greet Bo
//	room: Hello, Bo!
//
//	Bo> /greet
//	error usage: name is missing.
//	  | Usage: /greet <name>
//
//	Eve (owner)> /hush 5m
//	caller: You won't hear of me for 5 minutes.
//
//	wait 5m
//
// "> " begins a line that the user of o types. A name before it is another
// user: Bo has the id u-bo, and the role member unless another one follows in
// parentheses. Below it stands what [Result.String] says, with "  | " before
// the further lines of a text. "wait" and a duration let time pass, which is
// for tests in a bubble of [testing/synctest]. Calls have the ids test-call-1,
// test-call-2 and so on, after o.ID in place of test-call if that is set. o may
// be nil.
func Transcript(t testing.TB, h command.Handler, file string, o *Options) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("commandtest: %v", err)
		return
	}
	want := strings.ReplaceAll(string(data), "\r\n", "\n")
	got, lines, err := play(t, h, want, o)
	switch {
	case err != nil:
		t.Fatalf("commandtest: %s: %v", file, err)
	case lines == 0:
		t.Fatalf("commandtest: nobody types anything in %s", file)
	case got == want:
	case *update:
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatalf("commandtest: %v", err)
		}
	default:
		t.Errorf("commandtest: %s", difference(file, want, got))
	}
}

// play returns the script with what came of its lines, and how many there are.
func play(t testing.TB, h command.Handler, script string, o *Options) (played string, lines int, err error) {
	t.Helper()
	var out strings.Builder
	answer := false // in what was said at the last line
	for i, line := range strings.Split(strings.TrimSuffix(script, "\n"), "\n") {
		by := typed.FindStringSubmatch(line)
		if by == nil && strings.HasPrefix(line, "wait ") {
			d, err := time.ParseDuration(strings.TrimSpace(line[len("wait "):]))
			if err != nil {
				return "", 0, fmt.Errorf("line %d: %w", i+1, err)
			}
			time.Sleep(d)
		}
		quiet := line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "wait ")
		switch {
		case by != nil:
			out.WriteString(line + "\n")
			lines++
			r := Run(t, h, by[3], as(o, by[1], by[2], lines))
			out.WriteString(r.indented())
			answer = true
			continue
		case answer && !quiet:
			continue // what was said another time
		case !quiet:
			return "", 0, fmt.Errorf("line %d: %q is no line that somebody types", i+1, line)
		}
		answer = false
		out.WriteString(line + "\n")
	}
	return out.String(), lines, nil
}

// as returns o for the n-th call of a transcript, by the user called name.
func as(o *Options, name, role string, n int) *Options {
	var c Options
	if o != nil {
		c = *o
	}
	if c.ID == "" {
		c.ID = "test-call"
	}
	c.ID = fmt.Sprintf("%s-%d", c.ID, n)
	if name != "" {
		c.User = command.User{ID: "u-" + strings.ToLower(name), Name: name, Role: role}
	}
	return &c
}

// indented is String with a mark before each further line of a text.
func (r Result) indented() string {
	var b strings.Builder
	add := func(who, text string) {
		for i, line := range strings.Split(text, "\n") {
			if i == 0 {
				line = who + ": " + line
			} else {
				line = "  | " + line
			}
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	r.each(add)
	if b.Len() == 0 {
		return "silence\n"
	}
	return b.String()
}

// difference shows the first lines that differ.
func difference(file, want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < min(len(w), len(g)) && w[i] == g[i] {
		i++
	}
	at := func(lines []string) string {
		if i < len(lines) && lines[i] != "" {
			return lines[i]
		}
		return "(nothing)"
	}
	last := ""
	for _, line := range g[:i] {
		if typed.MatchString(line) {
			last = line
		}
	}
	return fmt.Sprintf("%s:%d: after %q\n  want %s\n  got  %s", file, i+1, last, at(w), at(g))
}
