package authsvc

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var cheap = cost{memory: 8, time: 1, lanes: 1}

func TestPasswordHash(t *testing.T) {
	h := newHasher(cheap)
	a, err := h.hash(t.Context(), "secret")
	require.NoError(t, err)
	b, err := h.hash(t.Context(), "secret")
	require.NoError(t, err)
	require.NotEqual(t, a, b, "salted")
	for stored, want := range map[string]bool{a: true, b: true, "": false, h.dummy: false} {
		match, outdated, err := h.verify(t.Context(), "secret", stored)
		require.NoError(t, err)
		require.Equal(t, want, match)
		require.False(t, outdated)
	}
	h.dummy = h.sum("guessed")
	match, _, err := h.verify(t.Context(), "guessed", "")
	require.NoError(t, err)
	require.False(t, match, "who does not exist has no password")
	match, _, err = h.verify(t.Context(), "Secret", a)
	require.NoError(t, err)
	require.False(t, match)
	match, outdated, err := newHasher(cost{memory: 16, time: 1, lanes: 1}).verify(t.Context(), "secret", a)
	require.NoError(t, err)
	require.True(t, match && outdated)
}

func TestDefaultCost(t *testing.T) {
	h := newHasher(cost{})
	require.True(t, strings.HasPrefix(h.dummy, "$argon2id$v=19$m=19456,t=2,p=1$"))
}

// A vector of argon2id made with the reference program: echo -n password |
// argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32, in its test suite too.
func TestReferenceHash(t *testing.T) {
	const stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	match, outdated, err := newHasher(cheap).verify(t.Context(), "password", stored)
	require.NoError(t, err)
	require.True(t, match)
	require.True(t, outdated)
}

func TestHashingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(cheap)
		for range cap(h.slots) {
			h.slots <- struct{}{}
		}
		start := time.Now()
		_, _, err := h.verify(t.Context(), "x", "")
		require.ErrorIs(t, err, errBusy)
		require.Equal(t, time.Second, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err = h.hash(ctx, "x")
		require.ErrorIs(t, err, context.DeadlineExceeded)

		go func() {
			time.Sleep(500 * time.Millisecond)
			<-h.slots
		}()
		_, _, err = h.verify(t.Context(), "x", "")
		require.NoError(t, err, "a slot in time is taken")
		require.Len(t, h.slots, cap(h.slots)-1, "and given back")
	})
}

func TestMalformedHashes(t *testing.T) {
	good := phc{cheap, make([]byte, saltSize), make([]byte, keySize)}.String()
	_, err := parsePHC(good)
	require.NoError(t, err)
	for name, bad := range map[string]string{
		"plain":        "secret",
		"bcrypt":       "$2a$10$abcdefghijklmnopqrstuv",
		"argon2i":      strings.Replace(good, "argon2id", "argon2i", 1),
		"version":      strings.Replace(good, "v=19", "v=16", 1),
		"much memory":  strings.Replace(good, "m=8", "m=4294967295", 1),
		"no memory":    strings.Replace(good, "m=8", "m=0", 1),
		"no passes":    strings.Replace(good, "t=1", "t=0", 1),
		"many passes":  strings.Replace(good, "t=1", "t=1000", 1),
		"no lanes":     strings.Replace(good, "p=1", "p=0", 1),
		"sign":         strings.Replace(good, "m=8", "m=+8", 1),
		"space":        strings.Replace(good, "m=8", "m= 8", 1),
		"more":         good + "$x",
		"short key":    good[:len(good)-4],
		"no salt":      "$argon2id$v=19$m=8,t=1,p=1$$" + strings.Split(good, "$")[5],
		"stray bits":   good[:len(good)-1] + "B",
		"line break":   good + "\n",
		"other base64": strings.ReplaceAll(good, "AAAA", "A-_A"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parsePHC(bad)
			require.ErrorIs(t, err, errPHC)
			_, _, err = newHasher(cheap).verify(t.Context(), "x", bad)
			require.Error(t, err)
			require.NotContains(t, err.Error(), bad)
		})
	}
}

func FuzzPHC(f *testing.F) {
	f.Add(phc{cheap, make([]byte, saltSize), make([]byte, keySize)}.String())
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePHC(s)
		if err == nil && (p.String() != s || p.cost.memory > 1<<20 || p.cost.time > 16 || p.cost.lanes == 0) {
			t.Fatalf("%q is taken as %+v", s, p.cost)
		}
	})
}

func FuzzRefreshToken(f *testing.F) {
	f.Add(newRefreshToken().text())
	f.Add(strings.Repeat("A", refreshTokenLength))
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if r, ok := parseRefreshToken(s); ok && r.text() != s {
			t.Fatalf("%q is also %q", r.text(), s)
		}
	})
}
