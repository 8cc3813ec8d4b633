// Package text says which text people and bots may put into a chat.
//
// There is one rule for what is said, [Check], and a stricter one for what
// things are called, [CheckName]. Both refuse and never repair: the text that is
// stored is byte for byte the text that was sent.
package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a text that stands in a room as one message.
const (
	MaxRunes = 4000     // code points
	MaxBytes = 16 << 10 // bytes of UTF-8
)

// The codes of an [Error].
const (
	CodeEmpty      = "empty"       // nothing that could be seen
	CodeTooLong    = "too_long"    // over a limit
	CodeBadRequest = "bad_request" // characters that are never allowed
)

// Error says why a text was refused.
type Error struct {
	Code    string // one of the codes
	Message string // for people, without a subject: "is empty"
}

// Error returns the message.
func (e *Error) Error() string { return "text " + e.Message }

// Check returns nil when s may be said: it is valid UTF-8, holds at least one
// character that can be seen, at most maxRunes code points and maxBytes bytes,
// and no control character (C0, DEL, C1) but newline and tab. Bidirectional
// controls and combining marks are allowed: whoever shows s isolates it.
// Otherwise the error is an [*Error].
func Check(s string, maxRunes, maxBytes int) error {
	if len(s) > maxBytes {
		return tooLong("is longer than %d bytes", maxBytes)
	}
	if !utf8.ValidString(s) {
		return bad("is not valid UTF-8")
	}
	runes, visible := 0, false
	for _, r := range s {
		runes++
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return bad("holds the control character U+%04X", r)
		}
		visible = visible || !blank(r)
	}
	if !visible {
		return &Error{CodeEmpty, "is empty"}
	}
	if runes > maxRunes {
		return tooLong("is longer than %d characters", maxRunes)
	}
	return nil
}

// MaxName is the longest display name in code points.
const MaxName = 80

// maxMarks is how many combining marks one character of a name may carry.
// Vietnamese and romanised Indic need two; more is there to disturb.
const maxMarks = 2

// CheckName returns nil when s may be the name of a room or a user: what
// [Check] allows, at most [MaxName] code points on one line, without space
// around it, without characters that show nothing or turn the direction of
// the text, and with at most two combining marks on a character. One invisible
// character is let through, U+FE0F after a symbol, because emoji are written
// with it. Otherwise the error is an [*Error].
func CheckName(s string) error {
	if err := Check(s, MaxName, MaxName*utf8.UTFMax); err != nil {
		return err
	}
	if strings.TrimSpace(s) != s {
		return bad("starts or ends with a space")
	}
	marks, last := 0, ' '
	for _, r := range s {
		switch {
		case r == '\n', r == '\t', unicode.In(r, unicode.Zl, unicode.Zp):
			return bad("is not a single line")
		case r == emojiStyle && unicode.IsSymbol(last):
		case !unicode.IsSpace(r) && blank(r):
			return bad("holds the invisible character U+%04X", r)
		}
		if !unicode.Is(unicode.M, r) {
			marks = 0
		} else if marks++; marks > maxMarks || last == ' ' {
			return bad("holds combining marks that no letter carries")
		}
		last = r
	}
	return nil
}

const emojiStyle = '\uFE0F' // VARIATION SELECTOR-16

// blank reports whether r shows nothing by itself: spaces, the format
// characters (zero-width, joiners, directions, tags), what Unicode calls
// default ignorable, and the Braille pattern without dots.
func blank(r rune) bool {
	if r < unicode.MaxASCII {
		return r <= ' '
	}
	return r == '\u2800' || unicode.IsSpace(r) ||
		unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

func bad(format string, args ...any) error {
	return &Error{CodeBadRequest, fmt.Sprintf(format, args...)}
}

func tooLong(format string, args ...any) error {
	return &Error{CodeTooLong, fmt.Sprintf(format, args...)}
}
