package authsvc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/examples/internal/token"
)

// as sends a request with an access token.
func (s *service) as(g grant, method, target, body string) *httptest.ResponseRecorder {
	return s.do(method, target, body, "Authorization", "Bearer "+g.AccessToken)
}

func (s *service) sessionOf(g grant) string {
	s.t.Helper()
	claims, err := token.NewVerifier(s.KeySet(), authsvc.DefaultIssuer, authsvc.DefaultAudience, nil).Verify(s.t.Context(), g.AccessToken)
	require.NoError(s.t, err)
	return claims.Session
}

func TestRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, authsvc.Config{Register: true})
		s.AddUser("bob", password)
		require.JSONEq(t, `{"demo":false,"register":true}`, s.do("GET", "/auth/config", "").Body.String())
		w := s.do("POST", "/auth/register", credentials("Ann", password))
		require.Equal(t, 201, w.Code, w.Body)
		require.NotEmpty(t, cookieOf(w).Value, "and is logged in")
		s.login("ann", password)

		for name, tc := range map[string]struct {
			body   string
			status int
			code   string
			field  string
		}{
			"taken":             {credentials("BOB", password), 409, "conflict", "username"},
			"short name":        {credentials("a", password), 400, "bad_request", "username"},
			"long name":         {credentials(strings.Repeat("a", 33), password), 400, "bad_request", "username"},
			"97 look-alike":     {credentials("\u0430nna", password), 400, "bad_request", "username"},
			"97 SQL":            {credentials("a'; --", password), 400, "bad_request", "username"},
			"97 reserved":       {credentials("bot:stock", password), 400, "bad_request", "username"},
			"short password":    {credentials("carol", "1234567"), 400, "bad_request", "password"},
			"the name":          {credentials("carol123", "Carol123"), 400, "bad_request", "password"},
			"long password":     {credentials("carol", strings.Repeat("x", 257)), 400, "too_long", "password"},
			"control character": {credentials("carol", password+"\x00"), 400, "bad_request", "password"},
			"no password":       {`{"username":"carol"}`, 400, "bad_request", "password"},
			"5 twice":           {`{"username":"carol","username":"bob","password":"x"}`, 400, "bad_request", "username"},
			"another's id":      {`{"username":"carol","password":"x","id":"id-of-bob"}`, 400, "bad_request", "password"},
		} {
			time.Sleep(time.Hour)
			w := s.do("POST", "/auth/register", tc.body)
			require.Equal(t, tc.status, w.Code, name)
			p := problemOf(t, w)
			require.Equal(t, tc.code, p.Code, name)
			require.Equal(t, tc.field, p.Field, name)
			require.Nil(t, cookieOf(w), name)
		}
		require.Equal(t, 403, s.do("POST", "/auth/register", credentials("carol", password), "Sec-Fetch-Site", "cross-site").Code)

		// 51: five, and then one a minute, whatever comes of it.
		time.Sleep(time.Hour)
		for i := range 5 {
			require.Equal(t, []int{201, 409}[i%2], s.do("POST", "/auth/register", credentials([]string{fmt.Sprint("new", i), "bob"}[i%2], password)).Code)
		}
		w = s.do("POST", "/auth/register", credentials("new9", password))
		require.Equal(t, 429, w.Code)
		require.Equal(t, "60", w.Header().Get("Retry-After"))
		time.Sleep(time.Minute)
		require.Equal(t, 201, s.do("POST", "/auth/register", credentials("new9", password)).Code)
		require.Equal(t, 429, s.do("POST", "/auth/register", credentials("new10", password)).Code)
	})
}

func TestChangePassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startWithAnn(t)
		mine, other := s.login("ann", password), s.login("ann", password)
		change := func(g grant, current, next string) *httptest.ResponseRecorder {
			body, err := json.Marshal(map[string]string{"current": current, "new": next})
			require.NoError(t, err)
			return s.as(g, "POST", "/auth/password", string(body))
		}
		for name, tc := range map[string]struct {
			current, next string
			status        int
			code, field   string
		}{
			"wrong":    {"not the password", "a new password", 403, "invalid_credentials", "current"},
			"missing":  {"", "a new password", 400, "bad_request", "current"},
			"short":    {password, "1234567", 400, "bad_request", "new"},
			"too long": {password, strings.Repeat("x", 257), 400, "too_long", "new"},
		} {
			w := change(mine, tc.current, tc.next)
			require.Equal(t, tc.status, w.Code, name)
			require.Equal(t, tc.code, problemOf(t, w).Code, name)
			require.Equal(t, tc.field, problemOf(t, w).Field, name)
		}
		require.Empty(t, s.Revoked())
		require.Equal(t, 401, s.do("POST", "/auth/password", `{"current":"x","new":"y"}`).Code)

		require.Equal(t, 204, change(mine, password, "a new password").Code)
		require.Equal(t, 200, s.profile(mine.AccessToken).Code, "who changed it stays")
		require.Equal(t, 401, s.profile(other.AccessToken).Code, "everybody else is out")
		requireOver(t, s.refresh(other.refresh))
		granted(t, s.refresh(mine.refresh))
		require.Equal(t, []string{"id-of-ann " + s.sessionOf(other)}, s.Revoked())
		require.Equal(t, 401, s.do("POST", "/auth/login", credentials("ann", password)).Code)
		s.login("ann", "a new password")

		// A stolen token is no way to guess the password faster.
		for range 5 {
			require.Equal(t, 403, change(mine, "guess", "another password").Code)
		}
		require.Equal(t, 429, change(mine, "a new password", "another password").Code)
	})
}

func TestDemoUsersKeepTheirPassword(t *testing.T) {
	s := start(t, authsvc.Config{Demo: true})
	g := s.login("john", "1234")
	require.Equal(t, 403, s.as(g, "POST", "/auth/password", `{"current":"1234","new":"a new password"}`).Code)
	s.login("john", "1234")
}

func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startWithAnn(t)
		s.AddUser("bob", password)
		bob := s.login("bob", password)
		phone := s.login("ann", password)
		time.Sleep(time.Minute)
		mine := s.login("ann", password)
		var got struct {
			Sessions []struct {
				ID                   string
				Since, Used, Expires time.Time
				Current              bool
			}
		}
		w := s.as(mine, "GET", "/auth/sessions", "")
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		require.Len(t, got.Sessions, 2, "mine and no others")
		require.True(t, got.Sessions[0].Current)
		require.Equal(t, s.sessionOf(phone), got.Sessions[1].ID)
		require.False(t, got.Sessions[1].Current)
		require.Equal(t, time.Minute, time.Since(got.Sessions[1].Since).Truncate(time.Second))

		for name, id := range map[string]string{
			"47 another's": s.sessionOf(bob), "unknown": "x", "SQL": "%27%20OR%201=1", "15 dots": "%2e%2e", "15 NUL": "%00",
		} {
			require.Equal(t, 404, s.as(mine, "DELETE", "/auth/sessions/"+id, "").Code, name)
		}
		require.Equal(t, 200, s.profile(bob.AccessToken).Code)
		require.Equal(t, 204, s.as(mine, "DELETE", "/auth/sessions/"+s.sessionOf(phone), "").Code)
		require.Equal(t, 404, s.as(mine, "DELETE", "/auth/sessions/"+s.sessionOf(phone), "").Code)
		require.Equal(t, 401, s.profile(phone.AccessToken).Code)
		requireOver(t, s.refresh(phone.refresh))
		require.Equal(t, 401, s.do("GET", "/auth/sessions", "").Code)
		require.Equal(t, 401, s.do("DELETE", "/auth/sessions/x", "").Code)
	})
}

func TestLogoutEverywhere(t *testing.T) {
	s := startWithAnn(t)
	s.AddUser("bob", password)
	bob := s.login("bob", password)
	all := []grant{s.login("ann", password), s.login("ann", password), s.login("ann", password)}
	require.Equal(t, 415, s.as(all[0], "POST", "/auth/logout-all", "").Code)
	require.Equal(t, 401, s.do("POST", "/auth/logout-all", "{}").Code)
	w := s.as(all[0], "POST", "/auth/logout-all", "{}")
	require.Equal(t, 204, w.Code)
	require.Negative(t, cookieOf(w).MaxAge)
	for _, g := range all {
		require.Equal(t, 401, s.profile(g.AccessToken).Code)
		requireOver(t, s.refresh(g.refresh))
	}
	require.Len(t, s.Revoked(), 3)
	require.Equal(t, 200, s.profile(bob.AccessToken).Code)
	s.login("ann", password)
}

func TestRename(t *testing.T) {
	s := startWithAnn(t)
	bob := s.AddUser("bob", password)
	g := s.login("ann", password)
	rename := func(name string) *httptest.ResponseRecorder {
		body, err := json.Marshal(map[string]string{"name": name, "id": bob.ID, "username": "bob"})
		require.NoError(t, err)
		return s.as(g, "PATCH", "/auth/profile", string(body))
	}
	for _, name := range []string{"Ann Example", "Åsa 🙂", "ann", "<script>alert(1)</script>", "Robert'); DROP TABLE users;--"} {
		w := rename(name)
		require.Equal(t, 200, w.Code, w.Body)
		var got struct{ User authsvc.User }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		require.Equal(t, authsvc.User{ID: "id-of-ann", Username: "ann", Name: name}, got.User)
		g = s.login("ann", password)
		require.Equal(t, name, g.User.Name)
		claims, err := token.NewVerifier(s.KeySet(), authsvc.DefaultIssuer, authsvc.DefaultAudience, nil).Verify(t.Context(), g.AccessToken)
		require.NoError(t, err)
		require.Equal(t, name, claims.Name, "the chat learns it from the token")
	}
	for name, status := range map[string]int{
		"bob": 409, "BOB": 409, "\uff22\uff4f\uff42": 409, " bob ": 409, // each is bob's to who reads it
		"": 400, "   ": 400, "a\x00b": 400, "a\nb": 400, "\u202enna": 400, "a\u200bb": 400,
		strings.Repeat("a", 65): 400,
	} {
		require.Equal(t, status, rename(name).Code, "%q", name)
	}
	require.Equal(t, 200, rename("Somebody").Code)
	found, err := s.Users(t.Context(), []string{"id-of-ann", bob.ID})
	require.NoError(t, err)
	require.Equal(t, "Somebody", found[0].Name)
	require.Equal(t, bob, found[1], "47: another's profile is not to be changed")
	s2 := s.login("bob", password)
	require.Equal(t, 409, s.as(s2, "PATCH", "/auth/profile", `{"name":"SOMEBODY"}`).Code)
	require.Equal(t, 409, s.as(s2, "PATCH", "/auth/profile", `{"name":"ann"}`).Code, "the name to log in stays hers")
}

// Who follows the revocations gets each at once, each once, and those of
// another process that uses the database.
func TestRevocationsAreFollowed(t *testing.T) {
	path := place(t)
	s := start(t, authsvc.Config{Database: path})
	s.AddUser("ann", password)
	a, b := s.login("ann", password), s.login("ann", password)
	type told struct {
		news []authsvc.Revocation
		next int64
	}
	answers := make(chan told, 1)
	ask := func(after int64) {
		news, next, err := s.Revocations(t.Context(), after)
		if err != nil {
			t.Error(err)
		}
		answers <- told{news, next}
	}
	go ask(0)
	require.Equal(t, 204, s.logout(a.refresh).Code)
	first := <-answers
	require.Len(t, first.news, 1)
	require.Equal(t, s.sessionOf(a), first.news[0].Session)
	require.Equal(t, "id-of-ann", first.news[0].User)
	require.InDelta(t, 16*time.Minute, time.Until(first.news[0].Until), float64(time.Minute))

	go ask(first.next)
	c := authsvc.Cheap(authsvc.Config{Database: path})
	require.NoError(t, authsvc.SetPassword(t.Context(), c, "ann", "a new password"))
	second := <-answers
	require.Len(t, second.news, 1)
	require.Equal(t, s.sessionOf(b), second.news[0].Session)
	s.login("ann", "a new password")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	news, next, err := s.Revocations(ctx, second.next)
	require.NoError(t, err)
	require.Empty(t, news)
	require.Equal(t, second.next, next)
}

// A login that ends is told of at once, and within half a second if another
// process ended it.
func TestRevocationsComeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := place(t)
		s := start(t, authsvc.Config{Database: path})
		s.AddUser("ann", password)
		a := s.login("ann", password)
		s.login("ann", password)
		after := int64(0)
		within := func(most time.Duration, end func()) {
			t.Helper()
			told := make(chan time.Time, 1)
			go func() {
				news, next, err := s.Revocations(t.Context(), after)
				if err != nil || len(news) != 1 {
					t.Errorf("told of %v, %v", news, err)
				}
				after = next
				told <- time.Now()
			}()
			synctest.Wait()
			began := time.Now()
			end()
			require.LessOrEqual(t, (<-told).Sub(began), most)
		}
		within(0, func() { require.Equal(t, 204, s.logout(a.refresh).Code) })
		within(500*time.Millisecond, func() {
			c := authsvc.Cheap(authsvc.Config{Database: path})
			require.NoError(t, authsvc.SetPassword(t.Context(), c, "ann", "a new password"))
		})
	})
}

func TestRevocationsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startWithAnn(t)
		require.Equal(t, 204, s.logout(s.login("ann", password).refresh).Code)
		began := time.Now()
		news, next, err := s.Revocations(t.Context(), 1<<50)
		require.NoError(t, err)
		require.Empty(t, news)
		require.Equal(t, int64(1<<50), next)
		require.Equal(t, 20*time.Second, time.Since(began), "and nobody waits for ever")
		time.Sleep(16 * time.Minute)
		require.Equal(t, 204, s.logout(s.login("ann", password).refresh).Code)
		require.Len(t, s.Revoked(), 1, "the first one has no token left")
	})
}

func TestAdminMakesUsers(t *testing.T) {
	c := authsvc.Cheap(authsvc.Config{Database: place(t)})
	require.NoError(t, authsvc.AddUser(t.Context(), c, "ann", password))
	require.ErrorContains(t, authsvc.AddUser(t.Context(), c, "ann", password), "there is a user ann")
	require.ErrorContains(t, authsvc.AddUser(t.Context(), c, "Ann", password), "a-z")
	require.ErrorContains(t, authsvc.AddUser(t.Context(), c, "bob", "short"), "at least 8")
	require.ErrorContains(t, authsvc.SetPassword(t.Context(), c, "bob", password), "no user bob")
	require.ErrorContains(t, authsvc.AddUser(t.Context(), authsvc.Cheap(authsvc.Config{}), "bob", password), "memory")
	s := start(t, authsvc.Config{Database: c.Database})
	s.login("ann", password)
}
