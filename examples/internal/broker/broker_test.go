package broker_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/broker"
	"github.com/carlware/gochat/transport"
)

func TestOpen(t *testing.T) {
	b, err := broker.Open("memory", nil)
	require.NoError(t, err)
	require.Equal(t, transport.Up, b.Status().State)
	require.NoError(t, b.Close())
}

func TestUnsupported(t *testing.T) {
	for spec, want := range map[string]string{
		"amqp://user:secret@mq/":  "amqp:// is not in this version: use memory",
		"amqps://user:secret@mq/": "amqps:// is not in this version: use memory",
		"nats://user:secret@mq":   "not in this version: use memory",
		"redis":                   `"redis" is unknown: use memory`,
	} {
		_, err := broker.Open(spec, nil)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
	}
	for _, spec := range []string{"memory", "", "amqp://user:secret@mq/"} {
		_, err := broker.OpenShared(spec)
		require.ErrorContains(t, err, "examples/fullstack")
		require.NotContains(t, err.Error(), "secret")
	}
}
