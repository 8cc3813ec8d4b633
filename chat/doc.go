// Package chat has rooms with durable, ordered history, their people, and live
// sessions.
//
// # A chat
//
// A [Node] is a chat in one process. Without options it lives in memory:
//
//	node, err := chat.New(&chat.Options{Store: store, Lobby: "general"})
//
// Transports serve it: mount a transport/ws handler for live clients and a
// transport/rest handler for others, each with the host's own way to
// authenticate a request. A program can also act by itself, through the same
// [Hub] and [Room] interfaces, and listen by [Hub.Connect]. Every action names
// its actor; [System] is the program itself. Shut the transports down first,
// then the node, then close the broker and the store.
//
// # What is promised
//
//   - Accepted means kept. Post returns after the commit, with the message's
//     place in its room, [Event].Seq.
//   - Once. Every request that stores something has an id that its sender chose.
//     The same request again, after any crash and on any node, gets the first
//     answer and stores nothing.
//   - In order, without gaps. A room is one log with Seq 1, 2, 3 and so on, and
//     every session sees it in that order. One that comes back says what it has
//     and gets the rest.
//   - The log decides access. Joins and removals are events of the same log: a
//     member sees what is in it from the join to the removal, on every node.
//   - A command ends exactly once: with an answer in the room, an answer or an
//     error for its caller alone, or in silence; by its deadline, and after an
//     outage of the store as soon as that is over.
//   - Who is slow is late, and nobody else is. A session's queue is bounded;
//     when it is full the session reads on from the log at its own pace.
//
// # How it works
//
// The [Store] is the truth. It gives each event its Seq inside the transaction
// that stores it, finds duplicates there, and hands every committed batch to
// the node before the writers are answered. The node has one sequencer for each
// room that somebody here is in. Whatever it learns of the room, from its own
// commits, from other nodes or from the log, goes through the sequencer, which
// takes the next event, drops old ones, and reads the log when one is missing.
//
// A session has a cursor in each of its rooms. It is either live, and then the
// sequencer hands it events, or behind, and then it reads pages of the log until
// its cursor has reached the sequencer. Nothing is buffered or merged in between,
// so a replay can't overflow a queue and can't lose or repeat an event.
//
// A [transport.Broker] hurries events to other nodes, and may lose them: every
// two seconds each node asks the store for the heads of its rooms, for rooms
// that its users were added to, and for commands that are overdue. So with the
// broker gone a chat is at most about two seconds late.
//
// # Who may do what
//
// [Change] has the table; a room that somebody may not know of looks as one that
// does not exist. What a write was authorised by is checked again inside the
// transaction that stores it, so that a member who is being removed on another
// node can't slip a message in after the removal.
//
// # Stores
//
// [NewMemoryStore] is for tests and trials; package sqlite keeps a chat in a
// file, package postgres in a database that several nodes share. Package
// chattest has the suite that any other implementation of [Store] should pass,
// and one for a [Hub] that wraps a node.
package chat
