// Package rabbitmq is a [transport.Broker] over RabbitMQ, for chats of many
// nodes and bots in processes of their own.
//
//	broker, err := rabbitmq.Open("amqp://user:password@host:5672/vhost", nil)
//	if err != nil {
//		return err
//	}
//	defer broker.Close()
//	return bot.Run(ctx, broker)
//
// Open returns at once, also while the server is away: the connection is made
// in the background, and anew for ever. [Broker.Status] says how it is.
//
// PROTOCOL.md in this directory describes everything that goes over the wire,
// so that bots can be written in any language, and the permissions that users
// need.
//
// # What it does with RabbitMQ
//
// It needs RabbitMQ 3.10 or newer, without plugins. A direct exchange takes
// requests to a quorum queue for each bot and command, which all workers share;
// another one takes results to a quorum queue for each store, which all its
// nodes share. Events of all stores go through a third one, to one queue for
// each subscriber that ends with its connection; there is nothing in the server
// for a room, so a node that comes or goes costs the same however many rooms it
// has. Requests that nobody could do, or in time, end in a queue of dead
// letters.
//
// Everything is declared by who uses it. Where the user has no permission to,
// and with Options.Declared, an operator has made it, with policies of his own.
//
// # Connections
//
// A program holds two connections, one to publish and one for the rest, because
// a server that is short of memory or disk stops reading from who publishes.
// They form an epoch: with the first error both are thrown away and made anew,
// after random pauses that grow to five seconds. The library's own recovery is
// not used. Writes have a deadline of 5 s, the answers of the server one of
// 10 s, as have confirmations: nothing waits for ever for a server that hangs.
// What the server refuses (a login, a permission, a queue that exists with
// other arguments) is logged, said by Status, and tried again every 5 to 10
// seconds.
//
// # Where the contract leaves room
//
// Send is confirmed: nil means that the queue has the request, on the disks of
// a majority of the cluster. ErrNoHandler comes from asking the server for the
// number of consumers; a yes is believed for half a second. A worker holds as
// many requests as it has handlers, no more. Timeout is enforced by the server,
// relative to when it took the request; what a worker sees as left is also
// bounded by the sender's clock where that makes sense. The pauses before a
// request or result is delivered again are random, up to 20 ms at first,
// doubled with every attempt up to 2 s, for results 1 s. WorkOptions.MaxAttempts
// is 20 at the most.
//
// Up to 8192 events of 16 MiB wait here to be published, then Publish returns
// ErrOverloaded; a subscriber has room for Options.Events of 16 MiB. Events are
// published in messages of up to 64, as many as came while earlier ones were on
// their way; no timer delays them. The messages are numbered, so that
// subscribers get a Gap in place of what was lost on the way, and not only of
// what they were too slow for.
//
// Announcements are asked for when a connection is made; the first call of an
// Announcements callback comes half a second later.
//
// # Figures
//
// The benchmarks, by
//
//	go test -run xxx -bench . -benchtime 10x ./transport/rabbitmq
//
// next to the bare library in the same run, on 2026-11-29, with RabbitMQ 3.10.8 and
// both programs on one machine of two cores that was busy with other things too:
//
//   - 128 callers publish persistent messages 13 to 15 times as fast as one who
//     waits for each confirmation, and take 1.1 times as long as the library with
//     a window of the same size.
//   - A command and its result, one at a time, take 1.19 times as long as a
//     request and a reply on the same queues with nothing confirmed or checked.
//   - 64 events that are pending take 1.06 to 1.19 times the CPU time of the same
//     bytes in one message, in both programs together.
//   - That no bot is there is known after 0.2 ms where there is a queue, and after
//     1.7 ms where there is none.
//   - While a node leaves that has heard of 10,000 rooms the longest publishing of
//     another takes 8.8 ms, with 10 rooms 7.9 ms.
//   - When a server is back that was away for some seconds, all is up again after
//     3.2 s, or 2.6 s where it had been killed, most of it in the pauses between
//     attempts; the first requests are answered 0.2 s later. TestFaultsUnderLoad
//     says so with -v, and that nothing is lost.
//
// # What comes from the broker
//
// Whoever may write to an exchange can write anything. Messages are checked for
// type, size, names and form before a handler sees them; others are dropped, or
// set aside as dead letters, and counted by [Broker.Stats]. RabbitMQ vouches for
// the user that a message names: see Options.Trust. RabbitMQ's own limit for
// messages, max_message_size, should be set to a megabyte or so, since a message
// has to be received before it can be refused.
package rabbitmq
