package text

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func code(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return "untyped: " + err.Error()
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"word":                       {"hello", ""},
		"newline and tab":            {"a\n\tb", ""},
		"one emoji family":           {"👨‍👩‍👧‍👦", ""},
		"line separator stays":       {"a\u2028b", ""},
		"bidi override stays":        {"a\u202Eb", ""},
		"five hundred marks":         {"z" + strings.Repeat("\u0301", 500), ""},
		"nothing":                    {"", CodeEmpty},
		"spaces":                     {" \t\n\u00A0\u3000", CodeEmpty},
		"zero-width only":            {"\u200B\u200D\uFEFF\u2060", CodeEmpty},
		"soft hyphens":               {"\u00AD\u00AD", CodeEmpty},
		"Hangul filler":              {"\u3164", CodeEmpty},
		"Braille blank":              {"\u2800", CodeEmpty},
		"variation selector":         {"\uFE0F", CodeEmpty},
		"invisible tags":             {"\U000E0041", CodeEmpty},
		"NUL":                        {"a\x00", CodeBadRequest},
		"escape":                     {"a\x1b[31m", CodeBadRequest},
		"carriage return":            {"a\r\n", CodeBadRequest},
		"DEL":                        {"a\x7f", CodeBadRequest},
		"C1":                         {"a\u0085", CodeBadRequest},
		"not UTF-8":                  {"a\xff", CodeBadRequest},
		"half a surrogate pair":      {"\xed\xa0\x80", CodeBadRequest},
		"as many characters as fit":  {strings.Repeat("ä", MaxRunes), ""},
		"one character too many":     {strings.Repeat("a", MaxRunes+1), CodeTooLong},
		"as many bytes as fit":       {strings.Repeat("😀", MaxRunes), ""},
		"more bytes than any fits":   {strings.Repeat("a", MaxBytes+1), CodeTooLong},
		"spaces over the rune limit": {strings.Repeat(" ", MaxRunes+1), CodeEmpty},
	} {
		t.Run(name, func(t *testing.T) {
			if got := code(Check(c.in, MaxRunes, MaxBytes)); got != c.want {
				t.Errorf("Check(%.20q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func TestCheckName(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"plain":                   {"Release room 2", ""},
		"other scripts":           {"공지 お知らせ Ελλάδα العربية", ""},
		"two marks":               {"Vie\u0302\u0323t", ""},
		"emoji with style":        {"I ❤️ Go", ""},
		"80 characters":           {strings.Repeat("😀", 80), ""},
		"81 characters":           {strings.Repeat("a", 81), CodeTooLong},
		"nothing":                 {"", CodeEmpty},
		"zero-width only":         {"\u200B", CodeEmpty},
		"space before":            {" a", CodeBadRequest},
		"wide space after":        {"a\u3000", CodeBadRequest},
		"newline":                 {"a\nb", CodeBadRequest},
		"tab":                     {"a\tb", CodeBadRequest},
		"line separator":          {"a\u2028b", CodeBadRequest},
		"override":                {"a\u202Eb", CodeBadRequest},
		"isolate":                 {"a\u2066b", CodeBadRequest},
		"zero-width space":        {"ad\u200Bmin", CodeBadRequest},
		"joiner":                  {"ad\u200Dmin", CodeBadRequest},
		"style on a letter":       {"admin\uFE0F", CodeBadRequest},
		"three marks":             {"z\u0301\u0301\u0301", CodeBadRequest},
		"mark on nothing":         {"\u0301a", CodeBadRequest},
		"mark on a space":         {"a \u0301", CodeBadRequest},
		"control":                 {"a\x07", CodeBadRequest},
		"not UTF-8":               {"\xc0\xaf", CodeBadRequest},
		"long but within 4 bytes": {strings.Repeat("a", MaxName*utf8.UTFMax+1), CodeTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			if got := code(CheckName(c.in)); got != c.want {
				t.Errorf("CheckName(%.20q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

// What is accepted keeps the promises that the rest of the chat builds on, and
// a name is always a text.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"hi", "", "\x00", "a\u200Bb", "z\u0301\u0301", "\xff", "❤️", " a "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		err := Check(s, MaxRunes, MaxBytes)
		if err == nil {
			if !utf8.ValidString(s) || strings.TrimSpace(s) == "" || strings.ContainsRune(s, 0) ||
				len(s) > MaxBytes || utf8.RuneCountInString(s) > MaxRunes {
				t.Errorf("accepted %q", s)
			}
		} else if _, ok := errors.AsType[*Error](err); !ok {
			t.Errorf("untyped error %v", err)
		}
		if CheckName(s) == nil {
			if err != nil {
				t.Errorf("name %q is no text: %v", s, err)
			}
			if strings.ContainsAny(s, "\n\t\u200B\u202A\u202E\u2066\u2069\uFEFF") {
				t.Errorf("accepted name %q", s)
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	s := strings.Repeat("plain words and ünïcode ", 10)
	b.ReportAllocs()
	for b.Loop() {
		if err := Check(s, MaxRunes, MaxBytes); err != nil {
			b.Fatal(err)
		}
	}
}
