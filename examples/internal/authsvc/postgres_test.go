package authsvc_test

import (
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/internal/pgtest"
)

// onPostgres is set while tests run on PostgreSQL that otherwise run on SQLite.
var onPostgres bool

// place returns where a test can have its database.
func place(t *testing.T) string {
	t.Helper()
	if !onPostgres {
		return filepath.Join(t.TempDir(), "auth.db")
	}
	db := pgtest.New(t)
	u, err := url.Parse(db.URL)
	require.NoError(t, err)
	q := u.Query()
	q.Set("search_path", db.Schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// What users see is the same on PostgreSQL. Tests that need a clock of their own
// can't wait for a server.
func TestOnPostgreSQL(t *testing.T) {
	onPostgres = true
	defer func() { onPostgres = false }()
	for name, test := range map[string]func(*testing.T){
		"demo users":          TestDemoUsers,
		"demo and others":     TestDemoLeavesOthersAlone,
		"demo users stay":     TestDemoUsersKeepTheirPassword,
		"processes seed once": TestManyProcessesSeedOnce,
		"newer schema":        TestRefusesANewerSchema,
		"login":               TestLogin,
		"logout":              TestLogout,
		"logout everywhere":   TestLogoutEverywhere,
		"too many sessions":   TestTooManySessions,
		"refresh and cookies": TestRefreshRefusesCookies,
		"rename":              TestRename,
		"profile":             TestProfile,
		"find users":          TestFindUsers,
		"directory":           TestDirectory,
		"names":               TestNamesAreOneOfAKind,
		"revocations":         TestRevocationsAreFollowed,
		"admin":               TestAdminMakesUsers,
		"two services":        TestTwoServicesShareADatabase,
		"an old token":        TestOldRefreshToken,
		"refreshes at once":   TestRefreshesAtOnce,
		"hostile logins":      TestHostileLogins,
		"unknown users":       TestUnknownUserLooksLikeAWrongPassword,
	} {
		t.Run(name, test)
	}
}

// Two services on one database are one: who logs in at one refreshes at the
// other, and has as many sessions as if there were one.
func TestTwoServicesShareADatabase(t *testing.T) {
	c := authsvc.Config{Database: place(t), KeyFile: filepath.Join(t.TempDir(), "auth.key")}
	a, b := start(t, c), start(t, c)
	a.AddUser("ann", password)
	g := b.login("ann", password)
	require.Equal(t, 200, a.profile(g.AccessToken).Code)
	g2 := granted(t, a.refresh(g.refresh))
	granted(t, b.refresh(g2.refresh))
	require.Equal(t, 1, b.Sessions())
	require.Equal(t, 204, a.logout(g2.refresh).Code)
	require.Equal(t, 0, b.Sessions())
}

// A refresh token that was replaced longer ago than the grace ends its session.
func TestOldRefreshToken(t *testing.T) {
	s := startWithAnn(t)
	g := s.login("ann", password)
	g2 := granted(t, s.refresh(g.refresh))
	require.Empty(t, granted(t, s.refresh(g.refresh)).refresh, "two tabs at once")
	s.AgeSessions(time.Minute)
	requireOver(t, s.refresh(g.refresh))
	requireOver(t, s.refresh(g2.refresh))
	require.Len(t, s.Revoked(), 1)
}

// Many tabs refresh with the same token: one gets the next one.
func TestRefreshesAtOnce(t *testing.T) {
	s := startWithAnn(t)
	g := s.login("ann", password)
	next := make(chan string)
	for range 8 {
		go func() {
			w := s.refresh(g.refresh)
			if c := cookieOf(w); w.Code == 200 && c != nil {
				next <- c.Value
			} else {
				next <- ""
			}
		}()
	}
	var tokens []string
	for range 8 {
		if token := <-next; token != "" {
			tokens = append(tokens, token)
		}
	}
	require.Len(t, tokens, 1)
	granted(t, s.refresh(tokens[0]))
}

// Of several who register one name at once, one gets it.
func TestNamesAreOneOfAKind(t *testing.T) {
	s := start(t, authsvc.Config{Register: true})
	codes := make(chan int)
	for range 4 {
		go func() { codes <- s.do("POST", "/auth/register", credentials("ann", password)).Code }()
	}
	got := map[int]int{}
	for range 4 {
		got[<-codes]++
	}
	require.Equal(t, map[int]int{201: 1, 409: 3}, got)
}

// While the database is away people are asked to come back, and when it is back
// all goes on.
func TestDatabaseGoesAway(t *testing.T) {
	cluster := pgtest.Private(t)
	db := cluster.New(t)
	s := start(t, authsvc.Config{Database: db.URL + "&search_path=" + db.Schema})
	s.AddUser("ann", password)
	g := s.login("ann", password)
	cluster.Stop(t)
	t.Cleanup(func() { cluster.Start(t) })
	for range 2 {
		w := s.do("POST", "/auth/login", credentials("ann", password))
		require.Equal(t, problem{Status: 503, Code: "unavailable", Retry: 1000}, problemOf(t, w))
		require.Equal(t, 503, s.refresh(g.refresh).Code)
		require.Equal(t, 503, s.profile(g.AccessToken).Code)
		require.Equal(t, 503, s.do("GET", "/readyz", "").Code)
	}
	cluster.Start(t)
	require.Equal(t, 200, s.do("GET", "/readyz", "").Code)
	granted(t, s.refresh(g.refresh))
	s.login("ann", password)
}

func TestPasswordOfTheDatabaseIsNotTold(t *testing.T) {
	for _, url := range []string{"postgres://ann:geheim@127.0.0.1:1/x", "postgres://ann:geheim@127.0.0.1:x/x"} {
		_, err := authsvc.New(t.Context(), authsvc.Cheap(authsvc.Config{Database: url}))
		require.ErrorContains(t, err, "open database")
		require.NotContains(t, err.Error(), "geheim")
	}
}
