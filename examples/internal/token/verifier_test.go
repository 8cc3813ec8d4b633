package token_test

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/token"
)

const (
	iss = "https://auth.test"
	aud = "gochat"
)

var ann = token.Subject{ID: "u-ann", Name: "ann", Session: "s-1"}

// keySet is a key set with private keys at hand, to forge with.
type keySet map[string]ed25519.PrivateKey

func (s keySet) Key(_ context.Context, id string) (ed25519.PublicKey, error) {
	if k, ok := s[id]; ok {
		return k.Public().(ed25519.PublicKey), nil
	}
	return nil, token.ErrUnknownKey
}

func seedKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(b)), ed25519.SeedSize)))
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// forge signs any header and any payload, well-formed or not.
func forge(header, payload string, key ed25519.PrivateKey) string {
	signed := b64(header) + "." + b64(payload)
	return signed + "." + b64(string(ed25519.Sign(key, []byte(signed))))
}

func hs256(header, payload string, secret []byte) string {
	signed := b64(header) + "." + b64(payload)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return signed + "." + b64(string(mac.Sum(nil)))
}

const goodHeader = `{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}`

// claims returns good claims as JSON with some of them replaced; nil removes.
func claims(change map[string]any) string {
	now := time.Now().Unix()
	c := map[string]any{
		"iss": iss, "aud": aud, "sub": "u-ann", "name": "ann", "sid": "s-1", "jti": "j-1",
		"iat": now, "exp": now + 600,
	}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	b, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func with(name string, value any) string { return claims(map[string]any{name: value}) }

// raw puts a member into good claims by text, for what no map can hold.
func raw(without, member string) string {
	return strings.TrimSuffix(with(without, nil), "}") + "," + member + "}"
}

func TestForgeryIsGoodWithoutAFault(t *testing.T) {
	key := seedKey('a')
	v := token.NewVerifier(keySet{"k1": key}, iss, aud, nil)
	got, err := v.Verify(t.Context(), forge(goodHeader, claims(nil), key))
	require.NoError(t, err)
	require.Equal(t, ann, got.Subject)
	for name, payload := range map[string]string{
		"audience in a list": with("aud", []string{aud}),
		"unknown claim":      with("scope", []string{"x"}),
		"clocks 29 s apart":  claims(map[string]any{"iat": time.Now().Unix() + 29, "exp": time.Now().Unix() + 600}),
		"nbf in the past":    with("nbf", time.Now().Unix()-1),
		"login long ago":     with("auth_time", 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(t.Context(), forge(goodHeader, payload, key))
			require.NoError(t, err)
		})
	}
}

// The numbers are those of the catalogue of hostile inputs.
func TestHostileTokens(t *testing.T) {
	key, other := seedKey('a'), seedKey('b')
	public := key.Public().(ed25519.PublicKey)
	v := token.NewVerifier(keySet{"k1": key}, iss, aud, nil)
	good := forge(goodHeader, claims(nil), key)
	parts := strings.Split(good, ".")
	now := time.Now().Unix()
	header := func(member string) string {
		return forge(strings.TrimSuffix(goodHeader, "}")+","+member+"}", claims(nil), key)
	}
	as := func(h string) string { return forge(h, claims(nil), key) }
	said := func(payload string) string { return forge(goodHeader, payload, key) }

	for name, text := range map[string]string{
		"25 empty":                        "",
		"27 alg none, no signature":       b64(`{"alg":"none","kid":"k1","typ":"at+jwt"}`) + "." + parts[1] + ".",
		"27 alg none, signature":          as(`{"alg":"none","kid":"k1","typ":"at+jwt"}`),
		"27 alg NonE":                     as(`{"alg":"NonE","kid":"k1","typ":"at+jwt"}`),
		"27 alg missing":                  as(`{"kid":"k1","typ":"at+jwt"}`),
		"27 alg empty":                    as(`{"alg":"","kid":"k1","typ":"at+jwt"}`),
		"27 alg in lower case":            as(`{"alg":"eddsa","kid":"k1","typ":"at+jwt"}`),
		"27 alg Ed25519":                  as(`{"alg":"Ed25519","kid":"k1","typ":"at+jwt"}`),
		"27 alg RS256":                    as(`{"alg":"RS256","kid":"k1","typ":"at+jwt"}`),
		"28 HS256 keyed with public key":  hs256(`{"alg":"HS256","kid":"k1","typ":"at+jwt"}`, claims(nil), public),
		"28 HS256 keyed with its base64":  hs256(`{"alg":"HS256","kid":"k1","typ":"at+jwt"}`, claims(nil), []byte(b64(string(public)))),
		"28 HMAC called EdDSA":            hs256(goodHeader, claims(nil), public),
		"29 other kid":                    as(`{"alg":"EdDSA","kid":"k2","typ":"at+jwt"}`),
		"29 known kid, other key":         forge(goodHeader, claims(nil), other),
		"29 no kid":                       as(`{"alg":"EdDSA","typ":"at+jwt"}`),
		"29 empty kid":                    as(`{"alg":"EdDSA","kid":"","typ":"at+jwt"}`),
		"29 kid is a number":              as(`{"alg":"EdDSA","kid":1,"typ":"at+jwt"}`),
		"30 kid is a path":                as(`{"alg":"EdDSA","kid":"../../k1","typ":"at+jwt"}`),
		"30 kid is SQL":                   as(`{"alg":"EdDSA","kid":"k1' OR '1'='1","typ":"at+jwt"}`),
		"30 kid with NUL":                 as(`{"alg":"EdDSA","kid":"k1\u0000","typ":"at+jwt"}`),
		"31 jku":                          header(`"jku":"http://127.0.0.1:1/jwks"`),
		"31 x5u":                          header(`"x5u":"http://127.0.0.1:1/cert"`),
		"31 jwk":                          forge(`{"alg":"EdDSA","kid":"k1","typ":"at+jwt","jwk":{"kty":"OKP","crv":"Ed25519","x":"`+b64(string(other.Public().(ed25519.PublicKey)))+`"}}`, claims(nil), other),
		"31 jwk, right key":               header(`"jwk":{"kty":"OKP","crv":"Ed25519","x":"` + b64(string(public)) + `"}`),
		"31 x5c":                          header(`"x5c":["AA=="]`),
		"32 unknown crit":                 header(`"crit":["exp"],"exp":1`),
		"32 empty crit":                   header(`"crit":[]`),
		"32 crit b64":                     header(`"crit":["b64"],"b64":false`),
		"32 zip":                          header(`"zip":"DEF"`),
		"33 typ JWT":                      as(`{"alg":"EdDSA","kid":"k1","typ":"JWT"}`),
		"33 typ of a refresh token":       as(`{"alg":"EdDSA","kid":"k1","typ":"rt+jwt"}`),
		"33 typ in other case":            as(`{"alg":"EdDSA","kid":"k1","typ":"AT+JWT"}`),
		"33 no typ":                       as(`{"alg":"EdDSA","kid":"k1"}`),
		"34 other aud":                    said(with("aud", "mail")),
		"34 aud in other case":            said(with("aud", "GoChat")),
		"34 two audiences":                said(with("aud", []string{aud, "mail"})),
		"34 no aud":                       said(with("aud", nil)),
		"34 empty aud list":               said(with("aud", []string{})),
		"34 other iss":                    said(with("iss", "https://evil.test")),
		"34 iss with a slash more":        said(with("iss", iss+"/")),
		"34 no iss":                       said(with("iss", nil)),
		"35 nbf in the future":            said(with("nbf", now+3600)),
		"35 iat in the future":            said(claims(map[string]any{"iat": now + 3600, "exp": now + 4000})),
		"35 iat in the far future":        said(claims(map[string]any{"iat": int64(1) << 60, "exp": int64(1)<<60 + 1})),
		"35 no iat":                       said(with("iat", nil)),
		"35 login after issue":            said(with("auth_time", now+1)),
		"35 login before time":            said(with("auth_time", -1)),
		"36 no exp":                       said(with("exp", nil)),
		"36 exp 1e400":                    said(raw("exp", `"exp":1e400`)),
		"36 exp with a fraction":          said(raw("exp", fmt.Sprintf(`"exp":%d.5`, now+600))),
		"36 exp string":                   said(with("exp", fmt.Sprint(now+600))),
		"36 exp null":                     said(raw("exp", `"exp":null`)),
		"36 exp negative":                 said(with("exp", -1)),
		"36 exp beyond int64":             said(raw("exp", `"exp":9223372036854775808`)),
		"36 exp overflows a sum":          said(with("exp", int64(9223372036854775807))),
		"36 lives a day":                  said(with("exp", now+86400)),
		"36 ends before it begins":        said(with("exp", now-1)),
		"37 100,000 dots":                 strings.Repeat(".", 100_000),
		"37 dots within the limit":        strings.Repeat(".", 4096),
		"37 one megabyte":                 good + strings.Repeat("A", 1<<20),
		"37 just too long":                said(with("x", strings.Repeat("x", 3000))),
		"two signatures, JSON form":       `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"},{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`,
		"flattened JSON form":             `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"encrypted form, five parts":      good + ".AAAA.AAAA",
		"two parts":                       parts[0] + "." + parts[1],
		"no signature":                    parts[0] + "." + parts[1] + ".",
		"detached payload":                parts[0] + ".." + parts[2],
		"payload changed":                 parts[0] + "." + b64(with("sub", "u-bob")) + "." + parts[2],
		"signature of another token":      parts[0] + "." + parts[1] + "." + strings.Split(said(with("sub", "u-bob")), ".")[2],
		"signature cut":                   good[:len(good)-2],
		"stray bits in the base64":        stray(good),
		"padding":                         good + "=",
		"trailing newline":                good + "\n",
		"leading space":                   " " + good,
		"line break inside":               good[:20] + "\n" + good[20:],
		"Bearer in front":                 "Bearer " + good,
		"duplicate alg":                   as(`{"alg":"none","alg":"EdDSA","kid":"k1","typ":"at+jwt"}`),
		"header not an object":            as(`["EdDSA"]`),
		"header with a second value":      as(goodHeader + `{}`),
		"duplicate sub":                   said(raw("x", `"sub":"u-bob"`)),
		"SUB beside sub":                  said(raw("x", `"SUB":"u-bob"`)),
		"Exp beside exp":                  said(raw("x", `"Exp":1`)),
		"payload an array":                said(`[1]`),
		"payload with a second value":     said(claims(nil) + `{}`),
		"payload nested deeply":           said(raw("x", `"x":`+strings.Repeat("[", 500)+strings.Repeat("]", 500))),
		"payload with bad UTF-8":          said(raw("name", "\"name\":\"\xff\"")),
		"payload with half a surrogate":   said(raw("name", `"name":"\ud800"`)),
		"no sub":                          said(with("sub", nil)),
		"empty sub":                       said(with("sub", "")),
		"sub is a number":                 said(with("sub", 1)),
		"sub with a control character":    said(with("sub", "u\x00")),
		"sub too long":                    said(with("sub", strings.Repeat("u", 65))),
		"no sid":                          said(with("sid", nil)),
		"no jti":                          said(with("jti", nil)),
		"name with a control character":   said(with("name", "a\u0085b")),
		"aud is a number":                 said(with("aud", 1)),
		"empty key of an unknown kid set": as(`{"alg":"EdDSA","kid":"undefined","typ":"at+jwt"}`),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(t.Context(), text)
			require.ErrorIs(t, err, token.ErrInvalid)
			require.NotErrorIs(t, err, token.ErrExpired)
			for _, secret := range append(parts, "127.0.0.1", "evil", "u-bob", "OR '1'", "../") {
				require.NotContains(t, err.Error(), secret)
			}
			require.Less(t, len(err.Error()), 100)
		})
	}
}

// stray sets bits of the last character that decode to nothing, so that other
// text means the same bytes.
func stray(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, text[len(text)-1])
	return text[:len(text)-1] + string(alphabet[last|1])
}

func TestStrayBitsWouldDecode(t *testing.T) {
	good := forge(goodHeader, claims(nil), seedKey('a'))
	changed := stray(good)
	require.NotEqual(t, good, changed)
	a, err := base64.RawURLEncoding.DecodeString(good[strings.LastIndex(good, ".")+1:])
	require.NoError(t, err)
	b, err := base64.RawURLEncoding.DecodeString(changed[strings.LastIndex(changed, ".")+1:])
	require.NoError(t, err)
	require.Equal(t, a, b)
}

func TestSignedIsVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, err := token.GenerateKeys()
		require.NoError(t, err)
		i, err := token.NewIssuer(keys, iss, aud, nil)
		require.NoError(t, err)
		v := token.NewVerifier(keys, iss, aud, nil)
		text, said, err := i.Sign(ann)
		require.NoError(t, err)
		got, err := v.Verify(t.Context(), text)
		require.NoError(t, err)
		require.Equal(t, ann, got.Subject)
		require.Equal(t, said.ID, got.ID)
		require.True(t, said.Expires.Equal(got.Expires))
		require.Equal(t, token.DefaultTTL, got.Expires.Sub(got.IssuedAt))

		again, _, err := i.Sign(ann)
		require.NoError(t, err)
		require.NotEqual(t, text, again)

		// 26: expired, but for the leeway.
		time.Sleep(token.DefaultTTL + token.Leeway - time.Second)
		_, err = v.Verify(t.Context(), text)
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, err = v.Verify(t.Context(), text)
		require.ErrorIs(t, err, token.ErrExpired)
		require.NotErrorIs(t, err, token.ErrInvalid)

		// A token that is also wrong in another way is not called expired.
		_, err = token.NewVerifier(keys, "x", aud, nil).Verify(t.Context(), text)
		require.ErrorIs(t, err, token.ErrInvalid)
	})
}

func TestIssuerRefusesWhatNoVerifierTakes(t *testing.T) {
	keys, err := token.GenerateKeys()
	require.NoError(t, err)
	i, err := token.NewIssuer(keys, iss, aud, nil)
	require.NoError(t, err)
	for name, s := range map[string]token.Subject{
		"no id":      {Name: "ann", Session: "s"},
		"no session": {ID: "u", Name: "ann"},
		"long name":  {ID: "u", Name: strings.Repeat("n", 65), Session: "s"},
		"control":    {ID: "u\n", Name: "ann", Session: "s"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := i.Sign(s)
			require.Error(t, err)
		})
	}
	_, err = token.NewIssuer(keys, "", aud, nil)
	require.Error(t, err)
	_, err = token.NewIssuer(keys, iss, aud, &token.IssuerOptions{TTL: -1})
	require.Error(t, err)
}

func FuzzVerify(f *testing.F) {
	key := seedKey('a')
	v := token.NewVerifier(keySet{"k1": key}, iss, aud, nil)
	good := forge(goodHeader, claims(nil), key)
	f.Add(good, true)
	f.Add(goodHeader+"\n"+claims(nil), false)
	f.Add(goodHeader+"\n"+`{"sub":"a","sub":"b"}`, false)
	f.Add(`{"alg":"none"}`+"\n{}", false)
	f.Add(strings.Repeat(".", 300), true)
	f.Fuzz(func(t *testing.T, text string, whole bool) {
		if !whole { // reach what lies behind the signature
			h, p, _ := strings.Cut(text, "\n")
			text = forge(h, p, key)
		}
		c, err := v.Verify(t.Context(), text)
		if err != nil {
			return
		}
		if whole && text != good {
			t.Fatalf("accepted %q", text)
		}
		if c.Subject.ID == "" || c.Session == "" || c.Expires.Sub(c.IssuedAt) > 15*time.Minute || time.Until(c.IssuedAt) > token.Leeway {
			t.Fatalf("claims %+v", c)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	key := seedKey('a')
	v := token.NewVerifier(keySet{"k1": key}, iss, aud, nil)
	text := forge(goodHeader, claims(nil), key)
	for b.Loop() {
		if _, err := v.Verify(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
}
