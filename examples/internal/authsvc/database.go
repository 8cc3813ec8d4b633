package authsvc

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"
)

//go:embed migrations/*.sql
var migrations embed.FS

var errClosed = errors.New("authsvc: closed")

// busyTimeout is how long a statement waits for another process.
const busyTimeout = 5 * time.Second

// database is one SQLite connection that callers take in turn. That is plenty
// for logins, of which the hash of the password costs a thousand times more.
type database struct {
	turn  chan *sqlite3.Conn // holds the connection while nobody uses it
	stmts map[string]*sqlite3.Stmt
}

// openDatabase opens or creates the file at path and brings its schema up to
// date. The path "memory" is a database that ends with the process.
func openDatabase(ctx context.Context, path string) (*database, error) {
	conn, err := connect(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("authsvc: open database: %w", err)
	}
	d := &database{turn: make(chan *sqlite3.Conn, 1), stmts: map[string]*sqlite3.Stmt{}}
	d.turn <- conn
	if err := d.write(ctx, migrate); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func connect(ctx context.Context, path string) (*sqlite3.Conn, error) {
	address, mode := ":memory:", "memory"
	if path != "memory" {
		var err error
		if address, err = file(path); err != nil {
			return nil, err
		}
		mode = "wal"
	}
	conn, err := sqlite3.OpenFlags(address, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE|sqlite3.OPEN_URI)
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		conn.BusyTimeout(busyTimeout),
		conn.Exec(`PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON`),
		setJournal(ctx, conn, mode),
	)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// file makes sure that there is a file at path which only its owner can read,
// since it holds password hashes, and returns the URI by which SQLite gives its
// log the same mode.
func file(path string) (uri string, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", err
	}
	path = filepath.ToSlash(path)
	if runtime.GOOS == "windows" {
		path = "/" + path // file:/C:/…
	}
	mode := strings.ReplaceAll(url.QueryEscape(path), "+", "%20")
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: "modeof=" + mode}).String(), nil
}

// setJournal makes the database log ahead, which is kept in the file. For that
// change alone SQLite does not wait for other processes, so this does.
func setJournal(ctx context.Context, conn *sqlite3.Conn, mode string) error {
	ctx, cancel := context.WithTimeout(ctx, busyTimeout)
	defer cancel()
	for {
		got, err := journal(conn)
		if err == nil && got != mode {
			return fmt.Errorf("the file system is not fit for a write-ahead log (%s)", got)
		}
		if !errors.Is(err, sqlite3.BUSY) {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

func journal(conn *sqlite3.Conn) (mode string, err error) {
	stmt, _, err := conn.Prepare(`PRAGMA journal_mode = WAL`)
	if err != nil {
		return "", err
	}
	if stmt.Step() {
		mode = stmt.ColumnText(0)
	}
	err = stmt.Err()
	_ = stmt.Close() // repeats err
	return mode, err
}

// close waits for its turn. What comes later is refused with errClosed.
func (d *database) close() error {
	conn, open := <-d.turn
	if !open {
		return nil
	}
	close(d.turn)
	for _, s := range d.stmts {
		_ = s.Close() // repeats the last error of the statement
	}
	return conn.Close()
}

// tx is the use of the connection by one caller.
type tx struct {
	conn  *sqlite3.Conn
	stmts map[string]*sqlite3.Stmt
}

// read calls f when it is this caller's turn. Waiting ends with ctx; what has
// begun is finished, it takes microseconds.
func (d *database) read(ctx context.Context, f func(tx) error) error {
	select {
	case conn, open := <-d.turn:
		if !open {
			return errClosed
		}
		defer func() { d.turn <- conn }()
		return f(tx{conn, d.stmts})
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// write is read in a transaction, which is committed if f returns nil. After
// another error nothing has changed, except that an error of the commit itself
// leaves it open.
func (d *database) write(ctx context.Context, f func(tx) error) error {
	return d.read(ctx, func(t tx) (err error) {
		txn, err := t.conn.BeginImmediate()
		if err != nil {
			return fmt.Errorf("authsvc: database: %w", err)
		}
		defer txn.End(&err)
		return f(t)
	})
}

// rows runs sql and calls f for each row of the result; f may be nil.
func (t tx) rows(f func(*sqlite3.Stmt), sql string, args ...any) error {
	if err := t.run(f, sql, args); err != nil {
		return fmt.Errorf("authsvc: database: %w", err)
	}
	return nil
}

// run does the work of rows. Errors of SQLite name the statement and never a
// value.
func (t tx) run(f func(*sqlite3.Stmt), sql string, args []any) (err error) {
	stmt := t.stmts[sql]
	if stmt == nil {
		if stmt, _, err = t.conn.PrepareFlags(sql, sqlite3.PREPARE_PERSISTENT); err != nil {
			return err
		}
		t.stmts[sql] = stmt
	}
	// Bindings are secrets here: they do not stay in memory longer than needed.
	defer func() { err = errors.Join(err, stmt.ClearBindings()) }()
	for i, arg := range args {
		switch v := arg.(type) {
		case string:
			err = stmt.BindText(i+1, v)
		case []byte:
			err = stmt.BindBlob(i+1, v)
		case int:
			err = stmt.BindInt(i+1, v)
		case int64:
			err = stmt.BindInt64(i+1, v)
		case bool:
			err = stmt.BindBool(i+1, v)
		case time.Time:
			err = stmt.BindInt64(i+1, v.UnixMilli())
		default:
			err = fmt.Errorf("can't bind %T", arg)
		}
		if err != nil {
			return err
		}
	}
	for stmt.Step() {
		if f != nil {
			f(stmt)
		}
	}
	err = stmt.Err()
	if reset := stmt.Reset(); err == nil {
		err = reset
	}
	return err
}

// migrate applies the migrations that the database does not have yet. They are
// numbered from 1 and never changed once released.
func migrate(t tx) error {
	if err := t.rows(nil, `CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied INTEGER NOT NULL) STRICT`); err != nil {
		return err
	}
	have := 0
	if err := t.rows(func(s *sqlite3.Stmt) { have = s.ColumnInt(0) }, `SELECT COALESCE(MAX(version), 0) FROM schema_version`); err != nil {
		return err
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(names)
	if have > len(names) {
		return fmt.Errorf("authsvc: the database has schema version %d, this program knows %d: it is too old", have, len(names))
	}
	for i, name := range names[have:] {
		sql, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if err := t.conn.Exec(string(sql)); err != nil {
			return fmt.Errorf("authsvc: migration %s: %w", name, err)
		}
		if err := t.rows(nil, `INSERT INTO schema_version (version, applied) VALUES (?, ?)`, have+i+1, time.Now()); err != nil {
			return err
		}
	}
	return nil
}
