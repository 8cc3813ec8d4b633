package authsvc_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/examples/internal/token"
)

func TestLogin(t *testing.T) {
	s := startWithAnn(t)
	for _, name := range []string{"ann", "Ann", "ANN"} {
		w := s.do("POST", "/auth/login", credentials(name, password))
		g := granted(t, w)
		require.Equal(t, "Bearer", g.TokenType)
		require.Equal(t, 600, g.ExpiresIn)
		require.Equal(t, authsvc.User{ID: "id-of-ann", Username: "ann", Name: "ann"}, g.User)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))

		c := cookieOf(w)
		require.Equal(t, cookieName, c.Name)
		require.True(t, c.HttpOnly && c.Secure)
		require.Equal(t, http.SameSiteStrictMode, c.SameSite)
		require.Equal(t, "/", c.Path)
		require.Empty(t, c.Domain)
		require.InDelta(t, 7*24*3600, c.MaxAge, 2)

		claims, err := token.NewVerifier(s.KeySet(), authsvc.DefaultIssuer, authsvc.DefaultAudience, nil).Verify(t.Context(), g.AccessToken)
		require.NoError(t, err)
		require.Equal(t, "id-of-ann", claims.Subject.ID)
		require.Equal(t, "ann", claims.Name)
		alive, err := s.Alive(t.Context(), claims.Session)
		require.NoError(t, err)
		require.True(t, alive)
	}
	require.Equal(t, 3, s.Sessions(), "each login is a session of its own")
}

func TestSpellingsOfAPassword(t *testing.T) {
	s := start(t, authsvc.Config{})
	s.AddUser("ann", "pass\u00e9 word") // composed, as most keyboards send it
	s.login("ann", "passe\u0301 word")  // decomposed
	s.login("ann", "pass\u00e9\u00a0word")
	require.Equal(t, 401, s.do("POST", "/auth/login", credentials("ann", "passe word")).Code)
	require.Equal(t, 401, s.do("POST", "/auth/login", credentials("ann", "Pass\u00e9 word")).Code)
}

// 41: whether there is such a user shows in nothing.
func TestUnknownUserLooksLikeAWrongPassword(t *testing.T) {
	s := startWithAnn(t)
	answer := func(name, password string) (int, http.Header, string) {
		w := s.do("POST", "/auth/login", credentials(name, password))
		return w.Code, w.Header(), w.Body.String()
	}
	status, header, body := answer("ann", "wrong")
	require.Equal(t, 401, status)
	require.Contains(t, body, `"invalid_credentials"`)
	require.Empty(t, header.Get("Set-Cookie"))
	for name, who := range map[string]string{
		"unknown":         "bob",
		"not a name":      "a b",
		"SQL":             "ann' --",
		"NUL":             "ann\x00",
		"look-alike":      "\u0430nn",
		"pattern":         "an%",
		"one character":   "a",
		"control":         "\u202eann",
		"path":            "../ann",
		"trailing space":  "ann ",
		"longest allowed": strings.Repeat("a", 64),
	} {
		t.Run(name, func(t *testing.T) {
			gotStatus, gotHeader, gotBody := answer(who, password)
			require.Equal(t, status, gotStatus)
			require.Equal(t, header, gotHeader)
			require.Equal(t, body, gotBody)
		})
	}
}

func TestThrottleOfAnAccount(t *testing.T) {
	for name, who := range map[string]string{"somebody": "ann", "nobody": "bob"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startWithAnn(t)
				wrong := func() *httptest.ResponseRecorder { return s.do("POST", "/auth/login", credentials(who, "wrong")) }
				for range 5 {
					require.Equal(t, 401, wrong().Code)
				}
				for _, wait := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
					w := wrong()
					require.Equal(t, 429, w.Code)
					require.Equal(t, fmt.Sprint(int(wait)), w.Header().Get("Retry-After"))
					p := problemOf(t, w)
					require.Equal(t, "rate_limited", p.Code)
					require.Equal(t, int64(wait*1000), p.Retry)
					time.Sleep(wait*time.Second - time.Millisecond)
					require.Equal(t, 429, wrong().Code)
					time.Sleep(time.Millisecond)
					require.Equal(t, 401, wrong().Code)
				}
				// The right password has to wait as well, but is never locked out.
				if who == "ann" {
					require.Equal(t, 429, s.do("POST", "/auth/login", credentials("ann", password)).Code)
					time.Sleep(time.Minute)
					s.login("ann", password)
					require.Equal(t, 401, wrong().Code, "and then it begins anew")
				}
			})
		})
	}
}

func TestThrottleForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startWithAnn(t)
		for range 3 {
			for range 5 {
				require.Equal(t, 401, s.do("POST", "/auth/login", credentials("ann", "wrong")).Code)
			}
			time.Sleep(15*time.Minute + time.Second)
		}
	})
}

// 42: what one address tries is limited whatever names it uses, and a success
// costs nothing.
func TestThrottleOfAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, authsvc.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}) // httptest's peer
		s.AddUser("ann", password)
		try := func(from string, i int) int {
			return s.do("POST", "/auth/login", credentials(fmt.Sprint("user", i), "wrong"), "X-Forwarded-For", from).Code
		}
		for range 100 {
			s.login("ann", password)
		}
		for i := range 30 {
			require.Equal(t, 401, try("198.51.100.1", i))
		}
		require.Equal(t, 429, try("198.51.100.1", 31))
		require.Equal(t, 429, try("10.0.0.1, 198.51.100.1", 32), "what a client claims in front does not help")
		require.Equal(t, 401, try("198.51.100.2", 33), "another address")
		time.Sleep(2 * time.Second)
		require.Equal(t, 401, try("198.51.100.1", 34))
		require.Equal(t, 429, try("198.51.100.1", 35))

		for i := range 30 {
			require.Equal(t, 401, try(fmt.Sprintf("2001:db8::%d", i+1), 100+i))
		}
		require.Equal(t, 429, try("2001:db8::ffff", 200), "all of a /64 is one")
		require.Equal(t, 401, try("2001:db8:0:1::1", 201))
	})
}

func TestLoginFlood(t *testing.T) { // 42
	synctest.Test(t, func(t *testing.T) {
		s := startWithAnn(t)
		release := s.OccupyHashing()
		var wg sync.WaitGroup
		var busy, limited atomic.Int32
		start := time.Now()
		for range 1000 {
			wg.Go(func() {
				w := s.do("POST", "/auth/login", credentials("ann", "wrong"))
				switch w.Code {
				case 503:
					busy.Add(1)
					if w.Header().Get("Retry-After") != "1" {
						t.Error("no Retry-After")
					}
				case 429:
					limited.Add(1)
				default:
					t.Errorf("status %d", w.Code)
				}
			})
		}
		wg.Wait()
		require.Equal(t, time.Second, time.Since(start))
		require.Equal(t, int32(5), busy.Load(), "as many as an account has free are let to the hash")
		require.Equal(t, int32(995), limited.Load())
		release()
		for range 4 { // what was never decided is not held against her
			require.Equal(t, 401, s.do("POST", "/auth/login", credentials("ann", "wrong")).Code)
		}
		s.login("ann", password)
	})
}

func TestOldHashIsRenewed(t *testing.T) {
	path := t.TempDir() + "/auth.db"
	cheap := start(t, authsvc.Config{Database: path})
	cheap.AddUser("ann", password)
	require.NoError(t, cheap.Close())

	j := &journal{}
	full, err := authsvc.New(t.Context(), authsvc.Config{Database: path, Logger: j.logger()})
	require.NoError(t, err)
	defer full.Close()
	s := &service{full, j, t}
	before := full.HashOf("ann")
	s.login("ann", password)
	after := full.HashOf("ann")
	require.Contains(t, before, "$m=8,t=1,p=1$")
	require.Contains(t, after, "$argon2id$v=19$m=19456,t=2,p=1$")
	s.login("ann", password)
	require.Equal(t, after, full.HashOf("ann"))
}

func TestInsecureCookie(t *testing.T) {
	s := start(t, authsvc.Config{InsecureCookie: true})
	s.AddUser("ann", password)
	w := s.do("POST", "/auth/login", credentials("ann", password))
	c := cookieOf(w)
	require.Equal(t, "gochat_rt", c.Name)
	require.False(t, c.Secure)
	require.True(t, c.HttpOnly)
	require.Equal(t, 200, s.do("POST", "/auth/refresh", "{}", "Cookie", "gochat_rt="+c.Value).Code)
}
