package token_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/examples/internal/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func fromSeed(seed []byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(seed) }

func jwk(kid string, seed byte, more string) string {
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":%q,"x":%q%s}`,
		kid, b64(string(seedKey(seed).Public().(ed25519.PublicKey))), more)
}

func set(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

// issuer plays the auth service below the HTTP client.
type issuer struct {
	mu    sync.Mutex
	calls int
	body  string
	code  int
	err   error
	delay time.Duration
}

func (s *issuer) now(body string, code int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body, s.code, s.err = body, code, err
}

func (s *issuer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.calls++
	body, code, err, delay := s.body, s.code, s.err, s.delay
	s.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if err != nil {
		return nil, err
	}
	resp := &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
	if code/100 == 3 {
		resp.Header.Set("Location", "http://evil.test/jwks")
	}
	return resp, nil
}

func open(t *testing.T, s *issuer) *token.RemoteKeys {
	t.Helper()
	r, err := token.OpenRemote("http://auth.test/.well-known/jwks.json", &token.RemoteOptions{Transport: s})
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestRemoteAddress(t *testing.T) {
	for _, bad := range []string{"", "auth.test/jwks", "file:///etc/passwd", "ftp://auth.test/", "http://", "http://u:p@auth.test/", "http://auth test/"} {
		_, err := token.OpenRemote(bad, nil)
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "u:p")
	}
}

func TestRemoteReadsOnceForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{body: set(jwk("k1", 'a', ""), jwk("k2", 'b', "")), code: 200, delay: time.Second}
		r := open(t, s)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, err := r.Key(t.Context(), "k1"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, 1, s.count())
		_, err := r.Key(t.Context(), "k2")
		require.NoError(t, err)
		require.Equal(t, 1, s.count())
	})
}

func TestRemoteUnknownKeyFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{body: set(jwk("k1", 'a', "")), code: 200}
		r := open(t, s)
		start := time.Now()
		for i := range 600 {
			_, err := r.Key(t.Context(), fmt.Sprint("u", i))
			require.ErrorIs(t, err, token.ErrUnknownKey)
			time.Sleep(100 * time.Millisecond)
		}
		require.Equal(t, time.Minute, time.Since(start))
		require.Equal(t, 2, s.count(), "one reading in 30 s, whatever is asked for")
	})
}

func TestRemoteFindsANewKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{body: set(jwk("k1", 'a', "")), code: 200}
		r := open(t, s)
		_, err := r.Key(t.Context(), "k1")
		require.NoError(t, err)
		s.now(set(jwk("k2", 'b', "")), 200, nil)
		time.Sleep(30 * time.Second)
		_, err = r.Key(t.Context(), "k2")
		require.NoError(t, err)
		time.Sleep(30 * time.Second)
		_, err = r.Key(t.Context(), "k1")
		require.ErrorIs(t, err, token.ErrUnknownKey, "a key that was dropped is gone")
	})
}

func TestRemoteDropsAKeyInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{body: set(jwk("k1", 'a', ""), jwk("k2", 'b', "")), code: 200}
		r := open(t, s)
		_, err := r.Key(t.Context(), "k1")
		require.NoError(t, err)
		s.now(set(jwk("k2", 'b', "")), 200, nil)
		time.Sleep(5 * time.Minute)
		_, _ = r.Key(t.Context(), "k2") // begins a reading and does not wait for it
		synctest.Wait()
		_, err = r.Key(t.Context(), "k1")
		require.ErrorIs(t, err, token.ErrUnknownKey)
	})
}

func TestRemoteStaysUsableWhileDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{body: set(jwk("k1", 'a', "")), code: 200}
		r := open(t, s)
		_, err := r.Key(t.Context(), "k1")
		require.NoError(t, err)
		s.now("", 0, errors.New("connection refused"))
		s.mu.Lock()
		s.delay = time.Hour // it does not even answer
		s.mu.Unlock()
		for range 100 {
			time.Sleep(time.Minute)
			before := time.Now()
			_, err = r.Key(t.Context(), "k1")
			require.NoError(t, err)
			require.Equal(t, before, time.Now(), "a known key never waits")
		}
		time.Sleep(time.Minute)
		before := time.Now()
		_, err = r.Key(t.Context(), "k2")
		require.ErrorIs(t, err, token.ErrUnavailable, "not known is not the same as not there")
		require.Equal(t, 2*time.Second, time.Since(before))
	})
}

func TestRemoteComesUpLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{err: errors.New("connection refused")}
		r := open(t, s)
		for range 100 {
			_, err := r.Key(t.Context(), "k1")
			require.ErrorIs(t, err, token.ErrUnavailable)
		}
		require.Equal(t, 1, s.count())
		s.now(set(jwk("k1", 'a', "")), 200, nil)
		time.Sleep(time.Second)
		_, err := r.Key(t.Context(), "k1")
		require.NoError(t, err)
	})
}

func TestRemoteBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{err: errors.New("connection refused")}
		r := open(t, s)
		for range 600 {
			_, _ = r.Key(t.Context(), "k1")
			time.Sleep(500 * time.Millisecond)
		}
		require.Equal(t, 5+9, s.count(), "after 0, 1, 3, 7, 15 s and then every 30 s") // 31, 61, … 271
	})
}

func TestRemoteCallerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{delay: time.Hour}
		r := open(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := r.Key(ctx, "k1")
		require.ErrorIs(t, err, token.ErrUnavailable)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, r.Close()) // ends the reading
		_, err = r.Key(t.Context(), "k1")
		require.ErrorIs(t, err, token.ErrUnavailable)
	})
}

func TestRemoteRefusesSets(t *testing.T) {
	x := b64(string(seedKey('a').Public().(ed25519.PublicKey)))
	var many []string
	for i := range 17 {
		many = append(many, jwk(fmt.Sprint("k", i+1), byte('a'+i), ""))
	}
	for name, tc := range map[string]struct {
		body string
		code int
	}{
		"redirect":            {"", 302},
		"permanent redirect":  {"", 308},
		"not found":           {set(jwk("k1", 'a', "")), 404},
		"HTML":                {"<html>", 200},
		"no keys":             {`{"keys":[]}`, 200},
		"empty object":        {`{}`, 200},
		"array":               {`[` + jwk("k1", 'a', "") + `]`, 200},
		"duplicate keys":      {`{"keys":[],"keys":[` + jwk("k1", 'a', "") + `]}`, 200},
		"id twice":            {set(jwk("k1", 'a', ""), jwk("k1", 'b', "")), 200},
		"too many":            {set(many...), 200},
		"too long":            {set(jwk("k1", 'a', "")) + strings.Repeat(" ", 64<<10), 200},
		"other kty":           {`{"keys":[{"kty":"oct","kid":"k1","alg":"EdDSA","use":"sig","k":"` + x + `"}]}`, 200},
		"RSA":                 {`{"keys":[{"kty":"RSA","kid":"k1","alg":"EdDSA","use":"sig","n":"` + x + `","e":"AQAB"}]}`, 200},
		"other curve":         {`{"keys":[{"kty":"OKP","crv":"X25519","kid":"k1","alg":"EdDSA","use":"sig","x":"` + x + `"}]}`, 200},
		"other alg":           {`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","alg":"HS256","use":"sig","x":"` + x + `"}]}`, 200},
		"no alg":              {`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","use":"sig","x":"` + x + `"}]}`, 200},
		"for encryption":      {`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","alg":"EdDSA","use":"enc","x":"` + x + `"}]}`, 200},
		"no use":              {`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","alg":"EdDSA","x":"` + x + `"}]}`, 200},
		"no kid":              {`{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","x":"` + x + `"}]}`, 200},
		"kid is a path":       {set(jwk("../k1", 'a', "")), 200},
		"short x":             {`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","alg":"EdDSA","use":"sig","x":"AAAA"}]}`, 200},
		"with the secret":     {set(jwk("k1", 'a', `,"d":"`+x+`"`)), 200},
		"member twice":        {set(jwk("k1", 'a', `,"kty":"OKP"`)), 200},
		"keys of other types": {`{"keys":[1,null,"x",[]]}`, 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &issuer{body: tc.body, code: tc.code}
				_, err := open(t, s).Key(t.Context(), "k1")
				require.ErrorIs(t, err, token.ErrUnavailable)
				require.Equal(t, 1, s.count(), "nothing else is asked")
			})
		})
	}
}

func TestRemoteSkipsKeysOfOtherKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{body: set(`{"kty":"new","x":{}}`, `{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"r"}`, jwk("k1", 'a', `,"new":1`)), code: 200}
		_, err := open(t, s).Key(t.Context(), "k1")
		require.NoError(t, err)
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add(set(jwk("k1", 'a', "")))
	f.Add(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"k1"}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		keys, err := token.ParseSet([]byte(body))
		if err == nil && (len(keys) == 0 || len(keys) > 16) {
			t.Fatalf("%d keys", len(keys))
		}
		for id, key := range keys {
			if err != nil || id == "" || len(key) != ed25519.PublicKeySize {
				t.Fatalf("%q has %d bytes, %v", id, len(key), err)
			}
		}
	})
}
