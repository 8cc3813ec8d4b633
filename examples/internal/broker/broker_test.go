package broker_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/examples/internal/broker"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/rabbitmq"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	b, err := broker.Open("memory", nil)
	require.NoError(t, err)
	require.Equal(t, transport.Up, b.Status().State)
	require.NoError(t, b.Close())
}

// A server that is away is no reason not to start.
func TestRabbitMQ(t *testing.T) {
	for _, spec := range []string{"amqp://user:secret@127.0.0.1:1/", "amqps://user:secret@127.0.0.1:1/"} {
		b, err := broker.Open(spec, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		require.IsType(t, &rabbitmq.Broker{}, b)
		require.Equal(t, transport.Down, b.Status().State)
		require.NoError(t, b.Close())
	}
}

func TestUnsupported(t *testing.T) {
	for spec, want := range map[string]string{
		"nats://user:secret@mq":            "use memory, amqp:// or amqps://",
		"redis":                            `"redis" is unknown`,
		"amqp://user:secret/%zz@mq:port/%": "not a URL like",
	} {
		_, err := broker.Open(spec, nil)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
	}
	for _, spec := range []string{"memory", ""} {
		_, err := broker.OpenShared(spec)
		require.ErrorContains(t, err, "examples/fullstack")
	}
}
