package command

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// splitter takes words off the arguments of a command line. Words are
// separated by blanks. A word, or the value of key=value, may stand in double
// quotes, straight or typographic because phones change them; within, \" and
// \\ are a quote and a backslash. A quote elsewhere is a character like any.
type splitter struct {
	args string
	pos  int // in bytes
}

// next goes to the next word and takes its key off, "" when it has none; more
// is false at the end. What stands before the first "=" of an unquoted word is
// a key, in lower case, if isKey says so, else it belongs to the value.
func (s *splitter) next(isKey func(string) bool) (key string, more bool) {
	left := strings.TrimLeftFunc(s.args[s.pos:], unicode.IsSpace)
	s.pos = len(s.args) - len(left)
	if typed, _, found := strings.Cut(untilBlank(left), "="); found && isKey(asciiLower(typed)) {
		s.pos += len(typed) + 1
		return asciiLower(typed), true
	}
	return "", left != ""
}

// value takes the value at hand.
func (s *splitter) value() (string, *Error) {
	left := s.args[s.pos:]
	if first, size := utf8.DecodeRuneInString(left); size > 0 && isQuote(first) {
		return s.quoted()
	}
	v := untilBlank(left)
	s.pos += len(v)
	return v, nil
}

// rest takes all that is left, as typed.
func (s *splitter) rest() string {
	left := s.args[s.pos:]
	s.pos = len(s.args)
	return strings.TrimSpace(left)
}

func untilBlank(s string) string {
	if end := strings.IndexFunc(s, unicode.IsSpace); end >= 0 {
		return s[:end]
	}
	return s
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
