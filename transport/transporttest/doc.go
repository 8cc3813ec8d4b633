// Package transporttest is the conformance suite of [transport.Broker].
//
// Every implementation runs it from a test of its own:
//
//	func TestBroker(t *testing.T) {
//		transporttest.TestBroker(t, func(t *testing.T) transport.Broker {
//			return mybroker.New(nil)
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
// # What is covered
//
// What a broker promises, and the cases that hold it to that:
//
//  1. Each request goes to exactly one of many workers: "each request goes to
//     one worker", "Concurrency handlers at once".
//  2. No worker is an error at once, before the first came and after the last
//     has left: "no worker is an error at once".
//  3. Time: "a request whose time has ended is never delivered", "a failed
//     request is not repeated after its time", "a handler's context ends with
//     the request's time", "a result that comes late comes once or not at all".
//  4. Errors and panics: "an error brings the request again", "a panic brings
//     the request again", "after MaxAttempts a request is set aside", "a
//     rejected request is not repeated".
//  5. A worker that is gone: "what a worker leaves undone goes to another", "no
//     accepted request is lost in a fault".
//  6. Ten thousand requests at once, of three commands and for two stores:
//     "results find their requests".
//  7. Repeats keep their ID: "the same ID twice is handled twice".
//  8. Results outlive receivers and askers: "results wait for a receiver", "a
//     result outlives who asked", "a result that its receiver could not take
//     goes to another", "a result is offered until it is accepted".
//  9. Fan-out: "every subscriber of a store gets every event", "no subscriber
//     of another store gets an event".
//  10. Order: "events of one publisher and key keep their order", "a subscriber
//     gets one batch at a time".
//  11. When a subscription lives: "a subscription is live at its first batch",
//     "the first batch is a gap", "a subscription that has ended is not called".
//  12. Slow subscribers and full queues: "a slow subscriber does not slow the
//     publisher", "a full queue refuses".
//  13. Broken connections and brokers, that nothing accepted is lost then, that
//     the status is true meanwhile and after, and that slow ones are not taken for
//     broken: all cases with "broken" or "fault" in their names, for each of
//     [Options.Faults].
//  14. Contexts: "a cancelled call returns nil", "a cancelled Send sends
//     nothing", "calls end in a fault".
//  15. Closing: "Close ends calls with ErrClosed", "Close waits for handlers", "a
//     closed broker says ErrClosed", "no goroutine is left", "a worker that
//     stops finishes what it has", "handlers do not outlive their grace".
//  16. Who owns bodies: the cases with "again" or "belong" in their names, "callbacks
//     may use the broker", and the race detector for all.
//  17. Limits: "the longest names and largest bodies pass", "empty bodies pass",
//     "bodies are bytes", "too large is refused", "a result that is too large
//     is not delivered".
//  18. Announcements: the cases with "announcement" in their names.
//
// What an implementation assumes of its client library is for its own tests, as
// for RabbitMQ that a message that nobody takes is returned before it is
// confirmed.
//
// Rules about what a broker can't be asked to show on demand are tested only
// with its help: see Break, Faults, Connect, DeadLetters, Full and Overflow of
// [Options]. What is left out is logged. A broker behind a network runs the
// suite with faults of that network too, made by a proxy between the two, as
// RabbitMQ does by internal/faultproxy: a connection that is cut, one that stalls,
// one whose other end is gone without a word, and one that is slow.
//
// The memory broker has no network that a proxy could stand in. Its own faults do
// to programs what those do, under the same names: in a stall it takes requests
// and confirms none, with the other end gone it takes none and does not say so,
// both until the connection is noticed to be broken; on a slow connection
// everything takes longer.
package transporttest
