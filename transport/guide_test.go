package transport_test

import (
	"testing"

	"github.com/carlware/gochat/transport"
	mybroker "github.com/carlware/gochat/transport/memory"
	"github.com/carlware/gochat/transport/transporttest"
)

// A broker is one when the suite passes.
func ExampleBroker() {
	TestBroker := func(t *testing.T) {
		transporttest.TestBroker(t, func(t *testing.T) transport.Broker {
			return mybroker.New(nil)
		}, nil)
	}
	_ = TestBroker // it needs a testing.T
}
