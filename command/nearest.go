package command

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// nearest returns up to n names of specs that somebody who typed name may have
// meant, the likeliest first: those that name begins, then those at most two
// slips away (a letter wrong, missing, too many, or two swapped).
func nearest(name string, specs []Spec, n int) []string {
	if name == "" || len(name) > 2*MaxNameLen || n <= 0 {
		return nil
	}
	name = asciiLower(name)
	type near struct {
		name string
		far  int
	}
	var all []near
	for _, s := range specs {
		// A short word is two slips away from every other one.
		if far := slips(name, s.Name); far <= min(2, (len(name)+1)/2) {
			all = append(all, near{s.Name, far})
		} else if strings.HasPrefix(s.Name, name) {
			all = append(all, near{s.Name, 0})
		}
	}
	slices.SortFunc(all, func(a, b near) int {
		return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(a.name, b.name))
	})
	names := make([]string, 0, n)
	for _, c := range slices.Compact(all) {
		if len(names) < n {
			names = append(names, c.name)
		}
	}
	return names
}

// Unknown is the error for a command that no spec describes. It names the ones
// that may have been meant.
func Unknown(name string, specs []Spec) *Error {
	e := noSuchCommand(name)
	if near := nearest(name, specs, 3); len(near) > 0 {
		e.Message = fmt.Sprintf("There is no command %s. Did you mean /%s?",
			shown("/"+name), strings.Join(near, ", /"))
	}
	return e
}

// slips is the optimal string alignment distance of a and b in bytes: names
// are ASCII.
func slips(a, b string) int {
	prev2, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], prev2[j-2]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return prev[len(b)]
}
