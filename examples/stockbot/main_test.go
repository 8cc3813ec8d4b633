package main

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m, main) }

// Without a broker that reaches other processes the bot has nobody to serve, and
// says what to do instead.
func TestRefusesToStart(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no broker":    {nil, 1, "examples/fullstack"},
		"memory":       {[]string{"-broker", "memory"}, 1, "-broker the amqp:// address"},
		"amqp":         {[]string{"-broker", "amqp://u:secret@mq:port/"}, 1, "not a URL like"},
		"unknown flag": {[]string{"-nonsense"}, 2, "-nonsense"},
		"help":         {[]string{"-help"}, 0, "GOCHAT_QUOTES"},
	} {
		t.Run(name, func(t *testing.T) {
			p := proctest.Start(t, proctest.Self(t, tt.args...))
			require.Equal(t, tt.code, p.Wait(), p.Output())
			require.Contains(t, p.Output(), tt.want)
			require.NotContains(t, p.Output(), "secret")
		})
	}
}

// Operators learn that the bot waits for its broker.
func TestOperators(t *testing.T) {
	p := proctest.Start(t, proctest.Self(t, "-broker", "amqp://127.0.0.1:1/", "-admin", "127.0.0.1:0"))
	_, operators, _ := strings.Cut(p.Line("operators are answered"), "addr=")
	get := func(path string) (status int, body string) {
		resp, err := http.Get("http://" + operators + path)
		require.NoError(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(b)
	}
	_, body := get("/metrics")
	require.Contains(t, body, `gochat_broker_state{state="down"} 1`)
	require.Eventually(t, func() bool {
		_, body = get("/stats")
		return strings.Contains(body, "connection refused")
	}, time.Minute, 10*time.Millisecond)
	require.Contains(t, body, `"ready":false`)
	status, _ := get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	p.Signal(syscall.SIGTERM)
	require.Zero(t, p.Wait())
}
