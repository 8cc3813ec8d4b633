package command

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is one argument as typed.
type word struct {
	key   string // lower case, of key=value; "" without
	value string // without quotes
	raw   string // what is left of the line from the value on, as typed
}

// splitter takes words off the arguments of a command line. Words are
// separated by blanks. A word, or the value of key=value, may stand in double
// quotes, straight or typographic because phones change them; within, \" and
// \\ are a quote and a backslash. A quote elsewhere is a character like any.
type splitter struct {
	args string
	pos  int // in bytes
}

// next returns the next word, ok=false at the end. What stands before the
// first "=" of an unquoted word is a key if isKey says so, else all of it is
// the value: an "=" may belong to a value.
func (s *splitter) next(isKey func(string) bool) (w word, ok bool, err *Error) {
	rest := strings.TrimLeftFunc(s.args[s.pos:], unicode.IsSpace)
	s.pos = len(s.args) - len(rest)
	if rest == "" {
		return word{}, false, nil
	}
	plain := rest
	if end := strings.IndexFunc(rest, unicode.IsSpace); end >= 0 {
		plain = rest[:end]
	}
	if key, value, found := strings.Cut(plain, "="); found && isKey(asciiLower(key)) {
		w.key, plain = asciiLower(key), value
		rest = rest[len(key)+1:]
		s.pos += len(key) + 1
	}
	w.raw = strings.TrimSpace(rest)
	if first, size := utf8.DecodeRuneInString(plain); size > 0 && isQuote(first) {
		w.value, err = s.quoted()
		return w, err == nil, err
	}
	w.value = plain
	s.pos += len(plain)
	return w, true, nil
}

// quoted reads a quoted value at pos, quotes included.
func (s *splitter) quoted() (string, *Error) {
	var b strings.Builder
	start, escaped := s.pos, false
	for i, r := range s.args[start:] {
		at := start + i
		switch {
		case escaped:
			if !isQuote(r) && r != '\\' {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
			escaped = false
		case i == 0:
		case r == '\\':
			escaped = true
		case isQuote(r):
			s.pos = at + utf8.RuneLen(r)
			if after, size := utf8.DecodeRuneInString(s.args[s.pos:]); size > 0 && !unicode.IsSpace(after) {
				return "", usage("After the closing quote at character %d of the arguments comes no blank.", s.column(at))
			}
			return b.String(), nil
		default:
			b.WriteRune(r)
		}
	}
	return "", usage("The quote at character %d of the arguments is not closed.", s.column(start))
}

// column counts the characters up to byte at, from 1.
func (s *splitter) column(at int) int { return utf8.RuneCountInString(s.args[:at]) + 1 }

func isQuote(r rune) bool { return r == '"' || r == '“' || r == '”' }
