package program_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/program"
)

type at string

func (at) Network() string  { return "tcp" }
func (a at) String() string { return string(a) }

type listener struct {
	net.Listener
	addr at
}

func (l listener) Addr() net.Addr { return l.addr }

func TestWhereItListens(t *testing.T) {
	for addr, want := range map[at]struct {
		url      string
		loopback bool
		names    []string
	}{
		"127.0.0.1:8080":        {"http://127.0.0.1:8080", true, []string{"127.0.0.1"}},
		"[::1]:8080":            {"http://[::1]:8080", true, []string{"::1"}},
		"[::ffff:127.0.0.1]:80": {"http://[::ffff:127.0.0.1]:80", true, []string{"::ffff:127.0.0.1"}},
		"192.0.2.1:80":          {"http://192.0.2.1:80", false, []string{"192.0.2.1"}},
		"[::]:8080":             {"http://localhost:8080", false, nil},
		"0.0.0.0:8080":          {"http://localhost:8080", false, nil},
	} {
		ln := listener{addr: addr}
		require.Equal(t, want.url, program.URL(ln))
		require.Equal(t, want.loopback, program.Loopback(ln), addr)
		require.Equal(t, want.names, program.Address(ln))
	}
}

func TestListen(t *testing.T) {
	ln, err := program.Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	_, err = program.Listen(t.Context(), ln.Addr().String())
	require.ErrorContains(t, err, "is in use by another program")
	_, err = program.Listen(t.Context(), "nonsense")
	require.ErrorContains(t, err, "nonsense")
}
