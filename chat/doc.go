// Package chat has rooms with durable, ordered history, their people, and live
// sessions.
//
// # A chat
//
// A [Node] is a chat in one process. Without options it lives in memory.
// Transports serve it, and a program can act by itself, through the same [Hub]
// and [Room] interfaces, and listen by [Hub.Connect]. Every action names its
// actor; [System] is the program itself.
//
// # Embed it in a server
//
// Open a store, make a node, and mount a handler of package ws for live clients,
// one of package rest for others, and the JavaScript client of package browser:
//
//	store, err := sqlite.Open(ctx, "chat.db", nil)
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	node, err := chat.New(&chat.Options{Store: store, Lobby: "general"})
//	if err != nil {
//		return err
//	}
//	sockets := ws.NewHandler(node, who, nil)
//	mux.Handle("GET /chat/ws", sockets)
//	mux.Handle("GET /chat/gochat.js", browser.Handler())
//	mux.Handle("/chat/", http.StripPrefix("/chat", rest.NewHandler(node, who, nil)))
//
// In the end everything stops in the opposite order, so that nobody is cut off
// in the middle of a request. [net/http.Server.Shutdown] does not know of
// WebSockets, their handler does:
//
//	server.Shutdown(ctx)
//	sockets.Shutdown(ctx)
//	node.Shutdown(ctx)
//
// Let ctx end after ten seconds or so. A program that is killed instead loses
// nothing: clients come back and get the rest.
//
// # Bring your own users
//
// The library has no accounts, passwords or tokens. It asks the program who a
// request comes from, by a function that both handlers take, and believes it:
//
//	func who(r *http.Request) (chat.Principal, error) {
//		s, err := sessions.Find(r)
//		if err != nil {
//			return chat.Principal{}, err
//		}
//		return chat.Principal{
//			User:    chat.User{ID: chat.UserID(s.UserID), Name: s.Name},
//			Session: s.ID,
//			Since:   s.Begun,
//			Expires: s.Ends,
//		}, nil
//	}
//
// The id is the program's own and must not change; the name may. An error is
// answered with 401 and its text is not shown; one that wraps [ErrUnavailable]
// says that the program does not know for now, and clients try again. What
// Session, Since and Expires are for: the connection ends with the login. At
// Expires by itself, and before that by
//
//	err := node.Revoke(ctx, chat.Revocation{User: user, Session: login, Until: ends})
//
// which closes its sockets on every node. Cookies are safe with package ws,
// which checks the Origin; in front of package rest put
// [net/http.CrossOriginProtection]. Options.Users tells of people who have
// never been here, so that they can be invited and written to. What somebody
// may do beyond the table at [Change], Options.Authorize decides; what may be
// said, Options.Intercept.
//
// # Go multi-node
//
// Several processes are one chat when they share a database. Each opens a store
// of package postgres, and a broker that makes it quick:
//
//	store, err := postgres.Open(ctx, "postgres://chat@db/app", nil)
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	broker, err := rabbitmq.Open("amqp://chat@queue", nil)
//	if err != nil {
//		return err
//	}
//	defer broker.Close()
//	node, err := chat.New(&chat.Options{Store: store, Broker: broker, Lobby: "general"})
//
// Nothing else changes. A load balancer may send a client anywhere, each time
// somewhere else: there is nothing to be sticky for. Probe [Node.Ready]. Restart
// the processes one after the other, and their clients move on. Passwords belong
// into the environment (PGPASSWORD) and rabbitmq.Options.Credentials. Bots run
// in these processes or behind the broker, see package command.
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
// # Write a store
//
// [NewMemoryStore] is for tests and trials; package sqlite keeps a chat in a
// file, package postgres in a database that several nodes share. Another one
// implements [Store]: a [Log], a [Directory] and [Calls], which only move data.
// Five things make or break it, and the suite of package chattest tries all:
//
//   - Seq and time are given inside the transaction that stores the event, with
//     the head of the room locked: no gaps, also when a transaction fails.
//   - An event that is there already, by room, user and id, is found before
//     anything else is looked at.
//   - A [Write] with a Basis older than the room's access seq is [ErrStale],
//     under the same lock.
//   - The function given to Attach gets each committed batch before those who
//     wrote it get their answers, in the order of Seq.
//   - Whoever can't know whether a commit happened says [ErrOutcomeUnknown], and
//     nobody else does.
//
// To be quick, commit together what waits: the comments of the packages sqlite
// and postgres say how they do it. [Trimmer] and [Revoker] are extras.
//
// # Test what you build
//
// A node over the memory store is quick enough for every test, and works in a
// bubble of testing/synctest. Act through [Room], and look at what somebody is
// given by [Session.Next]:
//
//	node, err := chat.New(&chat.Options{Commands: bot, Lobby: "general"})
//	session, err := node.Connect(ctx, chat.Principal{User: ana}, nil)
//	room, err := node.Room(ctx, ana.ID, session.Welcome().Rooms[0].ID)
//	pending, err := room.Command(ctx, ana.ID, chat.CommandLine{ID: chat.NewID(), Text: "/greet Bob"})
//	outcome, err := pending.Wait(ctx)
//
// Package commandtest tests bots without a chat. Package chattest has the suites
// for stores and for hubs that wrap a node, and a recorder that tells whether
// what many clients saw, under whatever faults, is what a chat promises.
package chat
