package main

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// tokens are 25 to 40: each is sent to the auth service, to the API and to the
// socket.
func (g *target) tokens() map[int]func() {
	good := g.login("carlos")
	parts := strings.Split(good.token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[0])
	require.NoError(g.t, err)
	header := string(raw)
	var h struct{ Kid string }
	require.NoError(g.t, json.Unmarshal(raw, &h))
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(g.t, err)
	with := func(name string, value any) string {
		var c map[string]any
		require.NoError(g.t, json.Unmarshal(payload, &c))
		if c[name] = value; value == nil {
			delete(c, name)
		}
		for _, n := range []string{"iat", "exp", "auth_time", "nbf"} { // whole numbers, as they were
			if f, ok := c[n].(float64); ok {
				c[n] = int64(f)
			}
		}
		b, err := json.Marshal(c)
		require.NoError(g.t, err)
		return string(b)
	}
	said := func(name string, value any) string { return g.forge(header, with(name, value)) }
	extra := func(member string) string {
		return g.forge(strings.TrimSuffix(header, "}")+","+member+"}", string(payload))
	}
	kid := func(id string) string {
		b, err := json.Marshal(map[string]string{"alg": "EdDSA", "typ": "at+jwt", "kid": id})
		require.NoError(g.t, err)
		return g.forge(string(b), string(payload))
	}
	hs := func() string {
		signed := b64(strings.Replace(header, "EdDSA", "HS256", 1)) + "." + parts[1]
		mac := hmac.New(sha256.New, g.key.Public().(ed25519.PublicKey))
		mac.Write([]byte(signed))
		return signed + "." + b64(string(mac.Sum(nil)))
	}
	now := time.Now().Unix()

	// As the test of what follows, the same token without a fault.
	forged := g.forge(header, string(payload))
	require.Equal(g.t, 200, g.as(person{token: forged}, "GET", g.auth+"/auth/profile", "").status)
	require.Equal(g.t, 200, g.as(person{token: forged}, "GET", g.chat+"/api/session", "").status)

	urls := []string{g.auth + "/auth/profile", g.chat + "/api/session", g.chat + "/ws"}
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-Websocket-Version", "13",
		"Sec-Websocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-Websocket-Protocol", "gochat.v1"}
	ask := func(url string, header ...string) answer {
		if strings.HasSuffix(strings.Split(url, "?")[0], "/ws") {
			header = append(header, upgrade...)
		}
		return g.send("GET", url, "", header...)
	}
	same := map[string]string{} // the one answer of each URL to a bad token
	refused := func(texts ...string) func() {
		return func() {
			g.t.Helper()
			for _, text := range texts {
				for _, url := range urls {
					a := ask(url, "Authorization", "Bearer "+text)
					if len(text) > 10_000 && a.status == http.StatusRequestHeaderFieldsTooLarge {
						continue // 20: it did not even fit
					}
					require.Equal(g.t, 401, a.status, url)
					require.NotContains(g.t, a.body, ".go")
					if same[url] == "" {
						same[url] = a.body
					}
					require.Equal(g.t, same[url], a.body, "nothing tells what was wrong")
				}
			}
		}
	}
	over := g.login("carlos")
	return map[int]func(){
		25: func() {
			for _, url := range urls {
				a := ask(url)
				require.Equal(g.t, 401, a.status, url)
				require.True(g.t, strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer"), url)
			}
		},
		26: func() {
			text := g.forge(header, reissue(g.t, payload, now-700, now-100))
			for _, url := range urls {
				a := ask(url, "Authorization", "Bearer "+text)
				require.Equal(g.t, 401, a.status, url)
				if !strings.HasSuffix(url, "/ws") {
					require.Contains(g.t, a.body, `"token_expired"`, url)
				}
			}
		},
		27: refused(b64(`{"alg":"none","typ":"at+jwt"}`)+"."+parts[1]+".", b64(strings.Replace(header, "EdDSA", "NonE", 1))+"."+parts[1]+"."+parts[2]),
		28: refused(hs()),
		29: refused(kid("another"), kid("")),
		30: refused(kid("../../x"), kid("x' OR '1'='1"), kid(strings.Repeat("k", 200))),
		31: refused(extra(`"jku":"http://127.0.0.1:1/keys"`), extra(`"x5u":"http://127.0.0.1:1/"`), extra(`"jwk":{"kty":"OKP"}`)),
		32: refused(extra(`"crit":["x"],"x":1`)),
		33: refused(good.cookie, g.forge(strings.Replace(header, "at+jwt", "JWT", 1), string(payload))),
		34: refused(said("aud", "mail"), said("iss", "evil"), said("aud", nil)),
		35: refused(said("nbf", now+3600), g.forge(header, reissue(g.t, payload, now+3600, now+4000))),
		36: refused(said("exp", nil), said("exp", fmt.Sprint(now+600)), g.forge(header, strings.TrimSuffix(with("exp", nil), "}")+`,"exp":1e400}`)),
		37: refused(strings.Repeat(".", 5000), strings.Repeat("A", 14_000), strings.Repeat(".", 100_000), strings.Repeat("A", 1<<20)),
		38: func() {
			conn := g.dial(over)
			require.Equal(g.t, 204, g.send("POST", g.auth+"/auth/logout", "{}", "Cookie", cookieName+"="+over.cookie).status)
			g.revoked(conn)
			refused(over.token)()
		},
		39: func() {
			for _, url := range urls {
				a := ask(url, "Authorization", "Bearer "+good.token, "Authorization", "Bearer "+good.token)
				require.Contains(g.t, []int{400, 401}, a.status, url)
			}
		},
		40: func() {
			for _, url := range urls {
				for _, name := range []string{"token", "access_token"} {
					a := ask(url+"?"+name+"="+good.token, "Authorization", "Bearer "+good.token)
					require.Equal(g.t, 400, a.status, url)
					require.NotContains(g.t, a.body, parts[2])
				}
			}
		},
	}
}

// reissue returns the claims with other times.
func reissue(t *testing.T, payload []byte, iat, exp int64) string {
	var c map[string]any
	require.NoError(t, json.Unmarshal(payload, &c))
	delete(c, "auth_time")
	c["iat"], c["exp"] = iat, exp
	b, err := json.Marshal(c)
	require.NoError(t, err)
	return string(b)
}

// revoked says that the connection is closed with 4501.
func (g *target) revoked(conn *websocket.Conn) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), tooLong)
	defer cancel()
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			require.Equal(g.t, websocket.StatusCode(4501), websocket.CloseStatus(err), err)
			return
		}
	}
}
