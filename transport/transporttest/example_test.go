package transporttest_test

import (
	"testing"

	"github.com/carlware/gochat/transport"
	mybroker "github.com/carlware/gochat/transport/memory"
	"github.com/carlware/gochat/transport/transporttest"
)

// A broker is one when this passes. The options tell the suite how to break its
// connections and fill its queues.
func ExampleTestBroker() {
	TestBroker := func(t *testing.T) {
		transporttest.TestBroker(t, func(t *testing.T) transport.Broker {
			return mybroker.New(nil)
		}, nil)
	}
	_ = TestBroker // it needs a testing.T
}
