package memory_test

import (
	"errors"
	"testing"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
	"github.com/carlware/gochat/transport/transporttest"
)

func TestBroker(t *testing.T) {
	transporttest.TestBroker(t, func(t *testing.T) transport.Broker {
		return memory.New(&memory.Options{Events: 1000, Requests: 50})
	}, &transporttest.Options{
		Connect: func(b transport.Broker) transport.Broker { return b.(*memory.Broker).Connect() },
		Break: func(b transport.Broker) {
			b.(*memory.Broker).Disconnect(errors.New("cut by the test"))
			b.(*memory.Broker).Reconnect()
		},
		DeadLetters: func(b transport.Broker, bot, command string) []string {
			var ids []string
			for _, dead := range b.(*memory.Broker).DeadLetters() {
				if dead.Request.Bot == bot && dead.Request.Command == command {
					ids = append(ids, dead.Request.ID)
				}
			}
			return ids
		},
		Overflow: 2000,
		Full:     60,
	})
}
