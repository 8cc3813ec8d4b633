package authsvc_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/examples/internal/token"
)

var demoNames = []string{"carlos", "john", "gerard"}

func TestDemoUsers(t *testing.T) {
	dir := t.TempDir()
	path, key := place(t), filepath.Join(dir, "auth.key")
	s := start(t, authsvc.Config{Database: path, KeyFile: key, Demo: true})
	require.JSONEq(t, `{"demo":true,"demo_users":["carlos","john","gerard"],"register":false}`, s.do("GET", "/auth/config", "").Body.String())
	require.Contains(t, s.log.String(), "demo mode")
	ids, last := map[string]string{}, grant{}
	for _, name := range demoNames {
		last = s.login(name, "1234")
		ids[name] = last.User.ID
		require.NotContains(t, last.User.ID, name)
	}
	require.Equal(t, 401, s.do("POST", "/auth/login", credentials("john", "12345")).Code)
	s.AddUser("ann", password)
	require.NoError(t, s.Close())

	s = start(t, authsvc.Config{Database: path, KeyFile: key, Demo: true})
	require.Equal(t, 200, s.profile(last.AccessToken).Code)
	for _, name := range demoNames {
		require.Equal(t, ids[name], s.login(name, "1234").User.ID, "the id outlives a restart")
	}
	require.NoError(t, s.Close())

	// Without demo mode they are names in the history and nothing else.
	s = start(t, authsvc.Config{Database: path, KeyFile: key})
	for _, name := range demoNames {
		require.Equal(t, 401, s.do("POST", "/auth/login", credentials(name, "1234")).Code)
	}
	require.Equal(t, 401, s.profile(last.AccessToken).Code)
	requireOver(t, s.refresh(last.refresh))
	found, err := s.Users(t.Context(), []string{ids["john"]})
	require.NoError(t, err)
	require.Equal(t, []authsvc.User{{ID: ids["john"], Username: "john", Name: "john"}}, found)
	found, err = s.Search(t.Context(), "", 10)
	require.NoError(t, err)
	require.Equal(t, []authsvc.User{{ID: "id-of-ann", Username: "ann", Name: "ann"}}, found)
}

func TestDemoLeavesOthersAlone(t *testing.T) {
	path := place(t)
	s := start(t, authsvc.Config{Database: path})
	s.AddUser("john", password)
	require.NoError(t, s.Close())
	s = start(t, authsvc.Config{Database: path, Demo: true})
	require.Equal(t, 401, s.do("POST", "/auth/login", credentials("john", "1234")).Code)
	require.Equal(t, "id-of-john", s.login("john", password).User.ID)
	require.NotContains(t, s.do("GET", "/auth/config", "").Body.String(), "john")
}

func TestManyProcessesSeedOnce(t *testing.T) {
	path := place(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]bool{}
	for range 4 {
		wg.Go(func() {
			s, err := authsvc.New(context.Background(), authsvc.Cheap(authsvc.Config{Database: path, Demo: true}))
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			found, err := s.Search(context.Background(), "john", 2)
			if err != nil || len(found) != 1 {
				t.Error(found, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[found[0].ID] = true
		})
	}
	wg.Wait()
	require.Len(t, ids, 1)
}

func TestUnsafeConfigurations(t *testing.T) {
	for name, tc := range map[string]struct {
		c   authsvc.Config
		err string // empty: good
	}{
		"demo by default":            {authsvc.Config{Demo: true}, ""},
		"demo on 127.0.0.1":          {authsvc.Config{Demo: true, Addr: "127.0.0.1:0"}, ""},
		"demo on 127.8.8.8":          {authsvc.Config{Demo: true, Addr: "127.8.8.8:0"}, ""},
		"demo on ::1":                {authsvc.Config{Demo: true, Addr: "[::1]:0"}, ""},
		"demo on localhost":          {authsvc.Config{Demo: true, Addr: "localhost:0"}, ""},
		"demo everywhere":            {authsvc.Config{Demo: true, Addr: ":0"}, "loopback"},
		"demo on 0.0.0.0":            {authsvc.Config{Demo: true, Addr: "0.0.0.0:0"}, "loopback"},
		"demo on ::":                 {authsvc.Config{Demo: true, Addr: "[::]:0"}, "loopback"},
		"demo in a network":          {authsvc.Config{Demo: true, Addr: "192.168.1.2:0"}, "loopback"},
		"demo under a name":          {authsvc.Config{Demo: true, Addr: "127.0.0.1.evil.test:0"}, "loopback"},
		"demo everywhere, meant":     {authsvc.Config{Demo: true, DemoAllowRemote: true, Addr: ":0"}, ""},
		"insecure cookie everywhere": {authsvc.Config{InsecureCookie: true, DemoAllowRemote: true, Addr: ":0"}, "loopback"},
		"no port":                    {authsvc.Config{Addr: "127.0.0.1"}, "address"},
		"long tokens":                {authsvc.Config{TokenTTL: time.Hour}, "15 minutes"},
		"short tokens":               {authsvc.Config{TokenTTL: time.Second}, "15 minutes"},
		"negative tokens":            {authsvc.Config{TokenTTL: -time.Minute}, "15 minutes"},
		"wildcard host":              {authsvc.Config{Hosts: []string{"*"}}, "host name"},
		"no such directory":          {authsvc.Config{Database: "/nowhere/at/all/auth.db"}, "open database"},
		"no such key directory":      {authsvc.Config{KeyFile: "/nowhere/at/all/auth.key"}, "key file"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := authsvc.New(t.Context(), authsvc.Cheap(tc.c))
			if tc.err == "" {
				require.NoError(t, err)
				require.NoError(t, s.Close())
				return
			}
			require.ErrorContains(t, err, tc.err)
		})
	}
}

func TestFilesAreForTheirOwner(t *testing.T) {
	dir := t.TempDir()
	s := start(t, authsvc.Config{Database: filepath.Join(dir, "auth.db"), KeyFile: filepath.Join(dir, "auth.key")})
	s.AddUser("ann", password)
	for _, name := range []string{"auth.db", "auth.db-wal", "auth.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
}

func TestNoSecretIsStored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.db")
	s := start(t, authsvc.Config{Database: path})
	s.AddUser("ann", password)
	g := s.login("ann", password)
	g2 := granted(t, s.refresh(g.refresh))
	require.NoError(t, s.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(data), "ann")
	for _, secret := range []string{password, g.refresh, g2.refresh, string(decode(t, g2.refresh)[:16]), string(decode(t, g2.refresh)[16:])} {
		require.NotContains(t, string(data), secret)
	}
}

func TestRefusesANewerSchema(t *testing.T) {
	path := place(t)
	s := start(t, authsvc.Config{Database: path})
	s.SetSchemaVersion(1000)
	require.NoError(t, s.Close())
	_, err := authsvc.New(t.Context(), authsvc.Cheap(authsvc.Config{Database: path}))
	require.ErrorContains(t, err, "too old")
}

func TestRun(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	path := filepath.Join(t.TempDir(), "auth.db")
	go func() {
		done <- authsvc.Run(ctx, authsvc.Cheap(authsvc.Config{Listener: ln, Database: path, Demo: true}))
	}()
	base := "http://" + ln.Addr().String()
	require.Equal(t, 200, get(t, base+"/readyz"))
	require.Equal(t, 200, get(t, base+"/auth/config"))
	require.Equal(t, 404, get(t, base+"/auth"))
	verifiedElsewhere(t, base)
	cancel()
	require.NoError(t, <-done)
	_, err = net.Dial("tcp", ln.Addr().String())
	require.Error(t, err)
	require.FileExists(t, path)
	require.NoFileExists(t, path+"-wal", "the database was closed")
}

// verifiedElsewhere logs in and checks the token as another service would.
func verifiedElsewhere(t *testing.T, base string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post(base+"/auth/login", "application/json", strings.NewReader(credentials("john", "1234")))
	require.NoError(t, err)
	defer resp.Body.Close()
	var g grant
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&g))
	keys, err := token.OpenRemote(base+"/.well-known/jwks.json", nil)
	require.NoError(t, err)
	defer keys.Close()
	claims, err := token.NewVerifier(keys, authsvc.DefaultIssuer, authsvc.DefaultAudience, nil).Verify(t.Context(), g.AccessToken)
	require.NoError(t, err)
	require.Equal(t, g.User.ID, claims.Subject.ID)
}

func TestRunJudgesWhereItListens(t *testing.T) {
	ln, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	err = authsvc.Run(t.Context(), authsvc.Config{Addr: "127.0.0.1:1", Listener: ln, Demo: true})
	require.ErrorContains(t, err, "loopback")
	_, err = ln.Accept()
	require.ErrorIs(t, err, net.ErrClosed)

	ln, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.Error(t, authsvc.Run(t.Context(), authsvc.Cheap(authsvc.Config{Listener: ln, Database: "/nowhere/at/all/auth.db"})))
	_, err = ln.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorContains(t, authsvc.Run(t.Context(), authsvc.Config{Addr: "256.0.0.1:x"}), "authsvc")
}
