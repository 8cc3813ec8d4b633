package authsvc

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

var (
	errClosed = errors.New("authsvc: closed")
	// errAway is that of a database that can't be reached. A write may have
	// been done.
	errAway = errors.New("authsvc: the database can't be reached")
)

// busyTimeout is how long a statement waits for another process.
const busyTimeout = 5 * time.Second

// database is where users and sessions are kept: a SQLite file, a PostgreSQL
// database that several processes share, or the memory of this one. The
// statements are the same in all of them: $1, $2 and so on stand for arguments
// and come up in this order, and times are milliseconds.
type database struct {
	engine
	sql    *sql.DB
	closed atomic.Bool
}

// engine is what differs between databases.
type engine interface {
	// migrations names the directory of the schema.
	migrations() string
	// begin is run first in each transaction that writes: from then on no other
	// writes.
	begin(ctx context.Context, t *sql.Tx) error
	// taken reports whether err is that of a row that there is already.
	taken(err error) bool
	// away reports whether err is that of a server that can't be reached.
	away(err error) bool
}

// openDatabase opens a database and brings its schema up to date: that of a
// postgres:// URL, the file at path, which is created if need be, or "memory",
// which ends with the process.
func openDatabase(ctx context.Context, name string) (d *database, err error) {
	if isPostgres(name) {
		d, err = openPostgres(ctx, name)
	} else {
		d, err = openSQLite(ctx, name)
	}
	if err != nil {
		return nil, fmt.Errorf("authsvc: open database: %w", err)
	}
	if err := d.write(ctx, d.migrate); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// close waits for what has begun. What comes later is refused with errClosed.
func (d *database) close() error {
	d.closed.Store(true)
	return d.sql.Close()
}

// tx is the use of the database by one caller.
type tx struct {
	ctx context.Context
	on  interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	}
}

// read calls f outside of a transaction. Waiting for the database ends with
// ctx, or after busyTimeout.
func (d *database) read(ctx context.Context, f func(tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, busyTimeout)
	defer cancel()
	return d.outcome(f(tx{ctx, d.sql}))
}

// write calls f in a transaction, which is committed if f returns nil. After
// another error nothing has changed, except that an error of the commit itself
// leaves it open.
func (d *database) write(ctx context.Context, f func(tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*busyTimeout)
	defer cancel()
	return d.outcome(d.transact(ctx, f))
}

func (d *database) transact(ctx context.Context, f func(tx) error) error {
	t, err := d.sql.BeginTx(ctx, nil)
	if err != nil {
		return databaseError(err)
	}
	defer t.Rollback() //nolint:errcheck // it is committed by then, or its error is known
	if err := d.begin(ctx, t); err != nil {
		return databaseError(err)
	}
	if err := f(tx{ctx, t}); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return databaseError(err)
	}
	return nil
}

func (d *database) outcome(err error) error {
	switch {
	case err == nil:
		return nil
	case d.closed.Load():
		return errClosed
	case d.away(err):
		return fmt.Errorf("%w: %w", errAway, err)
	}
	return err
}

func databaseError(err error) error { return fmt.Errorf("authsvc: database: %w", err) }

// rows runs a query and calls f for each row of the result. A text that no
// column can hold, since PostgreSQL knows no NUL, is in no row. Errors of the
// database name the statement and never a value.
func (t tx) rows(f func(*sql.Rows) error, query string, args ...any) error {
	for _, arg := range args {
		if s, ok := arg.(string); ok && (strings.Contains(s, "\x00") || !utf8.ValidString(s)) {
			return nil
		}
	}
	rows, err := t.on.QueryContext(t.ctx, query, values(args)...)
	if err != nil {
		return databaseError(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return databaseError(err)
		}
	}
	if err := rows.Err(); err != nil {
		return databaseError(err)
	}
	return nil
}

// exists reports whether a query has a row.
func (t tx) exists(query string, args ...any) (found bool, err error) {
	err = t.rows(func(*sql.Rows) error { found = true; return nil }, query, args...)
	return found, err
}

// exec runs a statement and returns how many rows it changed.
func (t tx) exec(statement string, args ...any) (int64, error) {
	result, err := t.on.ExecContext(t.ctx, statement, values(args)...)
	if err != nil {
		return 0, databaseError(err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, databaseError(err)
	}
	return n, nil
}

// values are args as they are stored.
func values(args []any) []any {
	stored := slices.Clone(args)
	for i, arg := range stored {
		switch v := arg.(type) {
		case time.Time:
			stored[i] = v.UnixMilli()
		case bool:
			stored[i] = 0
			if v {
				stored[i] = 1
			}
		}
	}
	return stored
}

// moment reads a time as it is stored.
type moment struct{ to *time.Time }

// Scan implements [sql.Scanner].
func (m moment) Scan(v any) error {
	ms, ok := v.(int64)
	if !ok {
		return fmt.Errorf("%T is no time", v)
	}
	*m.to = time.UnixMilli(ms)
	return nil
}

// migrate applies the migrations that the database does not have yet. They are
// numbered from 1 and never changed once released.
func (d *database) migrate(t tx) error {
	if _, err := t.exec(`CREATE TABLE IF NOT EXISTS schema_version (version bigint PRIMARY KEY, applied bigint NOT NULL)`); err != nil {
		return err
	}
	have := 0
	err := t.rows(func(r *sql.Rows) error { return r.Scan(&have) }, `SELECT COALESCE(MAX(version), 0) FROM schema_version`)
	if err != nil {
		return err
	}
	names, err := fs.Glob(migrations, "migrations/"+d.migrations()+"/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(names)
	if have > len(names) {
		return fmt.Errorf("authsvc: the database has schema version %d, this program knows %d: it is too old", have, len(names))
	}
	for i, name := range names[have:] {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := t.exec(string(text)); err != nil {
			return fmt.Errorf("authsvc: migration %s: %w", name, err)
		}
		if _, err := t.exec(`INSERT INTO schema_version (version, applied) VALUES ($1, $2)`, have+i+1, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// places returns "$1, $2, …" for n arguments.
func places(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", i+1)
	}
	return b.String()
}
