package text

import (
	"strings"
	"testing"
)

func FuzzFold(f *testing.F) {
	for _, s := range [][2]string{
		{"General", "GENERAL"}, {"Ärger", "äRGER"}, {"ΣΑΣ", "σας"}, {"\u212a", "k"}, {"İ", "i"}, {"ſ", "S"}, {"a", "b"}, {"\xff", "\xfe"}, {"", "x"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		a, b = strings.ToValidUTF8(a, "?"), strings.ToValidUTF8(b, "?") // names are valid
		if got, want := Fold(a) == Fold(b), strings.EqualFold(a, b); got != want {
			t.Errorf("Fold tells %q and %q equal: %v, EqualFold: %v", a, b, got, want)
		}
		if Fold(Fold(a)) != Fold(a) {
			t.Errorf("Fold of %q is not stable", a)
		}
	})
}
