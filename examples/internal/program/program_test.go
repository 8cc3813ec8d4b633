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

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		"-store=postgres://u:secret@db/x":              "-store=postgres://u:…@db/x",
		`bad "amqps://u:se:c@r/et@mq:5671/": refused`:  `bad "amqps://u:…@mq:5671/": refused`,
		"postgres://u@db/x?password=secret&sslmode=on": "postgres://u@db/x?password=…&sslmode=on",
		"postgres://u@db:5432/x":                       "postgres://u@db:5432/x",
		"http://127.0.0.1:8080 is in use by u@x":       "http://127.0.0.1:8080 is in use by u@x",
	} {
		require.Equal(t, want, program.Redact(text))
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
