package command

import (
	"fmt"
	"slices"
	"strings"
)

// maxHelp leaves room for the last line within what a message may hold. It
// counts bytes, of which there are never fewer than code points.
const maxHelp = 3600

// Help writes the answer to /help: a list of all commands when topic is empty,
// or everything about the command that topic names, with or without its slash.
// The caller leaves out of specs what the asker may not call. The text can be
// a message.
func Help(specs []Spec, topic string) (string, *Error) {
	topic, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(topic), "/"), " ")
	if topic = asciiLower(topic); topic == "" || topic == "help" {
		return helpList(specs), nil
	}
	i := slices.IndexFunc(specs, func(s Spec) bool { return s.Name == topic })
	if i < 0 {
		return "", Unknown(topic, specs)
	}
	return helpOne(specs[i]), nil
}

func helpList(specs []Spec) string {
	var b strings.Builder
	b.WriteString("/help [command] – this list, or all about one command")
	for i, s := range specs {
		line := "\n" + s.usage()
		if s.Summary != "" {
			line += " – " + s.Summary
		}
		if b.Len()+len(line) > maxHelp {
			fmt.Fprintf(&b, "\n… and %d more", len(specs)-i)
			break
		}
		b.WriteString(line)
	}
	return b.String()
}

func helpOne(s Spec) string {
	var b strings.Builder
	b.WriteString(s.usage())
	if s.Summary != "" {
		b.WriteString("\n" + s.Summary)
	}
	for i, a := range s.Args {
		line := "\n  " + a.describe()
		if b.Len()+len(line) > maxHelp {
			fmt.Fprintf(&b, "\n  … and %d more", len(s.Args)-i)
			break
		}
		b.WriteString(line)
	}
	if len(s.Roles) > 0 {
		b.WriteString("\nFor: " + strings.Join(s.Roles, ", "))
	}
	if s.Bot != "" {
		b.WriteString("\nAnswered by " + s.Bot)
	}
	return b.String()
}

func (s Spec) usage() string {
	if s.Usage != "" {
		return s.Usage
	}
	return usageOf(s.Name, s.Args)
}

// describe is the argument's line in a help text.
func (a Arg) describe() string {
	about := []string{a.Type}
	if len(a.Choices) > 0 {
		about[0] = strings.Join(a.Choices, " | ")
	}
	if a.List {
		about[0] += ", several"
	}
	if !a.Required {
		about = append(about, "optional")
	}
	if a.Default != "" {
		about = append(about, "default "+a.Default)
	}
	if a.Min != "" {
		about = append(about, "min "+a.Min)
	}
	if a.Max != "" {
		about = append(about, "max "+a.Max)
	}
	line := a.Name + " (" + strings.Join(about, ", ") + ")"
	if a.Help != "" {
		line += ": " + a.Help
	}
	return line
}
