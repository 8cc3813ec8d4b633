package authsvc_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/authsvc"
)

const shared = "0123456789abcdef0123456789abcdef"

func secretFile(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestRemote(t *testing.T) {
	s := start(t, authsvc.Config{SecretFile: secretFile(t, shared+"\n")})
	ann := s.AddUser("ann", password)
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	remote, err := authsvc.OpenRemote(server.URL+"/", secretFile(t, shared))
	require.NoError(t, err)
	defer func() { require.NoError(t, remote.Close()) }()

	ids := make([]string, 1200)
	ids[1100] = ann.ID
	found, err := remote.Users(t.Context(), ids)
	require.NoError(t, err)
	require.Equal(t, []authsvc.User{ann}, found)

	told := make(chan []authsvc.Revocation, 1)
	go func() {
		news, next, err := remote.Revocations(t.Context(), 0)
		if err != nil || next == 0 {
			t.Error(next, err)
		}
		told <- news
	}()
	g := s.login("ann", password)
	began := time.Now()
	require.Equal(t, 204, s.logout(g.refresh).Code)
	news := <-told
	require.Less(t, time.Since(began), time.Second)
	require.Len(t, news, 1)
	require.Equal(t, s.sessionOf(g), news[0].Session)

	other, err := authsvc.OpenRemote(server.URL, secretFile(t, strings.ToUpper(shared)))
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	_, err = other.Users(t.Context(), []string{"x"})
	require.ErrorContains(t, err, "status 401")
	_, _, err = other.Revocations(t.Context(), 0)
	require.ErrorContains(t, err, "status 401")
	require.NotContains(t, s.log.String(), shared)
	require.NotContains(t, s.log.String(), strings.ToUpper(shared))
}

func TestInternalRoutes(t *testing.T) {
	open := startWithAnn(t)
	auth := "Bearer " + open.login("ann", password).AccessToken
	require.Equal(t, 404, open.do("POST", "/internal/users", `{"ids":[]}`, "Authorization", "Bearer ").Code)
	require.Equal(t, 404, open.do("GET", "/internal/revocations?after=0", "", "Authorization", auth).Code, "not there without a secret")

	s := start(t, authsvc.Config{SecretFile: secretFile(t, shared)})
	s.AddUser("ann", password)
	auth = "Bearer " + s.login("ann", password).AccessToken
	for name, header := range map[string]string{"none": "", "a user's": auth, "part": "Bearer " + shared[:31], "more": "Bearer " + shared + "0", "empty": "Bearer "} {
		require.Equal(t, 401, s.do("POST", "/internal/users", `{"ids":["id-of-ann"]}`, "Authorization", header).Code, name)
		require.Equal(t, 401, s.do("GET", "/internal/revocations?after=0", "", "Authorization", header).Code, name)
	}
	good := "Bearer " + shared
	require.Equal(t, 401, s.profile(shared).Code, "it is no user")
	for name, tc := range map[string]struct {
		method, target, body string
		status               int
	}{
		"40 in the address":     {"GET", "/internal/revocations?after=0&token=" + shared, "", 400},
		"50 no position":        {"GET", "/internal/revocations", "", 400},
		"50 negative":           {"GET", "/internal/revocations?after=-1", "", 400},
		"50 beyond":             {"GET", "/internal/revocations?after=9223372036854775808", "", 400},
		"too many":              {"POST", "/internal/users", `{"ids":[` + strings.Repeat(`"x",`, 500) + `"x"]}`, 400},
		"6 wrong type":          {"POST", "/internal/users", `{"ids":"x"}`, 400},
		"nobody":                {"POST", "/internal/users", `{"ids":["' OR 1=1"]}`, 200},
		"13 another method":     {"GET", "/internal/users", "", 405},
		"9 not said to be JSON": {"POST", "/internal/users", ``, 415},
	} {
		require.Equal(t, tc.status, s.do(tc.method, tc.target, tc.body, "Authorization", good).Code, name)
	}
}

// A wait for revocations does not hold up the end of the program.
func TestRunEndsWhileSomebodyWaits(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	j := &journal{}
	c := authsvc.Config{Listener: ln, Logger: j.logger(), SecretFile: secretFile(t, shared)}
	go func() { done <- authsvc.Run(ctx, authsvc.Cheap(c)) }()
	remote, err := authsvc.OpenRemote("http://"+ln.Addr().String(), c.SecretFile)
	require.NoError(t, err)
	defer remote.Close()
	_, err = remote.Users(t.Context(), []string{"nobody"}) // waits until it runs
	require.NoError(t, err)
	waited := make(chan error)
	go func() {
		_, _, err := remote.Revocations(t.Context(), 0)
		waited <- err
	}()
	time.AfterFunc(50*time.Millisecond, cancel)
	began := time.Now()
	require.NoError(t, <-done)
	require.Less(t, time.Since(began), 5*time.Second)
	<-waited
}

func TestSecretFiles(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "short": shared[:31], "two lines": shared + "\n" + shared, "not ASCII": shared + "é", "huge": strings.Repeat("x", 1025)} {
		_, err := authsvc.OpenRemote("http://auth:8081", secretFile(t, text))
		require.ErrorContains(t, err, "32", name)
		if text != "" {
			require.NotContains(t, err.Error(), text, name)
		}
		_, err = authsvc.New(t.Context(), authsvc.Cheap(authsvc.Config{SecretFile: secretFile(t, text)}))
		require.ErrorContains(t, err, "32", name)
	}
	_, err := authsvc.OpenRemote("http://auth:8081", "no/such/file")
	require.ErrorIs(t, err, os.ErrNotExist)
	for _, base := range []string{"", "auth:8081", "file:///etc", "http://u:p@auth", "http://auth?x=1", "ftp://auth"} {
		_, err := authsvc.OpenRemote(base, secretFile(t, shared))
		require.ErrorContains(t, err, "http or https URL", base)
	}
}

// The secret is for the configured address: it does not go where that sends it.
func TestRemoteFollowsNoRedirect(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	for name, h := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"page":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"endless": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) },
		"null":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"users":null}{}`)) },
	} {
		server := httptest.NewServer(h)
		remote, err := authsvc.OpenRemote(server.URL, secretFile(t, shared))
		require.NoError(t, err)
		_, err = remote.Users(t.Context(), []string{"x"})
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), shared)
		require.NoError(t, remote.Close())
		server.Close()
	}
	require.False(t, reached)
}
