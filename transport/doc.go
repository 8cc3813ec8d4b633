// Package transport is the contract between a chat and whatever carries its
// messages from process to process.
//
// A [Broker] does two jobs. As an [EventBus] it hurries room events from the
// node that stored them to the other nodes of the same store. As a
// [CommandBus] it queues slash commands for bots and brings their results
// back. Package memory implements both in one process; package rabbitmq
// implements them over RabbitMQ; [transporttest.TestBroker] is the conformance
// suite that every implementation runs.
//
// The store is the truth and the broker only hurries: a chat whose broker is
// gone stays correct, it is only later. The contract follows from that:
//
//   - Events are delivered at most once. Whoever may have missed some is told
//     so by a [Batch] with Gap set, and reads the log instead.
//   - Requests and results are delivered at least once, with a stable ID on
//     every repeat. Receivers drop repeats by it.
//   - Errors tell "certainly not sent" from "may have been sent". See
//     [ErrUnavailable] and [ErrUnknown].
//   - A handler settles a delivery by what it returns. There is nothing to
//     acknowledge, so nobody can forget to.
//   - No handler is ever called on the stack of the publisher.
//
// # Write a broker
//
// Nothing in the interface speaks of exchanges, queues, delivery tags or
// prefetch: keys are opaque, so that NATS JetStream, Redis or PostgreSQL can
// stand behind it as well. Begin with the suite, which wants no more than a way
// to open one:
//
//	transporttest.TestBroker(t, func(t *testing.T) transport.Broker {
//		return mybroker.New(nil)
//	}, nil)
//
// and go on with its options, which break connections and fill queues. What
// takes thought: the first batch of a subscription, and of each new connection,
// has Gap set, and only when the subscription is there; Send says [ErrNoHandler]
// at once, and [ErrUnknown] only when it can't know; a result is sent before its
// request is done; Timeout is a duration, since clocks differ; every queue is
// bounded, and a slow subscriber holds up nobody; and all of it comes back by
// itself after whatever happened to the connection. Package memory is the
// shortest implementation.
//
// [transporttest.TestBroker]: https://pkg.go.dev/github.com/carlware/gochat/transport/transporttest#TestBroker
package transport
