package authsvc_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/examples/internal/token"
)

// The numbers are those of the catalogue of hostile inputs.
func TestHostileLogins(t *testing.T) {
	s := startWithAnn(t)
	good := credentials("ann", password)
	for name, tc := range map[string]struct {
		body   string
		header []string
		status int
		code   string
		field  string
	}{
		"1 invalid JSON":             {`{"username":"ann"`, nil, 400, "bad_request", ""},
		"2 empty":                    {"", []string{"Content-Type", "application/json"}, 400, "bad_request", ""},
		"3 array":                    {`["ann"]`, nil, 400, "bad_request", ""},
		"3 string":                   {`"ann"`, nil, 400, "bad_request", ""},
		"3 null":                     {`null`, nil, 400, "bad_request", ""},
		"4 second value":             {good + good, nil, 400, "bad_request", ""},
		"5 duplicate":                {`{"username":"bob","username":"ann","password":"x"}`, nil, 400, "bad_request", "username"},
		"5 other case":               {`{"username":"ann","Password":"x"}`, nil, 400, "bad_request", "Password"},
		"6 number":                   {`{"username":1,"password":"x"}`, nil, 400, "bad_request", "username"},
		"6 null":                     {`{"username":"ann","password":null}`, nil, 400, "bad_request", "password"},
		"6 object":                   {`{"username":{"$ne":""},"password":"x"}`, nil, 400, "bad_request", "username"},
		"7 bad UTF-8":                {"{\"username\":\"a\xff\",\"password\":\"x\"}", nil, 400, "bad_request", ""},
		"7 half a surrogate":         {`{"username":"ann","password":"\ud800"}`, nil, 400, "bad_request", "password"},
		"8 too long":                 {`{"username":"ann","password":"` + strings.Repeat("x", 64<<10) + `"}`, nil, 413, "too_large", ""},
		"9 no type":                  {good, []string{"Content-Type", ""}, 415, "unsupported_media_type", ""},
		"9 text":                     {good, []string{"Content-Type", "text/plain"}, 415, "unsupported_media_type", ""},
		"9 form":                     {"username=ann&password=x", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported_media_type", ""},
		"11 compressed":              {good, []string{"Content-Encoding", "gzip"}, 415, "unsupported_media_type", ""},
		"17 foreign Host":            {good, []string{"Host", "evil.test"}, 421, "misdirected", ""},
		"17 no Host":                 {good, []string{"Host", ""}, 421, "misdirected", ""},
		"41 no name":                 {`{"password":"x"}`, nil, 400, "bad_request", "username"},
		"41 empty name":              {`{"username":"","password":"x"}`, nil, 400, "bad_request", "username"},
		"41 empty password":          {`{"username":"ann","password":""}`, nil, 400, "bad_request", "password"},
		"41 no password":             {`{"username":"ann"}`, nil, 400, "bad_request", "password"},
		"41 long password":           {credentials("ann", strings.Repeat("x", 257)), nil, 400, "too_long", "password"},
		"41 long password of nobody": {credentials("bob", strings.Repeat("x", 257)), nil, 400, "too_long", "password"},
		"41 longest password":        {credentials("ann", strings.Repeat("x", 256)), nil, 401, "invalid_credentials", ""},
		"41 long name":               {credentials(strings.Repeat("a", 65), "x"), nil, 400, "too_long", "username"},
		"41 password with NUL":       {credentials("ann", password+"\x00"), nil, 401, "invalid_credentials", ""},
		"90 deep":                    {`{"username":"ann","password":"x","x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, nil, 400, "bad_request", "x" + strings.Repeat("[0]", 21)},
	} {
		t.Run(name, func(t *testing.T) {
			header := append([]string{"Accept", "text/html"}, tc.header...) // 10
			w := s.do("POST", "/auth/login", tc.body, header...)
			require.Equal(t, tc.status, w.Code, w.Body)
			p := problemOf(t, w)
			require.Equal(t, tc.code, p.Code)
			require.Equal(t, tc.field, p.Field)
			require.Empty(t, w.Header().Get("Set-Cookie"))
			require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			require.NotContains(t, w.Body.String(), ".go")
		})
	}
	require.Zero(t, s.Sessions())
}

func TestHostsServed(t *testing.T) {
	s := start(t, authsvc.Config{Addr: "192.0.2.7:80", Hosts: []string{"chat.example"}})
	for host, status := range map[string]int{
		"192.0.2.7": 200, "localhost:80": 200, "chat.example": 200, "192.0.2.8": 421, "evil.test": 421, "": 421,
	} {
		require.Equal(t, status, s.do("GET", "/auth/config", "", "Host", host).Code, host)
	}
}

func TestHostileRoutes(t *testing.T) {
	s := startWithAnn(t)
	for name, tc := range map[string]struct {
		method, target string
		status         int
		allow          string
	}{
		"12 root":               {"GET", "/", 404, ""},
		"12 below a route":      {"GET", "/auth/profile/x", 404, ""},
		"13 login by GET":       {"GET", "/auth/login", 405, "POST"},
		"13 config by POST":     {"POST", "/auth/config", 405, "GET, HEAD"},
		"13 refresh by PUT":     {"PUT", "/auth/refresh", 405, "POST"},
		"13 unknown method":     {"BREW", "/auth/logout", 405, "POST"},
		"15 escaped slash":      {"GET", "/auth%2Fconfig", 404, ""},
		"15 escaped dots":       {"GET", "/auth/%2e%2e/auth/config", 404, ""},
		"15 NUL":                {"GET", "/auth/config%00", 404, ""},
		"15 bad UTF-8":          {"GET", "/auth/%ff", 404, ""},
		"47 no token":           {"PATCH", "/auth/profile", 401, ""},
		"51 no registration":    {"POST", "/auth/register", 404, ""},
		"14 dots, not followed": {"GET", "/auth/../auth/config", 307, ""},
		"14 two slashes":        {"GET", "//auth/config", 307, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.do(tc.method, tc.target, "", "Content-Type", "application/json")
			require.Equal(t, tc.status, w.Code, w.Body)
			require.Equal(t, tc.allow, w.Header().Get("Allow"))
			if loc := w.Header().Get("Location"); loc != "" {
				require.Equal(t, "/auth/config", loc, "never another host")
			}
		})
	}
}

// 25 to 40 are in the tests of package token in full; here is that the routes
// use it, answer all of them alike, and leave no trace.
func TestHostileTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startWithAnn(t)
		sign := func(keys *token.Keys, issuer, audience string, of token.Subject) string {
			i, err := token.NewIssuer(keys, issuer, audience, nil)
			require.NoError(t, err)
			text, _, err := i.Sign(of)
			require.NoError(t, err)
			return text
		}
		foreign, err := token.GenerateKeys()
		require.NoError(t, err)
		g := s.login("ann", password)
		out := s.login("ann", password)
		require.Equal(t, 204, s.logout(out.refresh).Code)
		parts := strings.Split(g.AccessToken, ".")
		nobody := token.Subject{ID: "id-of-ann", Name: "ann", Session: "none"}
		const iss, aud = authsvc.DefaultIssuer, authsvc.DefaultAudience
		logged := s.log.Len()

		bodies := map[string]bool{}
		for name, text := range map[string]string{
			"27 alg none":                "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + parts[1] + ".",
			"29 key of somebody else":    sign(foreign, iss, aud, nobody),
			"33 refresh token":           g.refresh,
			"36 signature cut":           g.AccessToken[:len(g.AccessToken)-1],
			"37 dots":                    strings.Repeat(".", 100_000),
			"37 one megabyte":            strings.Repeat("A", 1<<20),
			"38 session that is over":    out.AccessToken,
			"26 not a token":             "x",
			"34 other audience":          sign(s.KeySet().(*token.Keys), iss, "mail", nobody),
			"34 other issuer":            sign(s.KeySet().(*token.Keys), "evil", aud, nobody),
			"38 session that never was":  sign(s.KeySet().(*token.Keys), iss, aud, nobody),
			"line break and header":      "x\r\nX-Evil: 1",
			"payload of somebody else's": parts[0] + "." + strings.Split(out.AccessToken, ".")[1] + "." + parts[2],
		} {
			for _, path := range []string{"/auth/profile", "/auth/users"} {
				w := s.do("GET", path, "", "Authorization", "Bearer "+text)
				require.Equal(t, 401, w.Code, name)
				require.Equal(t, `Bearer error="invalid_token"`, w.Header().Get("WWW-Authenticate"), name)
				bodies[w.Body.String()] = true
			}
		}
		require.Len(t, bodies, 1, "nothing tells what was wrong")
		require.Equal(t, 401, s.do("GET", "/auth/profile", "").Code) // 25
		require.Equal(t, 401, s.do("GET", "/auth/profile", "", "Cookie", cookieName+"="+g.refresh).Code)
		for _, query := range []string{"access_token=", "token="} { // 40
			w := s.do("GET", "/auth/profile?"+query+g.AccessToken, "")
			require.Equal(t, 400, w.Code)
			require.NotContains(t, w.Body.String(), parts[2])
		}
		require.Equal(t, logged, s.log.Len(), "nothing is logged of it")

		time.Sleep(10*time.Minute + 30*time.Second) // 26
		w := s.profile(g.AccessToken)
		require.Equal(t, 401, w.Code)
		require.Equal(t, "token_expired", problemOf(t, w).Code)
	})
}

// 8, 16, 18 to 20: what only a real connection shows.
func TestHostileBytes(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	j := &journal{}
	c := authsvc.Config{Listener: ln, Logger: j.logger()}
	go func() { done <- authsvc.Run(ctx, authsvc.Cheap(c)) }()
	defer func() {
		cancel()
		require.NoError(t, <-done)
		require.NotContains(t, j.log.String(), "panic")
	}()

	const head = "POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	long := strings.Repeat("x", 70<<10)
	for name, tc := range map[string]struct {
		sent   string
		status int
	}{
		"8 long, declared":        {head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(long), long), 413},
		"8 long, in chunks":       {head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(long), long), 413},
		"8 declared far too long": {head + "Content-Length: 1000000000000\r\n\r\n" + long, 413},
		"16 bad escape":           {"GET /auth/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
		"17 absolute target":      {"GET http://evil.test/auth/config HTTP/1.1\r\nHost: localhost\r\n\r\n", 421},
		"18 two Hosts":            {"GET /auth/config HTTP/1.1\r\nHost: localhost\r\nHost: evil.test\r\n\r\n", 400},
		"18 bad method":           {"G@T /auth/config HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
		"18 negative length":      {head + "Content-Length: -1\r\n\r\n", 400},
		"18 unknown coding":       {head + "Transfer-Encoding: gzip\r\n\r\n", 501},
		"18 two lengths":          {head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400},
		"19 length and chunks":    {head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400},
		"20 large header":         {"GET /auth/config HTTP/1.1\r\nHost: localhost\r\nX: " + long + "\r\n\r\n", 431},
		"not HTTP":                {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
		"line break in a cookie":  {"POST /auth/logout HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nCookie: a=b\x00c\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", ln.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
			go func() { _, _ = io.WriteString(conn, tc.sent) }()
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			require.Equal(t, tc.status, resp.StatusCode)
		})
	}
}
