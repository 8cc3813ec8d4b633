package command

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carlware/gochat/internal/text"
)

// MaxNameLen is the longest name of a command, argument or bot in bytes.
const MaxNameLen = 32

// Parse splits a command line into the command's name, lower case, and its
// arguments, trimmed. The grammar is
//
//	line = "/" name [ ( blank | "=" ) args ]
//	name = letter { letter | digit | "_" | "-" }      at most 32, ASCII, case-insensitive
//
// The slash is the very first character; "//…" is no command but a way to
// write a message that begins with a slash. A command is one line of at most
// 4,000 code points. The error is an [*Error] with code usage, or
// unknown_command where no command can have such a name.
func Parse(line string) (name, args string, err error) {
	if !strings.HasPrefix(line, "/") || strings.HasPrefix(line, "//") {
		return "", "", usage("A command starts with one slash, as in /help.")
	}
	if err := text.Check(line, text.MaxRunes, text.MaxBytes); err != nil {
		if e, ok := errors.AsType[*text.Error](err); ok {
			return "", "", usage("The command %s.", e.Message)
		}
		return "", "", err
	}
	if strings.ContainsRune(line, '\n') {
		return "", "", usage("A command is one line.")
	}
	end := strings.IndexFunc(line, func(r rune) bool { return r == '=' || unicode.IsSpace(r) })
	if end < 0 {
		end = len(line)
	} else {
		_, size := utf8.DecodeRuneInString(line[end:])
		args = strings.TrimSpace(line[end+size:])
	}
	name = asciiLower(line[1:end])
	if !validName(name) {
		return "", "", noSuchCommand(name)
	}
	return name, args, nil
}

func usage(format string, args ...any) *Error {
	return &Error{CodeUsage, fmt.Sprintf(format, args...)}
}

func noSuchCommand(name string) *Error {
	if name == "" {
		return &Error{CodeUnknownCommand, "A command has a name after the slash. Try /help."}
	}
	return &Error{CodeUnknownCommand, fmt.Sprintf("There is no command %s. Try /help.", shown("/"+name))}
}

// shown makes what somebody typed fit for a message: short, and without the
// controls that could turn or hide the text around it.
func shown(s string) string {
	const most = 60
	cut := false
	if r := []rune(s); len(r) > most {
		s, cut = string(r[:most]), true
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return '\uFFFD'
	}, s)
	if cut {
		s += "…"
	}
	return s
}

// validName reports whether s is [a-z][a-z0-9_-]{0,31}.
func validName(s string) bool {
	if s == "" || len(s) > MaxNameLen || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// asciiLower lowers A to Z alone: Unicode has other letters, such as the
// Kelvin sign, whose lower case is ASCII.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
