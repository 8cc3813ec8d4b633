// Package postgres stores chats in a PostgreSQL database that several nodes can
// share.
//
//	store, err := postgres.Open(ctx, "postgres://chat@db/app", nil)
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	node, err := chat.New(&chat.Options{Store: store, Broker: broker})
//
// Each node opens a store of its own. Without a broker between them nodes learn
// of each other's events from the database, at most about two seconds late. The
// tables live in a schema of their own, so that they fit into the database of a
// host program; Open creates them, and several nodes may start together.
//
// # Writing
//
// Messages that wait are stored in batches of up to 256 rows or 256 KiB, one
// batch at a time for each of Options.Shards. A batch locks the heads of its
// rooms, in the order of their numbers, and then inserts all its rows with one
// statement; both travel together. The two are separate statements because in
// READ COMMITTED a statement sees the database as it was before it waited for a
// lock. All writers of the tables lock in the same order: heads, then calls,
// then members and users. synchronous_commit is on, whatever the server's
// default.
//
// A row that the database refuses fails alone. A batch that a broken connection
// leaves in doubt is sent again, as it was: what is stored already is found by
// its id. Only when that does not end in time it is [chat.ErrOutcomeUnknown].
// Times are the server's, and never run backwards in a room.
//
// # The epoch
//
// It combines what the store has written down with the server's system
// identifier and timeline, so that a restore from a backup, or a standby that
// took over at an earlier point, is a new life of the store to every node and
// client. A dump that is restored in the same server, or a snapshot of its disk,
// is not told apart: call [Rotate] then.
package postgres
