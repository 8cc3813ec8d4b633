package authsvc

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) { // 97
	d, err := openDatabase(t.Context(), "memory")
	require.NoError(t, err)
	defer d.close()
	add := func(name string) error {
		return d.addUser(t.Context(), account{id: "id of " + name, name: name})
	}
	for _, name := range []string{"an", "a-b_9", "--", strings.Repeat("x", 32)} {
		require.NoError(t, add(name), name)
		require.ErrorIs(t, d.addUser(t.Context(), account{id: "other", name: name}), errTaken)
	}
	for _, name := range []string{
		"", "a", strings.Repeat("x", 33), "Ann", "a b", "ann ", "ann\n", "a.b", "a#b", "a*", "a%", "a/b", "..", "a\x00b", "a'b", "=ab", "@ab",
		"\u0430nn", "an\u0301", "a\u200bb", "\u202eab", "\uff41nn", "\u212aelvin", "a\xffb", "😀😀",
	} {
		require.ErrorIs(t, add(name), errName, "%q", name)
	}
}
