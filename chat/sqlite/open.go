package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/groupcommit"
	"github.com/carlware/gochat/internal/sqlstore"
)

// Options are the options of [Open]. nil means all defaults.
type Options struct {
	// Prefix begins the names of all tables and indexes, so that they can
	// live in the database of a host program: 1 to 32 of a-z, 0-9 and "_",
	// beginning with a letter. Two stores with different prefixes can share
	// a file. Empty means "chat_".
	Prefix string

	// RiskLastMessages leaves out the sync of each commit to the disk
	// (synchronous=NORMAL). The store then breaks its word when the power
	// fails or the kernel crashes: messages that were acknowledged may be
	// gone, and clients that saw them are ahead of the log. The end of the
	// process alone loses nothing. It gains little, since one sync serves a
	// whole batch.
	RiskLastMessages bool

	// BatchLimit is how many rows are committed together at most. 0 means
	// 256; 1 is for measuring what batches are worth.
	BatchLimit int

	// Clock tells the time of events and of calls. nil means [time.Now].
	Clock func() time.Time

	// Logger is told when the database fails and when it is open again. nil
	// means [slog.Default].
	Logger *slog.Logger
}

// Store is a [chat.Store] in an SQLite database. Make one with [Open].
type Store struct {
	path     string
	clock    func() time.Time
	logger   *slog.Logger
	walStep  int
	walLimit int

	locked  *conn // holds the lock file
	readers *readers
	w       *writer // the committer's; Close has it after that has ended

	queue   *groupcommit.Queue[*request]
	running sync.WaitGroup // the committer
	closing chan struct{}  // closed by Close
	close   sync.Once

	attached atomic.Pointer[func([]chat.Event)]
}

var _ chat.Store = (*Store)(nil)

// Open opens the database at path, which is created if it does not exist, and
// brings its tables up to date. The directory must exist and be writable.
//
// While the store is open, a lock file beside the database keeps other stores
// away; Open waits up to 5 seconds for one that is about to end, and returns
// [ErrLocked] after that. A database that a newer version of this package has
// written is a [*SchemaError]. Where the files may not be written, the error is
// [os.ErrPermission]; on a disk that is read only, it is syscall.EROFS. A full
// disk is no reason not to open a database that is there. ctx bounds only the
// opening.
func Open(ctx context.Context, path string, o *Options) (*Store, error) {
	var opt Options
	if o != nil {
		opt = *o
	}
	if opt.Prefix == "" {
		opt.Prefix = "chat_"
	}
	if opt.BatchLimit <= 0 {
		opt.BatchLimit = groupcommit.BatchRows
	}
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	if !validPrefix(opt.Prefix) {
		return nil, fmt.Errorf("sqlite: prefix %q is not 1 to 32 of a-z, 0-9 and _, beginning with a letter", opt.Prefix)
	}
	file, err := resolve(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %q: %w", path, err)
	}
	s, err := open(ctx, file, &opt, defaults)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil, err
		}
		if _, ok := errors.AsType[*SchemaError](err); ok {
			return nil, err
		}
		return nil, fmt.Errorf("sqlite: open %s: %w", file, err)
	}
	return s, nil
}

// tuning is what only tests change.
type tuning struct {
	walStep, walLimit int
	pragmas           []string // more for the writer
	steps             []sqlstore.Migration
}

var defaults = tuning{walStep: walStep, walLimit: walLimit}

// resolve returns the one name of the file at path, so that two names for one
// file can't lead to two locks.
func resolve(path string) (string, error) {
	switch {
	case path == "", strings.HasPrefix(path, ":memory:"), strings.HasPrefix(path, "file:"):
		return "", errors.New("not the path of a file; for a store in memory use chat.NewMemoryStore")
	case strings.ContainsRune(path, 0):
		return "", errors.New("not the path of a file")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	} else {
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return "", fmt.Errorf("its directory: %w", err)
		}
		path = filepath.Join(dir, filepath.Base(path))
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return "", errors.New("not a regular file")
	}
	return path, nil
}

func open(ctx context.Context, path string, o *Options, t tuning) (_ *Store, err error) {
	if !vfs.SupportsSharedMemory || !vfs.SupportsFileLocking {
		return nil, fmt.Errorf("no shared memory or no file locks for SQLite on %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	s := &Store{
		path: path, clock: o.Clock, logger: o.Logger,
		walStep: t.walStep, walLimit: t.walLimit, closing: make(chan struct{}),
	}
	s.queue = groupcommit.New[*request](s.closing, o.BatchLimit)
	if s.locked, err = lock(ctx, path+"."+o.Prefix+"lock"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.locked.close()
		}
	}()

	sync := "FULL"
	if o.RiskLastMessages {
		sync = "NORMAL"
	}
	// A file that is made here can give back the pages of what was removed.
	var pragmas []string
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		pragmas = append(pragmas, "auto_vacuum = INCREMENTAL")
	}
	pragmas = append(pragmas,
		"journal_mode = WAL", "synchronous = "+sync, "cache_size = -65536", "temp_store = MEMORY",
		"journal_size_limit = 67108864")
	pragmas = append(pragmas, t.pragmas...)
	w := &writer{store: s, rooms: make(map[chat.RoomID]*room), users: make(map[chat.UserID]*user)}
	w.connect = func() (*conn, error) {
		c, err := connect(path, o.Prefix, pragmas...)
		if err != nil {
			return nil, err
		}
		if err := c.usable(); err != nil {
			c.close()
			return nil, err
		}
		c.db.WALHook(func(_ *sqlite3.Conn, _ string, pages int) error {
			w.walPages = pages
			return nil
		})
		return c, nil
	}
	if w.conn, err = w.connect(); err != nil {
		return nil, err
	}
	s.w = w
	defer func() {
		if err != nil {
			w.conn.close()
		}
	}()
	if t.steps == nil {
		if t.steps, err = sqlstore.Migrations(migrationFiles, "migrations"); err != nil {
			return nil, err
		}
	}
	if err = w.migrate(path, t.steps); err != nil {
		return nil, err
	}
	// More readers than processors only share them.
	s.readers, err = newReaders(max(2, min(4, runtime.GOMAXPROCS(0))), func() (*conn, error) {
		return connect(path, o.Prefix, "query_only = ON", "cache_size = -8192", "temp_store = MEMORY")
	})
	if err != nil {
		return nil, err
	}
	s.running.Go(func() { s.queue.Run(w.commit) })
	return s, nil
}

// usable checks what the pragmas could not bring about.
func (c *conn) usable() error {
	var mode, encoding string
	if _, err := c.one(func(r *row) { mode = r.text() }, `PRAGMA journal_mode`); err != nil {
		return err
	}
	if _, err := c.one(func(r *row) { encoding = r.text() }, `PRAGMA encoding`); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file can't have a write-ahead log, its journal mode is %s", mode)
	}
	if encoding != "UTF-8" {
		return fmt.Errorf("the encoding of the database is %s, not UTF-8", encoding)
	}
	return nil
}
