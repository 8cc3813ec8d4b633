package authsvc_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/authsvc"
)

// requireOver says that the answer is that of a session that is over, and takes
// the cookie back.
func requireOver(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	require.Equal(t, 401, w.Code)
	require.Equal(t, "unauthorized", problemOf(t, w).Code)
	c := cookieOf(w)
	require.NotNil(t, c)
	require.Empty(t, c.Value)
	require.Negative(t, c.MaxAge)
	require.True(t, c.Secure && c.HttpOnly)
}

func TestRefreshRotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startWithAnn(t)
		g := s.login("ann", password)
		seen := map[string]bool{g.refresh: true}
		tokens := map[string]bool{g.AccessToken: true}
		for range 5 {
			time.Sleep(9 * time.Minute)
			next := granted(t, s.refresh(g.refresh))
			require.False(t, seen[next.refresh], "each cookie is new")
			require.False(t, tokens[next.AccessToken])
			require.Equal(t, g.User, next.User)
			require.Equal(t, 200, s.profile(next.AccessToken).Code)
			seen[next.refresh], tokens[next.AccessToken] = true, true
			g = next
		}
		require.Equal(t, 1, s.Sessions())
		require.Empty(t, s.Revoked())
	})
}

// 43: the thief and the victim can't both go on, whoever comes first.
func TestRefreshReplayEndsTheSession(t *testing.T) {
	for name, tc := range map[string]struct {
		rotations int
		after     time.Duration
	}{
		"the last but one, late":       {1, 10 * time.Second},
		"the last but one, much later": {1, 24 * time.Hour},
		"an older one, at once":        {2, 0},
		"a much older one":             {50, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startWithAnn(t)
				stolen := s.login("ann", password)
				other := s.login("ann", password)
				g := stolen
				for range tc.rotations {
					g = granted(t, s.refresh(g.refresh))
				}
				time.Sleep(tc.after)
				if tc.after < 10*time.Minute {
					require.Equal(t, 200, s.profile(g.AccessToken).Code)
				}
				requireOver(t, s.refresh(stolen.refresh))
				requireOver(t, s.refresh(g.refresh))
				require.Equal(t, 401, s.profile(g.AccessToken).Code, "38: its access tokens are refused here at once")
				require.Len(t, s.Revoked(), 1)
				require.True(t, strings.HasPrefix(s.Revoked()[0], "id-of-ann "))
				require.Contains(t, s.log.String(), "used again")
				granted(t, s.refresh(other.refresh)) // other logins go on
			})
		})
	}
}

// 44: two tabs with the same cookie.
func TestTwoTabsRefreshAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startWithAnn(t)
		g := s.login("ann", password)
		var wg sync.WaitGroup
		answers := make([]*httptest.ResponseRecorder, 10)
		for i := range answers {
			wg.Go(func() { answers[i] = s.refresh(g.refresh) })
		}
		wg.Wait()
		var cookies []string
		for _, w := range answers {
			require.Equal(t, 200, w.Code)
			if c := cookieOf(w); c != nil {
				cookies = append(cookies, c.Value)
			}
		}
		require.Len(t, cookies, 1, "only one of them got the next cookie")
		time.Sleep(10*time.Second - time.Millisecond)
		late := granted(t, s.refresh(g.refresh))
		require.Empty(t, late.refresh)
		granted(t, s.refresh(cookies[0]))
		require.Empty(t, s.Revoked())
	})
}

func TestSessionEnds(t *testing.T) {
	const day = 24 * time.Hour
	t.Run("when it is not used", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := startWithAnn(t)
			g := s.login("ann", password)
			time.Sleep(7*day - time.Second)
			w := s.refresh(g.refresh)
			require.InDelta(t, 7*24*3600, cookieOf(w).MaxAge, 1)
			g = granted(t, w)
			time.Sleep(7 * day)
			requireOver(t, s.refresh(g.refresh))
		})
	})
	t.Run("after 30 days", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := startWithAnn(t)
			g := s.login("ann", password)
			for range 29 {
				time.Sleep(day)
				g = granted(t, s.refresh(g.refresh))
			}
			w := s.refresh(g.refresh)
			require.InDelta(t, 24*3600, cookieOf(w).MaxAge, 1, "the cookie ends with the session")
			g = granted(t, w)
			time.Sleep(day - time.Minute)
			g = granted(t, s.refresh(g.refresh))
			require.Equal(t, 200, s.profile(g.AccessToken).Code)
			time.Sleep(time.Minute)
			require.Equal(t, 401, s.profile(g.AccessToken).Code)
			requireOver(t, s.refresh(g.refresh))
			s.login("ann", password)
			require.Equal(t, 1, s.Sessions(), "what is over is deleted")
		})
	})
}

func TestTooManySessions(t *testing.T) {
	s := startWithAnn(t)
	s.AddUser("bob", password)
	bob := s.login("bob", password)
	var all []grant
	for range 22 {
		all = append(all, s.login("ann", password))
	}
	require.Equal(t, 20+1, s.Sessions())
	require.Len(t, s.Revoked(), 2)
	requireOver(t, s.refresh(all[0].refresh))
	requireOver(t, s.refresh(all[1].refresh))
	granted(t, s.refresh(all[2].refresh))
	granted(t, s.refresh(bob.refresh))
}

func TestLogout(t *testing.T) {
	s := startWithAnn(t)
	g, other := s.login("ann", password), s.login("ann", password)
	for range 2 { // 46
		w := s.logout(g.refresh)
		require.Equal(t, 204, w.Code)
		require.Empty(t, w.Body.String())
		require.Negative(t, cookieOf(w).MaxAge)
	}
	requireOver(t, s.refresh(g.refresh))
	require.Equal(t, 401, s.profile(g.AccessToken).Code)
	require.Len(t, s.Revoked(), 1)
	require.Equal(t, 200, s.profile(other.AccessToken).Code)
	require.Equal(t, 204, s.do("POST", "/auth/logout", "{}").Code, "without a cookie")
	require.Equal(t, 204, s.logout("garbage").Code)

	next := granted(t, s.refresh(other.refresh))
	require.Equal(t, 204, s.logout(other.refresh).Code, "a tab that missed a refresh can log out too")
	requireOver(t, s.refresh(next.refresh))
}

func TestRefreshRefusesCookies(t *testing.T) {
	s := startWithAnn(t)
	g := s.login("ann", password)
	other := s.login("ann", password)
	last := g.refresh[len(g.refresh)-1:]
	flipped := g.refresh[:63] + map[bool]string{true: "B", false: "A"}[last == "A"]
	for name, cookie := range map[string]string{
		"none":                    "",
		"empty":                   cookieName + "=",
		"without the prefix":      "gochat_rt=" + g.refresh,
		"cut":                     cookieName + "=" + g.refresh[:63],
		"longer":                  cookieName + "=" + g.refresh + "A",
		"other alphabet":          cookieName + "=" + strings.Repeat("+", 64),
		"one megabyte":            cookieName + "=" + strings.Repeat("A", 1<<20),
		"an access token":         cookieName + "=" + g.AccessToken,
		"of nobody":               cookieName + "=" + strings.Repeat("A", 64),
		"two":                     cookieName + "=" + g.refresh + "; " + cookieName + "=" + other.refresh,
		"two that are equal":      cookieName + "=" + g.refresh + "; " + cookieName + "=" + g.refresh,
		"SQL":                     cookieName + "=' OR 1=1 --",
		"selector of nobody":      cookieName + "=" + strings.Repeat("A", 22) + g.refresh[22:],
		"hash instead of a token": cookieName + "=" + base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("h", 48))),
	} {
		t.Run(name, func(t *testing.T) {
			header := []string{}
			if cookie != "" {
				header = []string{"Cookie", cookie}
			}
			requireOver(t, s.do("POST", "/auth/refresh", "{}", header...))
		})
	}
	require.Empty(t, s.Revoked(), "garbage ends nobody's session")
	g = granted(t, s.refresh(g.refresh))
	granted(t, s.refresh(other.refresh))

	// Half of a token is worth nothing, and using it ends the session.
	requireOver(t, s.refresh(g.refresh[:22]+flipped[22:]))
	require.Len(t, s.Revoked(), 1)
}

// 45: the cookie of a user is not for pages of other origins.
func TestOtherOrigins(t *testing.T) {
	s := startWithAnn(t)
	g := s.login("ann", password)
	for name, header := range map[string][]string{
		"another site":           {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"},
		"another port":           {"Sec-Fetch-Site", "same-site", "Origin", "http://localhost:9999"},
		"an old browser":         {"Origin", "https://evil.test"},
		"an old browser, port":   {"Origin", "http://localhost:9999"},
		"a sandboxed frame":      {"Origin", "null"},
		"a name that ends in it": {"Origin", "http://evil-localhost:8081"},
		"a form":                 {"Content-Type", "application/x-www-form-urlencoded"},
		"a form with text":       {"Content-Type", "text/plain"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/auth/refresh", "/auth/logout", "/auth/login"} {
				w := s.do("POST", path, "{}", append([]string{"Cookie", cookieName + "=" + g.refresh}, header...)...)
				require.Contains(t, []int{403, 415}, w.Code)
				require.Contains(t, []string{"cross_origin", "unsupported_media_type"}, problemOf(t, w).Code)
				require.Empty(t, w.Header().Get("Set-Cookie"))
				require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
			}
		})
	}
	t.Run("a preflight", func(t *testing.T) {
		w := s.do("OPTIONS", "/auth/refresh", "", "Origin", "https://evil.test", "Access-Control-Request-Method", "POST")
		require.Equal(t, 405, w.Code)
		require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
	})
	for name, header := range map[string][]string{
		"the page":                   {"Sec-Fetch-Site", "same-origin", "Origin", "http://localhost:8081"},
		"the page in an old browser": {"Origin", "http://localhost:8081"},
		"a program":                  {},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.do("POST", "/auth/refresh", "{}", append([]string{"Cookie", cookieName + "=" + g.refresh}, header...)...)
			require.Equal(t, http.StatusOK, w.Code)
			g.refresh = cookieOf(w).Value
		})
	}
	require.Empty(t, s.Revoked())
}

func TestSessionsOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	c := authsvc.Config{Database: dir + "/a b?#%.db", KeyFile: dir + "/auth.key"}
	s := start(t, c)
	s.AddUser("ann", password)
	g := s.login("ann", password)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "twice is no harm")

	s = start(t, c)
	require.Equal(t, 200, s.profile(g.AccessToken).Code, "the key is the same")
	again := granted(t, s.refresh(g.refresh))
	require.Equal(t, g.User, again.User)
	require.Equal(t, 1, s.Sessions())
}
