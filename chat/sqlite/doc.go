// Package sqlite stores chats in an SQLite database: one file, no server, the
// default for a chat that runs in one process.
//
//	store, err := sqlite.Open(ctx, "chat.db", nil)
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	node, err := chat.New(&chat.Options{Store: store})
//
// SQLite is compiled into the program by github.com/ncruces/go-sqlite3, without
// cgo. Its database/sql driver is not used, so no driver name is registered and
// a host program can have any SQLite driver beside it.
//
// # Writing
//
// One goroutine, the committer, writes. It takes all writes that wait, up to
// 256 rows or 256 KiB of text, and commits them in one transaction; while that
// runs the next batch gathers. It never waits for more, so a lone write is not
// slower. At most 1,024 writes wait; beyond that callers wait for room, as long
// as their ctx allows.
//
// What was acknowledged has been synced to the disk (WAL mode,
// synchronous=FULL): it survives the end of the process, and of the machine if
// its disk keeps what it was told to sync. A row that SQLite refuses fails
// alone. When a commit fails its whole batch is [chat.ErrOutcomeUnknown]: the
// connection is given up, opened again with back-off, and everything that the
// committer remembered is read anew. An error before the commit, such as a full
// disk, is [chat.ErrUnavailable], since then nothing was stored; so is every
// write while the database can't be opened. Reading goes on meanwhile.
//
// The statements of a batch may take 5 seconds; only the commit itself has no
// bound, because nothing but its result tells what is stored. Callers that do
// not want to wait for a disk that hangs bound their ctx.
//
// # The file
//
// Only one store may have the database open, since it keeps the heads of the
// rooms in memory. A lock file beside the database, such as
// chat.db.chat_lock, sees to that; it is empty, and stays there when the store
// is closed. Other programs may read the database, and write their own tables,
// but must leave those of the chat alone. A program that holds the write lock
// longer than 5 seconds makes writes fail with [chat.ErrUnavailable].
//
// The tables can live in the database of a host program: [Options.Prefix]
// begins their names. The file is put into WAL mode, which it keeps. The WAL is
// written back every 32 MB and does not grow beyond about 128 MB, unless another
// program reads in very long transactions. The database needs a local file
// system: network file systems do not have the locks and the shared memory that
// WAL mode is made of.
//
// # Old events
//
// [Store.Trim] removes events in transactions of 500, of about 10 ms each, and
// writes of others come in between. A file that this package has made then shrinks, by up to 1,000
// pages with each of them. A file that was there before, of a host program or
// of the first version of this package, keeps its size, and what is removed
// makes room for what comes; PRAGMA auto_vacuum = INCREMENTAL and VACUUM, run
// once while no store has it open, change that. Ended calls and revocations
// whose time is over are removed by [Store.ExpireCalls], 500 at a time.
//
// # Backups
//
// [Backup] copies the database while stores have it open; so do VACUUM INTO and
// the backup API of SQLite. A plain copy of the file is one only while no store
// has it open. Clients may have seen more than a backup holds: when it is
// restored, remove the -wal and -shm files of its predecessor, and call [Rotate]
// before it is served.
//
// # Cost
//
// Measured on two cores of a virtual AMD EPYC with a disk that syncs in about
// 0.1 ms, which is as unfavourable to batches as it gets. 64 writers, messages
// of 200 bytes, 100 rooms: 30 µs of CPU for a message, all in, of which the
// kernel takes four tenths to write and sync; 190 to 240 µs with batches of one
// row. A page of 50 events among 1,000 in one of 100 rooms takes 0.1 ms, an
// inbox of 100 rooms 0.55 ms, and the heads of 1,000 rooms 1 ms.
//
//	go test -run '^$' -bench . ./chat/sqlite
package sqlite
