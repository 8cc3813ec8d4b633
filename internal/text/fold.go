package text

import (
	"strings"
	"unicode"
)

// Fold returns the same string for all names that differ by case only, as
// [strings.EqualFold] tells it: each letter becomes the first one of those that
// are its forms. What databases take for case depends on them and on their
// settings.
func Fold(name string) string {
	return strings.Map(func(r rune) rune {
		first := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			first = min(first, f)
		}
		return first
	}, name)
}
