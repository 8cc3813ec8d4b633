// Package gochat is a chat SDK: rooms with durable, ordered history, live
// delivery over WebSocket, and slash commands that bots answer in this process
// or in another one. This package holds no code; it is the map.
//
// # Packages
//
//   - [chat] has the rooms, their logs, their people and live sessions. A
//     [chat.Node] is one chat in one process; everything else plugs into it.
//   - [chat/sqlite] keeps a chat in a file, [chat/postgres] in a PostgreSQL
//     database. Without a store it lives in memory.
//   - [transport/ws] serves a chat over WebSocket and has the Go client;
//     [transport/ws/browser] has the JavaScript client; [transport/rest] serves
//     a chat over plain HTTP.
//   - [command] is for bot authors: a bot declares its commands once, and
//     runs in the chat's process or behind a broker. [command/commandtest]
//     tests a bot without either.
//   - [transport] is the contract of brokers, which connect processes;
//     [transport/memory] is one within a process, [transport/rabbitmq] one
//     over RabbitMQ.
//   - [stock] is a bot: it answers /stock with the price of a share.
//   - [metrics] tells Prometheus how all of these do; nothing else imports it.
//   - [chat/chattest] and [transport/transporttest] have the suites that every
//     store and every broker passes, also yours.
//
// Imports point one way: transport ← command ← chat ← transport/ws and
// transport/rest. The three on the left need the standard library only.
//
// # Guides
//
//   - Embed a chat in a server, bring your own users, go multi-node, write a
//     store, test what you build: [chat].
//   - Write a bot: [command]. Test it: [command/commandtest].
//   - Write a broker: [transport].
//   - Serve and be a client: [transport/ws], [transport/ws/browser],
//     [transport/rest].
//   - Write a client or a bot in another language: PROTOCOL.md of
//     [transport/ws] and of [transport/rabbitmq], and [command/webhook].
//
// The samples in them compile: a test looks.
//
// # The walk of a message
//
// A client sends a message frame. transport/ws decodes it and calls
// [chat.Room] Post with the authenticated user. The node checks who may post,
// and the store commits the message together with its sequence number: one log
// for each room, 1, 2, 3 and so on. Only then the sender gets its ok. The
// store's committer hands the event to the room's sequencer, which gives it to
// every local session in order, encoded once, and the broker carries it to the
// other nodes. What the broker loses is found in the log: a node asks the store
// every two seconds. A client that comes back says the last sequence number it
// has and gets the rest; a request that it sends again, with the same id, is
// answered from the log and stores nothing.
//
// # The walk of a command
//
// A client sends /stock=aapl.us. The node finds who serves the command. A bot
// in this process runs at once, and its answer is stored with the outcome. For
// a bot behind the broker the node stores a pending call and sends a request; a
// worker of the bot replies; whichever node gets the reply stores the answer
// and ends the call in one transaction. A call ends once: with an answer in the
// room, or with an answer or an error that only its caller sees, by its
// deadline.
//
// # Programs
//
// examples/minimal is a chat in a dozen lines. examples/fullstack is the
// reference system in one process: page, auth service, chatroom service and
// stock bot. examples/auth, examples/chatroom and examples/stockbot are its
// services as programs of their own. examples/loadtest puts load on a running
// chat and checks what comes back; examples/chaos breaks one and does the same.
//
// [chat]: https://pkg.go.dev/github.com/carlware/gochat/chat
// [chat.Node]: https://pkg.go.dev/github.com/carlware/gochat/chat#Node
// [chat.Room]: https://pkg.go.dev/github.com/carlware/gochat/chat#Room
// [chat/sqlite]: https://pkg.go.dev/github.com/carlware/gochat/chat/sqlite
// [chat/postgres]: https://pkg.go.dev/github.com/carlware/gochat/chat/postgres
// [chat/chattest]: https://pkg.go.dev/github.com/carlware/gochat/chat/chattest
// [command]: https://pkg.go.dev/github.com/carlware/gochat/command
// [command/webhook]: https://pkg.go.dev/github.com/carlware/gochat/command/webhook
// [command/commandtest]: https://pkg.go.dev/github.com/carlware/gochat/command/commandtest
// [metrics]: https://pkg.go.dev/github.com/carlware/gochat/metrics
// [stock]: https://pkg.go.dev/github.com/carlware/gochat/stock
// [transport]: https://pkg.go.dev/github.com/carlware/gochat/transport
// [transport/memory]: https://pkg.go.dev/github.com/carlware/gochat/transport/memory
// [transport/rabbitmq]: https://pkg.go.dev/github.com/carlware/gochat/transport/rabbitmq
// [transport/rest]: https://pkg.go.dev/github.com/carlware/gochat/transport/rest
// [transport/transporttest]: https://pkg.go.dev/github.com/carlware/gochat/transport/transporttest
// [transport/ws]: https://pkg.go.dev/github.com/carlware/gochat/transport/ws
// [transport/ws/browser]: https://pkg.go.dev/github.com/carlware/gochat/transport/ws/browser
package gochat
