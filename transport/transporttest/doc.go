// Package transporttest is the conformance suite of [transport.Broker].
//
// Every implementation runs it from a test of its own:
//
//	func TestBroker(t *testing.T) {
//		transporttest.TestBroker(t, func(t *testing.T) transport.Broker {
//			return mybroker.New()
//		}, nil)
//	}
//
// Each rule of the contract is one subtest. When one fails, the message says
// what was seen and the line after it which rule that breaks, so that reading
// the suite is not needed to repair a broker.
//
// The suite runs in real time, because a broker is usually behind a network:
// it polls for what must happen until [Options.Timeout], and watches for
// [Options.Quiet] that what must not happen does not. All names are random, so
// that one server may serve many runs at once; what one run leaves behind
// there does not disturb the next. Cases run one after the other.
//
// Rules about what a broker can't be asked to show on demand are tested only
// with its help: see Break, Connect, DeadLetters, Full and Overflow of
// [Options]. What is left out is logged.
package transporttest
