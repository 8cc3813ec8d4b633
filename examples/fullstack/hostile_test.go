package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/examples/internal/chatsvc"
	"github.com/carlware/gochat/examples/internal/token"
)

// target is a running system, in one process or in several, and somebody who
// has nothing to do with what is tried on it.
type target struct {
	t          *testing.T
	auth, chat string // URLs
	key        ed25519.PrivateKey

	socket *websocket.Conn // john's
	rooms  map[string]string
	heads  map[string]chat.Seq
	john   person
}

// person is a login.
type person struct{ id, token, cookie, session string }

const cookieName = "__Host-gochat_rt"

type answer struct {
	status int
	body   string
	header http.Header
}

// send sends a request. header holds names and values in turn; the same name
// twice is sent twice.
func (g *target) send(method, url, body string, header ...string) answer {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), method, url, strings.NewReader(body))
	require.NoError(g.t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(header, 2) {
		r.Header[pair[0]] = append(r.Header[pair[0]], pair[1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(g.t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(g.t, err)
	return answer{resp.StatusCode, string(data), resp.Header}
}

func (g *target) as(p person, method, url, body string) answer {
	g.t.Helper()
	return g.send(method, url, body, "Authorization", "Bearer "+p.token)
}

func (g *target) read(a answer, v any) {
	g.t.Helper()
	require.Less(g.t, a.status, 300, a.body)
	require.NoError(g.t, json.Unmarshal([]byte(a.body), v))
}

func (g *target) login(name string) person {
	g.t.Helper()
	a := g.send("POST", g.auth+"/auth/login", `{"username":"`+name+`","password":"1234"}`)
	return g.person(a)
}

// person reads the answer to a login or a refresh.
func (g *target) person(a answer) person {
	g.t.Helper()
	var got struct {
		Token string `json:"access_token"`
		User  authsvc.User
	}
	g.read(a, &got)
	p := person{id: got.User.ID, token: got.Token}
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		p.cookie = c.Value
	}
	var claims struct{ Sid string }
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(p.token, ".")[1])
	require.NoError(g.t, err)
	require.NoError(g.t, json.Unmarshal(payload, &claims))
	p.session = claims.Sid
	return p
}

func (g *target) refresh(cookie string) answer {
	return g.send("POST", g.auth+"/auth/refresh", "{}", "Cookie", cookieName+"="+cookie)
}

func (g *target) dial(p person) *websocket.Conn {
	g.t.Helper()
	conn, _, err := websocket.Dial(g.t.Context(), g.chat+"/ws", &websocket.DialOptions{Subprotocols: []string{"gochat.v1", "bearer." + p.token}})
	require.NoError(g.t, err)
	g.t.Cleanup(func() { conn.CloseNow() })
	require.NoError(g.t, wsjson.Write(g.t.Context(), conn, map[string]string{"type": "hello", "id": "h"}))
	_, _, err = conn.Read(g.t.Context())
	require.NoError(g.t, err)
	return conn
}

// begin makes rooms, and john.
func (g *target) begin() {
	g.john = g.login("john")
	gerard := g.login("gerard")
	g.rooms, g.heads = map[string]string{}, map[string]chat.Seq{}
	for name, body := range map[string]string{
		"private": `{"id":"%s","kind":"private","name":"cellar"}`,
		"public":  `{"id":"%s","name":"market"}`,
		"direct":  `{"id":"%s","kind":"direct","user":"` + gerard.id + `"}`,
	} {
		var made struct{ Room chat.RoomInfo }
		g.read(g.as(g.john, "POST", g.chat+"/api/rooms", fmt.Sprintf(body, chat.NewID())), &made)
		require.NotEmpty(g.t, made.Room.ID)
		g.rooms[name] = g.chat + "/api/rooms/" + string(made.Room.ID)
		g.read(g.as(g.john, "POST", g.rooms[name]+"/messages", `{"id":"`+chat.NewID()+`","text":"ours"}`), new(any))
		g.heads[name] = g.head(name)
	}
	g.socket = g.dial(g.john)
}

func (g *target) head(room string) chat.Seq {
	g.t.Helper()
	var got struct{ Room chat.RoomInfo }
	g.read(g.as(g.john, "GET", g.rooms[room], ""), &got)
	require.Positive(g.t, got.Room.Head)
	return got.Room.Head
}

// unharmed says that john's connection works and nothing that is stored has
// changed.
func (g *target) unharmed() {
	g.t.Helper()
	id := chat.NewID()
	require.NoError(g.t, wsjson.Write(g.t.Context(), g.socket, map[string]string{"type": "ping", "id": id}))
	for {
		_, frame, err := g.socket.Read(g.t.Context())
		require.NoError(g.t, err)
		if bytes.Contains(frame, []byte(id)) {
			require.Contains(g.t, string(frame), `"ok"`)
			break
		}
	}
	for name, head := range g.heads {
		require.Equal(g.t, head, g.head(name), name)
	}
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// forge signs whatever is given with the key of the auth service.
func (g *target) forge(header, payload string) string {
	signed := b64(header) + "." + b64(payload)
	return signed + "." + b64(string(ed25519.Sign(g.key, []byte(signed))))
}

// What is numbered 25 to 51 in the catalogue of hostile inputs, against the
// running system: the answer is the right one, and nobody else is harmed.
func TestHostile(t *testing.T) {
	t.Run("in one process", func(t *testing.T) {
		s := start(t, "", "127.0.0.1:0")
		hostile(&target{t: t, auth: "http://" + s.addr, chat: "http://" + s.addr, key: keyOf(t, filepath.Join(s.dir, "gochat-auth.key"))})
		require.NotContains(t, s.p.Output(), "panic")
	})
	t.Run("in several", func(t *testing.T) {
		quiet := slog.New(slog.DiscardHandler)
		dir := t.TempDir()
		secret := filepath.Join(dir, "secret")
		require.NoError(t, os.WriteFile(secret, []byte("0123456789abcdef0123456789abcdef"), 0o600))
		ctx, stop := context.WithCancel(context.Background())
		var ended sync.WaitGroup
		t.Cleanup(func() { stop(); ended.Wait() })
		listen := func() net.Listener {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			return ln
		}
		auth, room := listen(), listen()
		authURL := "http://" + auth.Addr().String()
		key := filepath.Join(dir, "auth.key")
		_, err := token.LoadOrCreateKeys(key)
		require.NoError(t, err)
		ended.Go(func() {
			err := authsvc.Run(ctx, authsvc.Config{Listener: auth, Demo: true, KeyFile: key, SecretFile: secret, Logger: quiet})
			if err != nil {
				t.Error(err)
			}
		})
		keys, err := token.OpenRemote(authURL+"/.well-known/jwks.json", nil)
		require.NoError(t, err)
		accounts, err := authsvc.OpenRemote(authURL, secret)
		require.NoError(t, err)
		ended.Go(func() {
			err := chatsvc.Run(ctx, chatsvc.Config{
				Listener: room, Store: filepath.Join(dir, "chat.db"), Logger: quiet,
				Verifier: token.NewVerifier(keys, authsvc.DefaultIssuer, authsvc.DefaultAudience, nil),
				Users:    chatsvc.Directory(accounts), Revocations: chatsvc.Ended(accounts),
			})
			if err != nil {
				t.Error(err)
			}
			_, _ = keys.Close(), accounts.Close()
		})
		hostile(&target{t: t, auth: authURL, chat: "http://" + room.Addr().String(), key: keyOf(t, key)})
	})
}

func keyOf(t *testing.T, path string) ed25519.PrivateKey {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	block, _ := pem.Decode(data)
	require.NotNil(t, block)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(t, err)
	return key.(ed25519.PrivateKey)
}

func hostile(g *target) {
	t := g.t
	g.begin()
	done := map[int]bool{}
	for _, part := range []map[int]func(){g.tokens(), g.accounts(), g.foreign(), {42: g.flood}} {
		for _, n := range slices.Sorted(maps.Keys(part)) {
			t.Logf("%d", n)
			part[n]()
			g.unharmed()
			done[n] = true
		}
	}
	for n := 25; n <= 51; n++ {
		require.True(t, done[n], n)
	}
	t.Logf("hostile inputs 25 to 51: %d of 27", len(done))
}

// tokens are 25 to 40: each is sent to the auth service, to the API and to the
// socket.
func (g *target) tokens() map[int]func() {
	t := g.t
	good := g.login("carlos")
	parts := strings.Split(good.token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[0])
	require.NoError(t, err)
	header := string(raw)
	var h struct{ Kid string }
	require.NoError(t, json.Unmarshal(raw, &h))
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	with := func(name string, value any) string {
		var c map[string]any
		require.NoError(t, json.Unmarshal(payload, &c))
		if c[name] = value; value == nil {
			delete(c, name)
		}
		for _, n := range []string{"iat", "exp", "auth_time", "nbf"} { // whole numbers, as they were
			if f, ok := c[n].(float64); ok {
				c[n] = int64(f)
			}
		}
		b, err := json.Marshal(c)
		require.NoError(t, err)
		return string(b)
	}
	said := func(name string, value any) string { return g.forge(header, with(name, value)) }
	extra := func(member string) string {
		return g.forge(strings.TrimSuffix(header, "}")+","+member+"}", string(payload))
	}
	kid := func(id string) string {
		b, err := json.Marshal(map[string]string{"alg": "EdDSA", "typ": "at+jwt", "kid": id})
		require.NoError(t, err)
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
	require.Equal(t, 200, g.as(person{token: forged}, "GET", g.auth+"/auth/profile", "").status)
	require.Equal(t, 200, g.as(person{token: forged}, "GET", g.chat+"/api/session", "").status)

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
			t.Helper()
			for _, text := range texts {
				for _, url := range urls {
					a := ask(url, "Authorization", "Bearer "+text)
					if len(text) > 10_000 && a.status == http.StatusRequestHeaderFieldsTooLarge {
						continue // 20: it did not even fit
					}
					require.Equal(t, 401, a.status, url)
					require.NotContains(t, a.body, ".go")
					if same[url] == "" {
						same[url] = a.body
					}
					require.Equal(t, same[url], a.body, "nothing tells what was wrong")
				}
			}
		}
	}
	over := g.login("carlos")
	return map[int]func(){
		25: func() {
			for _, url := range urls {
				a := ask(url)
				require.Equal(t, 401, a.status, url)
				require.True(t, strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer"), url)
			}
		},
		26: func() {
			text := g.forge(header, reissue(t, payload, now-700, now-100))
			for _, url := range urls {
				a := ask(url, "Authorization", "Bearer "+text)
				require.Equal(t, 401, a.status, url)
				if !strings.HasSuffix(url, "/ws") {
					require.Contains(t, a.body, `"token_expired"`, url)
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
		35: refused(said("nbf", now+3600), g.forge(header, reissue(t, payload, now+3600, now+4000))),
		36: refused(said("exp", nil), said("exp", fmt.Sprint(now+600)), g.forge(header, strings.TrimSuffix(with("exp", nil), "}")+`,"exp":1e400}`)),
		37: refused(strings.Repeat(".", 5000), strings.Repeat("A", 14_000), strings.Repeat(".", 100_000), strings.Repeat("A", 1<<20)),
		38: func() {
			conn := g.dial(over)
			require.Equal(t, 204, g.send("POST", g.auth+"/auth/logout", "{}", "Cookie", cookieName+"="+over.cookie).status)
			g.revoked(conn)
			refused(over.token)()
		},
		39: func() {
			for _, url := range urls {
				a := ask(url, "Authorization", "Bearer "+good.token, "Authorization", "Bearer "+good.token)
				require.Contains(t, []int{400, 401}, a.status, url)
			}
		},
		40: func() {
			for _, url := range urls {
				for _, name := range []string{"token", "access_token"} {
					a := ask(url+"?"+name+"="+good.token, "Authorization", "Bearer "+good.token)
					require.Equal(t, 400, a.status, url)
					require.NotContains(t, a.body, parts[2])
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

// revoked says that the connection is closed with 4501 within a second.
func (g *target) revoked(conn *websocket.Conn) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Second)
	defer cancel()
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			require.Equal(g.t, websocket.StatusCode(4501), websocket.CloseStatus(err), err)
			return
		}
	}
}

// accounts are 41 and 43 to 47.
func (g *target) accounts() map[int]func() {
	t := g.t
	login := func(body string, header ...string) answer {
		return g.send("POST", g.auth+"/auth/login", body, header...)
	}
	return map[int]func(){
		41: func() {
			wrong := login(`{"username":"carlos","password":"12345"}`)
			unknown := login(`{"username":"nobody","password":"12345"}`)
			require.Equal(t, 401, wrong.status)
			require.Equal(t, 401, unknown.status)
			require.Equal(t, wrong.body, unknown.body)
			require.Equal(t, 400, login(`{"username":"carlos","password":""}`).status)
			require.Equal(t, 400, login(`{"username":"carlos","password":"`+strings.Repeat("x", 300)+`"}`).status)
			require.Equal(t, 413, login(`{"username":"carlos","password":"`+strings.Repeat("x", 1<<20)+`"}`).status)
		},
		43: func() {
			stolen := g.login("carlos")
			conn := g.dial(stolen)
			next := g.person(g.refresh(stolen.cookie))
			next = g.person(g.refresh(next.cookie))
			require.Equal(t, 401, g.refresh(stolen.cookie).status)
			require.Equal(t, 401, g.refresh(next.cookie).status, "the whole session is over")
			g.revoked(conn)
			require.Equal(t, 401, g.as(next, "GET", g.chat+"/api/session", "").status)
		},
		44: func() {
			p := g.login("carlos")
			var tabs sync.WaitGroup
			var status [2]int
			for i := range status {
				tabs.Go(func() { status[i] = g.refresh(p.cookie).status })
			}
			tabs.Wait()
			require.Equal(t, [2]int{200, 200}, status)
		},
		45: func() {
			p := g.login("carlos")
			for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://evil.example"}, {"Origin", "null"}} {
				for _, path := range []string{"/auth/refresh", "/auth/logout"} {
					a := g.send("POST", g.auth+path, "{}", append(header, "Cookie", cookieName+"="+p.cookie)...)
					require.Equal(t, 403, a.status, header)
				}
			}
			require.Equal(t, 200, g.refresh(p.cookie).status, "nothing has happened")
		},
		46: func() {
			p := g.login("carlos")
			for range 2 {
				require.Equal(t, 204, g.send("POST", g.auth+"/auth/logout", "{}", "Cookie", cookieName+"="+p.cookie).status)
			}
		},
		47: func() {
			p := g.login("carlos")
			require.Equal(t, 404, g.as(p, "DELETE", g.auth+"/auth/sessions/"+g.john.session, "").status)
			g.read(g.as(p, "PATCH", g.auth+"/auth/profile", `{"name":"Charles","id":"`+g.john.id+`","user":"`+g.john.id+`"}`), new(any))
			var got struct{ User authsvc.User }
			g.read(g.as(g.john, "GET", g.auth+"/auth/profile", ""), &got)
			require.Equal(t, "john", got.User.Name)
			require.Equal(t, 409, g.as(p, "PATCH", g.auth+"/auth/profile", `{"name":"John"}`).status)
		},
	}
}

// foreign are 48 to 51.
func (g *target) foreign() map[int]func() {
	t := g.t
	p := g.login("carlos")
	hidden := func(room string) {
		url := g.rooms[room]
		for what, a := range map[string]answer{
			"history": g.as(p, "GET", url+"/messages", ""),
			"room":    g.as(p, "GET", url, ""),
			"members": g.as(p, "GET", url+"/members", ""),
			"post":    g.as(p, "POST", url+"/messages", `{"id":"`+chat.NewID()+`","text":"mine"}`),
			"edit":    g.as(p, "PATCH", url+"/messages/2", `{"id":"`+chat.NewID()+`","text":"mine"}`),
			"delete":  g.as(p, "DELETE", url+"/messages/2?id="+chat.NewID(), ""),
			"join":    g.as(p, "POST", url+"/members", `{"id":"`+chat.NewID()+`"}`),
			"command": g.as(p, "POST", url+"/commands", `{"id":"`+chat.NewID()+`","text":"/stock=aapl.us"}`),
		} {
			require.Contains(t, []int{400, 404}, a.status, "%s: %s", what, a.body)
			if what == "history" || what == "room" || what == "members" || what == "post" {
				require.Equal(t, 404, a.status, what)
				missing := g.as(p, "GET", g.chat+"/api/rooms/"+chat.NewID()+"/messages", "")
				require.Equal(t, missing.body, g.as(p, "GET", url+"/messages", "").body, "it can't be told from one that does not exist")
			}
			require.NotContains(t, a.body, "ours")
		}
	}
	return map[int]func(){
		48: func() { hidden("private") },
		49: func() { hidden("direct") },
		50: func() {
			for _, query := range []string{"limit=-1", "limit=0", "limit=1000000000", "limit=abc", "before=9223372036854775808", "after=-1"} {
				require.Equal(t, 400, g.as(g.john, "GET", g.rooms["public"]+"/messages?"+query, "").status, query)
			}
			for _, query := range []string{"limit=-1", "limit=0", "limit=1000000000", "limit=abc"} {
				require.Equal(t, 400, g.as(p, "GET", g.auth+"/auth/users?"+query, "").status, query)
			}
		},
		51: func() {
			require.Equal(t, 409, g.as(p, "POST", g.chat+"/api/rooms", `{"id":"`+chat.NewID()+`","name":"Market"}`).status, "the name is taken")
			limited := 0
			for i := range 100 {
				a := g.as(p, "POST", g.chat+"/api/rooms", fmt.Sprintf(`{"id":"%s","name":"room %d"}`, chat.NewID(), i))
				if a.status == 429 {
					require.NotEmpty(t, a.header.Get("Retry-After"))
					limited++
				}
			}
			require.Greater(t, limited, 50)
		},
	}
}

// flood is 42. It comes last, because the address is held back after it.
func (g *target) flood() {
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for i := range 200 {
		wg.Go(func() {
			a := g.send("POST", g.auth+"/auth/login", fmt.Sprintf(`{"username":"user%d","password":"wrong"}`, i))
			mu.Lock()
			defer mu.Unlock()
			got[a.status]++
		})
	}
	wg.Wait()
	require.LessOrEqual(g.t, got[401]+got[503], 30, "the rest is refused before anything is hashed: %v", got)
	require.Equal(g.t, 200, got[401]+got[429]+got[503], got)
}
