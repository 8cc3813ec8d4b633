// Package memory is a [transport.Broker] inside one process.
//
// It serves a chat that runs as a single process, and tests of everything
// that is written against the contract. It needs no server and keeps nothing
// when the process ends:
//
//	broker := memory.New(nil)
//	defer broker.Close()
//
// # The same rules as a real broker
//
// A program that works on this broker must work on a networked one, so nothing
// is made easier here than the contract promises:
//
//   - Handlers run on goroutines of their own, never on the sender's stack,
//     and the broker holds no lock while they run.
//   - Bodies are copied on the way in and again on every delivery.
//   - Every queue is bounded in number and in bytes, see [Options]. A
//     subscriber that falls behind loses what waits for it and gets a batch
//     with Gap set; a full request queue refuses with
//     [transport.ErrOverloaded].
//   - A request that its handler could not do comes back after a short random
//     pause of 10 to 20 ms, doubled with every attempt up to 2 s. After the
//     last attempt, or an error made by [transport.Reject], it is a dead
//     letter; [Broker.DeadLetters] lists them.
//   - A request whose time has ended is never delivered. Results wait 15
//     minutes for a receiver. One that a receiver refused is offered again for
//     ever, with pauses that grow to 1 s.
//   - A result that finds the results queue of its store full, or no broker to
//     take it before the request's time ends, counts as a failed attempt. One
//     over [transport.MaxBody] is a dead letter at once.
//
// Where the contract leaves room: a request needs an ID of 1 to
// [transport.MaxName] bytes and a positive Timeout, others are refused with an
// error. A result always gets the ID of its request. Publish never returns
// [transport.ErrOverloaded], because there is no queue before the subscribers'
// own. Each Results call runs up to 16 handlers at once; their contexts end
// with its ctx. Of announcements with the same bot and instance the one made
// last is shown.
//
// # Several processes in one
//
// [Broker.Connect] opens another connection to the same broker, as a second
// process would. Each connection has its own status, is closed and breaks on
// its own, and a test can cut one node off while the others go on.
//
// # Faults
//
// A recovery path that no test has walked does not work. The methods in
// faults.go break a connection on purpose: [Broker.Disconnect],
// [Broker.Reconnect], [Broker.Block], [Broker.Unblock], [Broker.Delay],
// [Broker.Gap], [Broker.DropEvents], [Broker.FailSends] and
// [Broker.LoseConfirms]. They are for tests; all of them stay within what the
// contract allows a broker to do. Together they are what a network does to
// programs: a cut is Disconnect; a stall is Disconnect after LoseConfirms, for
// what is sent before the program notices arrives; a connection whose other end
// is gone is Disconnect after FailSends with [transport.ErrUnknown] and
// DropEvents, for it does not.
package memory
