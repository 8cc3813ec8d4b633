package authsvc_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/authsvc"
)

func names(t *testing.T, body string) (list []string) {
	t.Helper()
	var got struct {
		Users []authsvc.User `json:"users"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	require.NotNil(t, got.Users, "an empty list is [] and not null")
	for _, u := range got.Users {
		require.Equal(t, "id-of-"+u.Name, u.ID)
		list = append(list, u.Name)
	}
	return list
}

func TestProfile(t *testing.T) {
	s := startWithAnn(t)
	g := s.login("ann", password)
	w := s.profile(g.AccessToken)
	require.Equal(t, 200, w.Code)
	var got struct {
		User    authsvc.User `json:"user"`
		Session string       `json:"session"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	require.Equal(t, g.User, got.User)
	alive, err := s.Alive(t.Context(), got.Session)
	require.NoError(t, err)
	require.True(t, alive)
	require.NotContains(t, w.Body.String(), "argon2")
}

func TestFindUsers(t *testing.T) {
	s := startWithAnn(t)
	for _, name := range []string{"bob", "bo_b", "bo-b", "anna", "an", "zz", "z9"} {
		s.AddUser(name, password)
	}
	auth := "Bearer " + s.login("ann", password).AccessToken
	for query, want := range map[string][]string{
		"q=an":          {"an", "ann", "anna"},
		"q=AN":          {"an", "ann", "anna"},
		"q=ann":         {"ann", "anna"},
		"q=bo_":         {"bo_b"},
		"q=bo%25":       nil,
		"q=bo*":         nil,
		"q=%25":         nil,
		"q=z":           {"z9", "zz"},
		"q=x":           nil,
		"q=%27%20OR%20": nil,
		"q=%00":         nil,
		"q=%ff":         nil,
		"q=an&limit=1":  {"an"},
		"limit=2":       {"an", "ann"},
		"":              {"an", "ann", "anna", "bo-b", "bo_b", "bob", "z9", "zz"},
	} {
		t.Run(query, func(t *testing.T) {
			w := s.do("GET", "/auth/users?"+query, "", "Authorization", auth)
			require.Equal(t, 200, w.Code)
			require.Equal(t, want, names(t, w.Body.String()))
		})
	}
	for _, query := range []string{"limit=-1", "limit=0", "limit=51", "limit=1000000000", "limit=abc", "limit=", "limit=1.0", "limit=9223372036854775808", "q=" + strings.Repeat("a", 65)} { // 50
		w := s.do("GET", "/auth/users?"+query, "", "Authorization", auth)
		require.Equal(t, 400, w.Code, query)
		require.NotEmpty(t, problemOf(t, w).Field)
	}
	require.Equal(t, 401, s.do("GET", "/auth/users", "").Code)
	found, err := s.Search(t.Context(), "", -1)
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestFindIsBounded(t *testing.T) {
	s := startWithAnn(t)
	for i := range 60 {
		s.AddUser(fmt.Sprintf("user%02d", i), password)
	}
	auth := "Bearer " + s.login("ann", password).AccessToken
	require.Len(t, names(t, s.do("GET", "/auth/users?q=user", "", "Authorization", auth).Body.String()), 20)
	require.Len(t, names(t, s.do("GET", "/auth/users?q=user&limit=50", "", "Authorization", auth).Body.String()), 50)
}

func TestDirectory(t *testing.T) {
	s := startWithAnn(t)
	s.AddUser("bob", password)
	found, err := s.Users(t.Context(), []string{"id-of-bob", "nobody", "id-of-ann", "id-of-bob", "'", ""})
	require.NoError(t, err)
	require.Equal(t, []authsvc.User{{ID: "id-of-ann", Username: "ann", Name: "ann"}, {ID: "id-of-bob", Username: "bob", Name: "bob"}}, found)
	for _, none := range [][]string{nil, {}, {"x"}} {
		found, err := s.Users(t.Context(), none)
		require.NoError(t, err)
		require.Empty(t, found)
	}
	many := make([]string, 100_000)
	many[99_999] = "id-of-ann"
	found, err = s.Users(t.Context(), many)
	require.NoError(t, err)
	require.Len(t, found, 1)
}

func TestConfigAndKeys(t *testing.T) {
	s := startWithAnn(t)
	require.JSONEq(t, `{"demo":false,"register":false}`, s.do("GET", "/auth/config", "").Body.String())
	w := s.do("GET", "/.well-known/jwks.json", "")
	require.Equal(t, "public, max-age=300", w.Header().Get("Cache-Control"))
	require.Equal(t, "application/jwk-set+json", w.Header().Get("Content-Type"))
	require.NotContains(t, w.Body.String(), `"d"`)
	require.Equal(t, 200, s.do("GET", "/healthz", "").Code)
	require.Equal(t, 200, s.do("GET", "/readyz", "").Code)
	require.NoError(t, s.Close())
	require.Equal(t, 200, s.do("GET", "/healthz", "").Code)
	require.Equal(t, 503, s.do("GET", "/readyz", "").Code)
}
