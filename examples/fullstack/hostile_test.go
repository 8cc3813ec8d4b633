package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
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
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/examples/internal/botsvc"
	"github.com/carlware/gochat/examples/internal/broker"
	"github.com/carlware/gochat/examples/internal/chatsvc"
	"github.com/carlware/gochat/examples/internal/token"
	"github.com/carlware/gochat/internal/faultproxy"
	"github.com/carlware/gochat/internal/rabbittest"
	"github.com/carlware/gochat/transport"
)

// target is a running system, in one process or in several, and somebody who
// has nothing to do with what is tried on it.
type target struct {
	t          *testing.T
	auth, chat string // URLs
	key        ed25519.PrivateKey
	accounts   authsvc.Config    // where users are made
	amqp       string            // the address of the broker
	proxy      *faultproxy.Proxy // between the system and the broker
	source     *source           // of its quotes
	open       func() int        // counts its connections and files, if that can be told

	socket *websocket.Conn // john's
	heard  chan string     // what comes on it
	rooms  map[string]string
	heads  map[string]chat.Seq
	john   person
	made   int // users
}

// person is a login.
type person struct{ id, token, cookie, session string }

const cookieName = "__Host-gochat_rt"

type answer struct {
	status int
	body   string
	header http.Header
}

// tooLong is when what is waited for counts as a fault. It ends a test that
// hangs, and says nothing about speed.
const tooLong = 3 * time.Minute

// tokenTTL is as long as it may be: john has one token for all of it.
const tokenTTL = 15 * time.Minute

// send sends a request, on a connection of its own: none is used again that the
// server is just closing, and an answer counts that comes before all is sent.
// header holds names and values in turn; the same name twice is sent twice.
func (g *target) send(method, url, body string, header ...string) answer {
	g.t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(g.t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(header, 2) {
		if pair[0] == "Content-Type" {
			r.Header.Del(pair[0])
		}
		r.Header[pair[0]] = append(r.Header[pair[0]], pair[1])
	}
	c := g.connect(url)
	defer c.Close()
	go r.Write(c) //nolint:errcheck // the answer tells
	resp, err := http.ReadResponse(bufio.NewReader(c), r)
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

// user makes a user and logs in.
func (g *target) user() person {
	g.t.Helper()
	g.made++
	name := fmt.Sprintf("user-%d", g.made)
	const password = "correct horse battery"
	require.NoError(g.t, authsvc.AddUser(g.t.Context(), g.accounts, name, password))
	return g.person(g.send("POST", g.auth+"/auth/login", `{"username":"`+name+`","password":"`+password+`"}`))
}

// room makes a public room of p and returns its URL.
func (g *target) room(p person) string {
	g.t.Helper()
	var made struct{ Room chat.RoomInfo }
	g.read(g.as(p, "POST", g.chat+"/api/rooms", fmt.Sprintf(`{"id":"%s","name":"room %s"}`, chat.NewID(), chat.NewID())), &made)
	return g.chat + "/api/rooms/" + string(made.Room.ID)
}

// ready waits until a service says that it can do its work.
func (g *target) ready(url string) {
	g.t.Helper()
	require.Eventually(g.t, func() bool { return g.send("GET", url+"/readyz", "").status == 200 }, tooLong, 10*time.Millisecond)
}

// begin makes rooms, and john.
func (g *target) begin() {
	g.ready(g.auth)
	g.ready(g.chat)
	g.john = g.login("john")
	require.Eventually(g.t, func() bool { // the chat has the keys of the auth service
		return g.as(g.john, "GET", g.chat+"/api/session", "").status == 200
	}, tooLong, 10*time.Millisecond)
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
	g.socket, g.heard = g.dial(g.john), make(chan string, 1000)
	ctx := g.t.Context()
	go func() {
		defer close(g.heard)
		for {
			_, frame, err := g.socket.Read(ctx)
			if err != nil {
				return
			}
			g.heard <- string(frame)
		}
	}()
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
	late, heard := time.After(tooLong), ""
	for !strings.Contains(heard, id) {
		select {
		case next, ok := <-g.heard:
			require.True(g.t, ok, "the connection of a bystander has ended")
			heard = next
		case <-late:
			require.Fail(g.t, "a bystander is not answered")
		}
	}
	require.Contains(g.t, heard, `"ok"`)
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

// The whole catalogue of hostile inputs, 1 to 106, against the running system:
// the answer is the right one, nobody else is harmed, and nothing that is stored
// changes.
func TestHostile(t *testing.T) {
	t.Run("in one process", func(t *testing.T) {
		t.Parallel()
		vhost := rabbittest.New(t)
		proxy, throughProxy := faultproxy.URL(t, vhost.URL)
		source := quotes(t)
		s := start(t, "", "127.0.0.1:0", "-quotes", source.url, "-broker", throughProxy, "-token-ttl", tokenTTL.String())
		hostile(&target{
			t: t, auth: "http://" + s.addr, chat: "http://" + s.addr, key: keyOf(t, filepath.Join(s.dir, "gochat-auth.key")),
			accounts: authsvc.Config{Database: filepath.Join(s.dir, "gochat-auth.db")}, amqp: vhost.URL, proxy: proxy, source: source, open: s.p.Files,
		}, func() { s.p.Signal(syscall.SIGTERM) })
		require.Zero(t, s.p.Wait())
		require.NotContains(t, s.p.Output(), "panic")
	})
	t.Run("in several", func(t *testing.T) {
		t.Parallel()
		quiet := slog.New(slog.DiscardHandler)
		dir := t.TempDir()
		secret := filepath.Join(dir, "secret")
		require.NoError(t, os.WriteFile(secret, []byte("0123456789abcdef0123456789abcdef"), 0o600))
		services, stop := context.WithCancel(context.Background())
		chatroom, stopChatroom := context.WithCancel(services)
		var ended sync.WaitGroup
		t.Cleanup(func() { stop(); ended.Wait() })
		listen := func() net.Listener {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			return ln
		}
		auth, room := listen(), listen()
		authURL := "http://" + auth.Addr().String()
		accounts := authsvc.Config{
			Listener: auth, Demo: true, Database: filepath.Join(dir, "auth.db"), KeyFile: filepath.Join(dir, "auth.key"),
			SecretFile: secret, TokenTTL: tokenTTL, Logger: quiet,
		}
		_, err := token.LoadOrCreateKeys(accounts.KeyFile)
		require.NoError(t, err)
		run := func(service func() error) {
			ended.Go(func() {
				if err := service(); err != nil {
					t.Error(err)
				}
			})
		}
		run(func() error { return authsvc.Run(services, accounts) })
		keys, err := token.OpenRemote(authURL+"/.well-known/jwks.json", nil)
		require.NoError(t, err)
		others, err := authsvc.OpenRemote(authURL, secret)
		require.NoError(t, err)
		vhost := rabbittest.New(t)
		proxy, throughProxy := faultproxy.URL(t, vhost.URL)
		open := func() transport.Broker {
			b, err := broker.OpenShared(throughProxy)
			require.NoError(t, err)
			return b
		}
		ofBot, ofRooms, source := open(), open(), quotes(t)
		run(func() error {
			return errors.Join(botsvc.Run(services, botsvc.Config{Broker: ofBot, Quotes: source.url, Logger: quiet}), ofBot.Close())
		})
		run(func() error {
			err := chatsvc.Run(chatroom, chatsvc.Config{
				Listener: room, Store: filepath.Join(dir, "chat.db"), Broker: ofRooms, Logger: quiet,
				Verifier: token.NewVerifier(keys, authsvc.DefaultIssuer, authsvc.DefaultAudience, nil),
				Users:    chatsvc.Directory(others), Revocations: chatsvc.Ended(others),
			})
			return errors.Join(err, keys.Close(), others.Close(), ofRooms.Close())
		})
		hostile(&target{
			t: t, auth: authURL, chat: "http://" + room.Addr().String(), key: keyOf(t, accounts.KeyFile),
			accounts: authsvc.Config{Database: accounts.Database}, amqp: vhost.URL, proxy: proxy, source: source, open: func() int { return 0 },
		}, stopChatroom)
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

// nothingLeft says that the system has no more connections and files open than
// before, but for a few of its own, such as to the source of quotes.
func (g *target) nothingLeft(before int) {
	g.t.Helper()
	require.Eventually(g.t, func() bool { return g.open() <= before+10 }, tooLong, 10*time.Millisecond, "%d files were open, now %d", before, g.open())
}

// hostile runs the catalogue. stop tells the system to end.
func hostile(g *target, stop func()) {
	t := g.t
	g.begin()
	before := g.open()
	done := map[int]bool{}
	over := false
	run := func(part map[int]func()) {
		for _, n := range slices.Sorted(maps.Keys(part)) {
			t.Run(fmt.Sprint(n), func(one *testing.T) {
				g.t = one
				defer func() { g.t = t }()
				part[n]()
				if !over {
					g.unharmed()
				}
				require.False(t, done[n], n)
				done[n] = true
			})
		}
	}
	// What takes its time goes on beside the rest.
	slow, patient := g.waits(), g.patience()
	for _, part := range []func() map[int]func(){g.requests, g.tokens, g.accountsAndLogins, g.foreign, g.upgrades, g.frames, g.protocol, g.behindTheBroker, g.commands} {
		run(part())
	}
	run(patient)
	run(slow)
	last, other := g.user(), g.user() // who could not log in after the flood
	run(map[int]func(){42: g.flood})
	g.nothingLeft(before)
	ending := g.end(stop, last, other)
	over = true
	run(ending)
	for n := 1; n <= 106; n++ {
		require.True(t, done[n], n)
	}
	t.Logf("hostile inputs: %d of 106", len(done))
}
