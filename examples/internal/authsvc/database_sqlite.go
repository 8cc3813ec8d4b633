package authsvc

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

// sqliteEngine is SQLite, through one connection that callers take in turn.
// That is plenty for logins, of which the hash of the password costs a thousand
// times more.
type sqliteEngine struct{}

func (sqliteEngine) migrations() string { return "sqlite" }

// The driver begins every transaction as one that writes.
func (sqliteEngine) begin(context.Context, *sql.Tx) error { return nil }

func (sqliteEngine) taken(err error) bool { return errors.Is(err, sqlite3.CONSTRAINT_UNIQUE) }

func (sqliteEngine) away(error) bool { return false }

func openSQLite(ctx context.Context, path string) (*database, error) {
	address, mode := "file::memory:", "memory"
	if path != "memory" {
		var err error
		if address, err = file(path); err != nil {
			return nil, err
		}
		mode = "wal"
	}
	db, err := driver.Open(address, func(conn *sqlite3.Conn) error {
		return errors.Join(
			conn.BusyTimeout(busyTimeout),
			conn.Exec(`PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON`),
			setJournal(ctx, conn, mode),
		)
	})
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &database{engine: sqliteEngine{}, sql: db}, nil
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
