package postgres

import (
	"strings"
	"unicode"
)

// fold returns the same string for all names that differ by case only, as
// [strings.EqualFold] tells it. What PostgreSQL takes for case depends on the
// locale of the database.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		first := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			first = min(first, f)
		}
		return first
	}, name)
}
