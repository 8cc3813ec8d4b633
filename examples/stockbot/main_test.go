package main

import (
	"testing"

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
