package command

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carlware/gochat/internal/text"
)

// maxCompletions is how many choices [Complete] offers at the most.
const maxCompletions = 20

// Completion is what [Complete] found for a place in a command line.
type Completion struct {
	// Start and End are the bytes of the line that a choice replaces. The
	// cursor is between them.
	Start, End int

	// Choices are ways to go on; there may be none.
	Choices []Choice

	// Arg describes the argument at the cursor, nil when it is in the
	// command's name or behind all arguments. It is for a hint, and says when
	// users or rooms can be offered, which only the chat knows.
	Arg *Arg
}

// Choice is one way to go on with a command line.
type Choice struct {
	Text string `json:"text"`           // what to insert: quoted, if need be
	Help string `json:"help,omitempty"` // what it is, for people
}

// Complete offers ways to go on with a command line at the cursor, a number of
// bytes of it; one outside of the line or within a character is moved into
// place. In the name of the command these are the names that begin as typed,
// or else up to three that may have been meant; in the arguments the choices of
// the one at the cursor, then the names, as in "side=", of those that are not
// given. What can't be a command line gets no choices.
//
// It offers at most 20.
//
// The caller leaves out of specs what the asker may not call, as for [Help],
// and does not change them meanwhile.
func Complete(specs []Spec, line string, cursor int) Completion {
	cursor = min(max(cursor, 0), len(line))
	for cursor > 0 && cursor < len(line) && !utf8.RuneStart(line[cursor]) {
		cursor--
	}
	none := Completion{Start: cursor, End: cursor}
	if !strings.HasPrefix(line, "/") || strings.HasPrefix(line, "//") || cursor == 0 ||
		len(line) > text.MaxBytes || !utf8.ValidString(line) || strings.Contains(line, "\n") {
		return none
	}
	end := strings.IndexFunc(line, endsName)
	if end < 0 {
		end = len(line)
	}
	if cursor <= end {
		return completeName(specs, line, cursor, end)
	}
	_, sep := utf8.DecodeRuneInString(line[end:])
	begin := min(end+sep, cursor)
	name := asciiLower(line[1:end])
	if name == "help" {
		return completeTopic(specs, line, begin, cursor)
	}
	i := slices.IndexFunc(specs, func(s Spec) bool { return s.Name == name })
	if i < 0 {
		return none
	}
	return completeArgs(specs[i].Args, line, begin, cursor)
}

func endsName(r rune) bool { return r == '=' || unicode.IsSpace(r) }

var helpSpec = Spec{Name: "help", Summary: "What commands there are", Args: []Arg{{Name: "command"}}}

func isHelp(s Spec) bool { return s.Name == helpSpec.Name }

// completeName completes the name of a command, which goes up to end.
func completeName(specs []Spec, line string, cursor, end int) Completion {
	c := Completion{Start: 0, End: end}
	specs = append(slices.DeleteFunc(slices.Clone(specs), isHelp), helpSpec) // a chat may list it
	offer := func(s Spec) {
		insert := "/" + s.Name
		if end == len(line) && len(s.Args) > 0 {
			insert += " "
		}
		c.add(Choice{insert, s.Summary})
	}
	typed := asciiLower(line[1:cursor])
	for _, s := range specs {
		if strings.HasPrefix(s.Name, typed) {
			offer(s)
		}
	}
	if len(c.Choices) > 0 {
		return c
	}
	for _, near := range nearest(typed, specs, 3) {
		offer(specs[slices.IndexFunc(specs, func(s Spec) bool { return s.Name == near })])
	}
	return c
}

// completeTopic completes what follows /help.
func completeTopic(specs []Spec, line string, begin, cursor int) Completion {
	typed := strings.TrimLeftFunc(line[begin:cursor], unicode.IsSpace)
	start := cursor - len(typed)
	if strings.ContainsFunc(typed, unicode.IsSpace) {
		return Completion{Start: cursor, End: cursor}
	}
	c := Completion{Start: start, End: cursor + len(untilBlank(line[cursor:]))}
	for _, s := range specs {
		if !isHelp(s) && strings.HasPrefix(s.Name, strings.TrimPrefix(asciiLower(typed), "/")) {
			c.add(Choice{s.Name, s.Summary})
		}
	}
	return c
}

// completeArgs completes the argument at the cursor. It goes through those
// before it as [plan.decode] does.
func completeArgs(args []Arg, line string, begin, cursor int) Completion {
	given := make([]bool, len(args))
	named := func(key string) int { return slices.IndexFunc(args, func(a Arg) bool { return a.Name == key }) }
	s := splitter{args: line[:cursor], pos: begin}
	for next := 0; ; {
		key, more := s.next(func(key string) bool { return named(key) >= 0 })
		i := named(key)
		if key == "" {
			for next < len(args) && given[next] && !args[next].List {
				next++
			}
			i = next
		}
		start, value := s.pos, ""
		var err *Error
		if more && (i >= len(args) || !args[i].Rest) {
			value, err = s.value()
		}
		if more && err == nil && s.pos < cursor && (i >= len(args) || !args[i].Rest) {
			if i < len(args) {
				given[i] = true
			}
			continue // a word before the cursor
		}
		// The word at the cursor; nothing, a part, or a quote that is open.
		if err != nil {
			value = strings.ReplaceAll(line[start:cursor], `\`, "")
			if first, size := utf8.DecodeRuneInString(value); isQuote(first) {
				value = value[size:]
			}
		}
		c := Completion{Start: start, End: start + wordLen(line, start, cursor)}
		if i < len(args) && (!given[i] || args[i].List) {
			c.Arg = new(args[i])
			c.offerValues(args[i], value)
			given[i] = true
		}
		if key == "" && err == nil {
			c.offerNames(args, given, line[start:cursor])
		}
		return c
	}
}

// wordLen is the length of the word that begins at start and reaches the cursor
// or goes beyond it.
func wordLen(line string, start, cursor int) int {
	if first, _ := utf8.DecodeRuneInString(line[start:]); start < cursor && isQuote(first) {
		s := splitter{args: line, pos: start}
		if _, err := s.quoted(); err == nil && s.pos >= cursor {
			return s.pos - start
		}
		return cursor - start
	}
	return cursor - start + len(untilBlank(line[cursor:]))
}

// offerValues adds the values of an argument that begin as typed.
func (c *Completion) offerValues(a Arg, typed string) {
	values := a.Choices
	if a.Type == TypeBool {
		values = []string{"yes", "no"}
	}
	typed = strings.ToLower(typed)
	for _, v := range values {
		if strings.HasPrefix(strings.ToLower(v), typed) {
			c.add(Choice{quote(v), a.Help})
		}
	}
}

// offerNames adds the names of the arguments that are not given and begin as
// typed; without anything typed those of the optional ones.
func (c *Completion) offerNames(args []Arg, given []bool, typed string) {
	for i, a := range args {
		if !given[i] && strings.HasPrefix(a.Name, asciiLower(typed)) && (typed != "" || !a.Required) {
			c.add(Choice{a.Name + "=", a.Help})
		}
	}
}

func (c *Completion) add(choice Choice) {
	if len(c.Choices) < maxCompletions {
		c.Choices = append(c.Choices, choice)
	}
}

// quote writes a value so that it is one word of a command line.
func quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return isQuote(r) || r == '=' || r == '\\' || unicode.IsSpace(r) }) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if isQuote(r) || r == '\\' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	return b.String()
}
