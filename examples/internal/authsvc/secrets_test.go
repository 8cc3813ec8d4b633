package authsvc_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/authsvc"
)

// Whatever happens, the log holds no password, token or cookie, and nothing
// that somebody typed into the wrong field.
func TestNothingSecretIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, authsvc.Config{Demo: true})
		s.AddUser("ann", password)
		var secrets []string
		keep := func(g grant) grant {
			secrets = append(secrets, g.AccessToken, g.refresh, strings.Split(g.AccessToken, ".")[2])
			return g
		}

		a := keep(s.login("ann", password))
		keep(s.login("john", "1234"))
		b := keep(granted(t, s.refresh(a.refresh)))
		keep(granted(t, s.refresh(b.refresh)))
		requireOver(t, s.refresh(a.refresh)) // stolen
		c := keep(s.login("ann", password))
		require.Equal(t, 204, s.logout(c.refresh).Code)
		for range 25 {
			keep(s.login("ann", password))
		}
		for i := range 40 {
			typed := fmt.Sprintf("hunter%d", i)
			secrets = append(secrets, typed)
			s.do("POST", "/auth/login", credentials(typed, typed+"-password"))
			s.do("POST", "/auth/login", credentials("ann", typed))
			s.do("POST", "/auth/login", `{"username":"`+typed)
			s.do("POST", "/auth/login", `{"`+typed+`":1,"`+typed+`":1}`)
			s.do("POST", "/auth/refresh", "{}", "Cookie", cookieName+"="+typed)
			s.do("GET", "/auth/users?q="+typed, "", "Authorization", "Bearer "+typed)
			s.do("GET", "/auth/"+typed+"?token="+typed, "", "Referer", typed, "User-Agent", typed, "Host", typed)
		}
		release := s.OccupyHashing()
		time.Sleep(time.Hour)
		require.Equal(t, 503, s.do("POST", "/auth/login", credentials("ann", password)).Code)
		release()
		require.NoError(t, s.Close())
		require.Equal(t, 503, s.do("POST", "/auth/login", credentials("ann", password)).Code)
		require.Equal(t, 503, s.refresh(c.refresh).Code)

		log := s.log.String()
		for _, want := range []string{"login", "login refused", "logout", "used again", "throttled"} {
			require.Contains(t, log, want, "the log is that of what was done")
		}
		for _, secret := range append(secrets, password, "1234\"", "password=", "Bearer", cookieName, "eyJ", "argon2") {
			require.NotContains(t, log, secret)
		}
	})
}
