package transport_test

import (
	"testing"

	"github.com/carlware/gochat/internal/deptest"
)

// Whoever writes a broker, or a bot for one, takes on nothing else with it.
func TestImports(t *testing.T) {
	deptest.Only(t, "transport")
	deptest.Only(t, "transport/memory", "transport")
	deptest.Only(t, "transport/rabbitmq", "transport", "github.com/rabbitmq/amqp091-go/...")
	deptest.Only(t, "transport/transporttest", "transport")
}
