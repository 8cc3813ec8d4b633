package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Specs is what a [Handler] has that can describe its commands. A [Bot] and a
// [Router] can. Help, completion and the choice of the bot that answers all
// derive from it; a Handler without it gets every command line as it is.
type Specs interface {
	// Specs returns the commands, sorted by name, one for each name. The
	// caller owns the slice but not what it points to.
	Specs() []Spec
}

// Spec describes one command.
type Spec struct {
	Bot     string // who answers
	Name    string // without the slash
	Summary string // one line for a list of commands
	Usage   string // as in "/stock <symbol>"; made from Args when empty
	Args    []Arg  // in the order in which they are given

	// Timeout is how long an answer may take. 0 means [DefaultTimeout]; at
	// most [MaxTimeout].
	Timeout time.Duration

	// Roles are the roles in the room that may call: "owner", "admin",
	// "member". Empty means anybody who can post there.
	Roles []string
}

// Arg describes one argument of a command.
type Arg struct {
	Name     string   `json:"name"`               // as in name=value
	Type     string   `json:"type"`               // one of the Type constants
	Help     string   `json:"help,omitempty"`     // a few words for people
	Required bool     `json:"required,omitempty"` // the command is refused without it
	List     bool     `json:"list,omitempty"`     // takes all words that are left
	Rest     bool     `json:"rest,omitempty"`     // takes the line that is left, as typed
	Default  string   `json:"default,omitempty"`  // the value when nothing is given, as typed
	Choices  []string `json:"choices,omitempty"`  // of an enum
	Min      string   `json:"min,omitempty"`      // see [Handle] for what they limit
	Max      string   `json:"max,omitempty"`      // the same
}

// The types of an [Arg].
const (
	TypeString   = "string"
	TypeInt      = "int"
	TypeBool     = "bool"
	TypeDuration = "duration"
	TypeDecimal  = "decimal"
	TypeEnum     = "enum"
	TypeUser     = "user"
	TypeRoom     = "room"
)

// Limits of a spec, so that a bot can't flood the chat with descriptions.
const (
	maxSummary  = 200 // bytes
	maxUsage    = 400 // bytes
	maxArgs     = 16
	maxChoices  = 50
	maxCommands = 100 // of one bot
)

// wireSpec is the JSON form of a Spec.
type wireSpec struct {
	Bot       string   `json:"bot,omitempty"`
	Name      string   `json:"name"`
	Summary   string   `json:"summary,omitempty"`
	Usage     string   `json:"usage,omitempty"`
	Args      []Arg    `json:"args,omitempty"`
	TimeoutMS int64    `json:"timeout_ms,omitempty"`
	Roles     []string `json:"roles,omitempty"`
}

func (w wireSpec) spec() Spec {
	ms := min(max(w.TimeoutMS, 0), MaxTimeout.Milliseconds()+1) // no overflow; check refuses the excess
	return Spec{w.Bot, w.Name, w.Summary, w.Usage, w.Args, time.Duration(ms) * time.Millisecond, w.Roles}
}

// MarshalJSON writes the spec as on the wire: names in lower case, the timeout
// as timeout_ms.
func (s Spec) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireSpec{s.Bot, s.Name, s.Summary, s.Usage, s.Args, s.Timeout.Milliseconds(), s.Roles})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Spec) UnmarshalJSON(data []byte) error {
	var w wireSpec
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*s = w.spec()
	return nil
}

// Permits reports whether a user with role may call the command.
func (s Spec) Permits(role string) bool {
	return len(s.Roles) == 0 || slices.Contains(s.Roles, role)
}

// limit returns how long an answer may take.
func (s Spec) limit() time.Duration {
	if s.Timeout <= 0 {
		return DefaultTimeout
	}
	return min(s.Timeout, MaxTimeout)
}

// complete fills what can be derived.
func (s *Spec) complete() {
	s.Timeout = s.limit()
	if s.Usage == "" {
		s.Usage = usageOf(s.Name, s.Args)
	}
}

// check says what is wrong with the spec, from a program or from the wire.
func (s *Spec) check() error {
	switch {
	case !validName(s.Name):
		return fmt.Errorf("command name %q is not [a-z][a-z0-9_-]{0,%d}", s.Name, MaxNameLen-1)
	case s.Name == "help":
		return errors.New("/help is built into the chat")
	case s.Timeout < 0, s.Timeout > MaxTimeout:
		return fmt.Errorf("timeout of /%s is not between 0 and %v", s.Name, MaxTimeout)
	case len(s.Args) > maxArgs:
		return fmt.Errorf("/%s has more than %d arguments", s.Name, maxArgs)
	}
	if err := errors.Join(checkLine("summary", s.Summary, maxSummary), checkLine("usage", s.Usage, maxUsage)); err != nil {
		return fmt.Errorf("/%s: %w", s.Name, err)
	}
	if err := checkRoles(s.Roles); err != nil {
		return fmt.Errorf("/%s: %w", s.Name, err)
	}
	names := make(map[string]bool, len(s.Args))
	for _, a := range s.Args {
		if names[a.Name] {
			return fmt.Errorf("/%s: two arguments are called %s", s.Name, a.Name)
		}
		names[a.Name] = true
		if err := a.check(); err != nil {
			return fmt.Errorf("/%s: argument %q: %w", s.Name, a.Name, err)
		}
	}
	return nil
}

func (a Arg) check() error {
	if !validName(a.Name) {
		return fmt.Errorf("name is not [a-z][a-z0-9_-]{0,%d}", MaxNameLen-1)
	}
	switch a.Type {
	case TypeString, TypeInt, TypeBool, TypeDuration, TypeDecimal, TypeEnum, TypeUser, TypeRoom:
	default:
		return fmt.Errorf("type %q is unknown", a.Type)
	}
	if len(a.Choices) > maxChoices {
		return fmt.Errorf("more than %d choices", maxChoices)
	}
	err := checkLine("help", a.Help, maxSummary)
	for _, s := range append([]string{a.Default, a.Min, a.Max}, a.Choices...) {
		err = errors.Join(err, checkLine("value", s, maxSummary))
	}
	return err
}

// checkLine allows "" and one line of at most most bytes.
func checkLine(what, s string, most int) error {
	switch {
	case s == "":
		return nil
	case len(s) > most:
		return fmt.Errorf("%s is longer than %d bytes", what, most)
	case strings.ContainsAny(s, "\n\t"):
		return fmt.Errorf("%s is not a single line", what)
	}
	if err := checkText(s); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// usageOf writes the usage line of a command: <required> and [optional].
func usageOf(name string, args []Arg) string {
	var b strings.Builder
	b.WriteString("/" + name)
	for _, a := range args {
		s := a.Name
		if a.Type == TypeEnum && len(a.Choices) <= 4 {
			s = strings.Join(a.Choices, "|")
		}
		if a.List {
			s += "…"
		}
		if a.Required {
			s = "<" + s + ">"
		} else {
			s = "[" + s + "]"
		}
		if b.Len()+1+len(s) > maxUsage-len(" …") {
			b.WriteString(" …")
			break
		}
		b.WriteString(" " + s)
	}
	return b.String()
}
