package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/token"
)

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func TestKeyFile(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	a, b := pkcs8(t, seedKey('a')), pkcs8(t, seedKey('b'))
	for name, tc := range map[string]struct {
		data []byte
		mode os.FileMode
		err  string // empty: good
	}{
		"one key":             {a, 0o600, ""},
		"two keys":            {append(append([]byte{}, a...), b...), 0o400, ""},
		"readable by others":  {a, 0o644, "chmod 600"},
		"readable by a group": {a, 0o640, "chmod 600"},
		"the same key twice":  {append(append([]byte{}, a...), a...), 0o600, "twice"},
		"empty":               {nil, 0o600, "1 to 16"},
		"other algorithm":     {pkcs8(t, ec), 0o600, "want Ed25519"},
		"public key":          {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}), 0o600, "want PRIVATE KEY"},
		"not PKCS 8":          {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}), 0o600, "not PKCS #8"},
		"something behind":    {append(append([]byte{}, a...), "junk"...), 0o600, "nothing else"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			require.NoError(t, os.WriteFile(path, tc.data, 0o600))
			require.NoError(t, os.Chmod(path, tc.mode))
			_, err := token.LoadKeys(path)
			if tc.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.err)
		})
	}
	_, err = token.LoadKeys(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestKeyFileIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	var wg sync.WaitGroup
	sets := make([][]byte, 8)
	for i := range sets {
		wg.Go(func() {
			keys, err := token.LoadOrCreateKeys(path)
			if err == nil {
				sets[i] = keys.JWKS()
			}
		})
	}
	wg.Wait()
	for _, set := range sets {
		require.NotEmpty(t, set)
		require.Equal(t, sets[0], set)
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "no half-made file is left")
}

func TestEveryKeyOfTheFileVerifies(t *testing.T) {
	load := func(seeds ...byte) *token.Keys {
		path := filepath.Join(t.TempDir(), "key")
		var data []byte
		for _, s := range seeds {
			data = append(data, pkcs8(t, seedKey(s))...)
		}
		require.NoError(t, os.WriteFile(path, data, 0o600))
		keys, err := token.LoadKeys(path)
		require.NoError(t, err)
		return keys
	}
	before, during, after := load('a'), load('b', 'a'), load('b')
	i, err := token.NewIssuer(before, iss, aud, nil)
	require.NoError(t, err)
	text, _, err := i.Sign(ann)
	require.NoError(t, err)
	_, err = token.NewVerifier(during, iss, aud, nil).Verify(t.Context(), text)
	require.NoError(t, err)
	_, err = token.NewVerifier(after, iss, aud, nil).Verify(t.Context(), text)
	require.ErrorIs(t, err, token.ErrInvalid)

	i, err = token.NewIssuer(during, iss, aud, nil)
	require.NoError(t, err)
	text, _, err = i.Sign(ann)
	require.NoError(t, err)
	_, err = token.NewVerifier(after, iss, aud, nil).Verify(t.Context(), text)
	require.NoError(t, err, "the first key of the file signs")
}

// Keys are changed without refusing a token that is still good: neither by a
// verifier that has the keys of before the step, nor by one that has those of
// after it.
func TestChangeKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	before, err := token.LoadOrCreateKeys(path)
	require.NoError(t, err)
	require.ErrorContains(t, token.ChangeKeys(path, "use"), "one key")
	require.ErrorContains(t, token.ChangeKeys(path, "drop"), "one key")
	require.ErrorContains(t, token.ChangeKeys(path, "turn"), "no step")
	require.ErrorContains(t, token.ChangeKeys(path+"x", "add"), "key file")
	first := before
	for _, step := range []string{token.StepAdd, token.StepUse, token.StepDrop} {
		require.NoError(t, token.ChangeKeys(path, step))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		after, err := token.LoadKeys(path)
		require.NoError(t, err)
		for _, signs := range []*token.Keys{before, after} {
			i, err := token.NewIssuer(signs, iss, aud, nil)
			require.NoError(t, err)
			text, _, err := i.Sign(ann)
			require.NoError(t, err)
			for _, knows := range []*token.Keys{before, after} {
				_, err = token.NewVerifier(knows, iss, aud, nil).Verify(t.Context(), text)
				require.NoError(t, err, step)
			}
		}
		before = after
	}
	i, err := token.NewIssuer(first, iss, aud, nil)
	require.NoError(t, err)
	text, _, err := i.Sign(ann)
	require.NoError(t, err)
	_, err = token.NewVerifier(before, iss, aud, nil).Verify(t.Context(), text)
	require.ErrorIs(t, err, token.ErrInvalid, "the old key is gone")
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no half-made file is left")
}

func TestPublishedSetHoldsNoSecret(t *testing.T) {
	keys, err := token.GenerateKeys()
	require.NoError(t, err)
	var set struct{ Keys []map[string]string }
	require.NoError(t, json.Unmarshal(keys.JWKS(), &set))
	require.Len(t, set.Keys, 1)
	k := set.Keys[0]
	require.Len(t, k["kid"], 43, "RFC 7638 thumbprint")
	require.Len(t, k["x"], 43)
	delete(k, "kid")
	delete(k, "x")
	require.Equal(t, map[string]string{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig"}, k)
}

// RFC 8037, appendix A.3, gives the thumbprint of the key of appendix A.1.
func TestKeyIDFollowsTheRFC(t *testing.T) {
	seed := []byte{
		0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
		0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
	}
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, pkcs8(t, fromSeed(seed)), 0o600))
	keys, err := token.LoadKeys(path)
	require.NoError(t, err)
	require.Contains(t, string(keys.JWKS()), `"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"`)
}
