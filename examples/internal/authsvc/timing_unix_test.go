//go:build unix

package authsvc_test

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/authsvc"
)

func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// 41: the work for a name that nobody has is that for a wrong password, and for
// a user who may not log in, at the real cost. What is compared is processor
// time, since the clock depends on what else the machine does.
func TestUnknownUserTakesTheTimeOfAWrongPassword(t *testing.T) {
	const tries = 20
	j := &journal{}
	full, err := authsvc.New(t.Context(), authsvc.Config{
		Logger: j.logger(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, // httptest's peer
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, full.Close()) }()
	s := &service{full, j, t}
	for i := range tries { // one each, so that no limit is reached
		s.AddUser(fmt.Sprint("user", i), password)
	}
	try := func(kind string, i int) time.Duration {
		body := credentials(fmt.Sprint(kind, i), "a wrong password")
		before := cpu(t)
		w := s.do("POST", "/auth/login", body, "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i))
		spent := cpu(t) - before
		require.Equal(t, 401, w.Code)
		return spent
	}
	var wrong, unknown time.Duration
	for i := range tries { // in turn, so that both meet the same machine
		wrong += try("user", i)
		unknown += try("nobody", i)
	}
	ratio := float64(unknown) / float64(wrong)
	t.Logf("processor time of %d tries: wrong password %v, unknown user %v, ratio %.3f", tries, wrong, unknown, ratio)
	require.Greater(t, wrong, tries*time.Millisecond, "the clock is fine enough")
	require.InDelta(t, 1, ratio, 0.25)
	require.GreaterOrEqual(t, ratio, 0.8)
}
