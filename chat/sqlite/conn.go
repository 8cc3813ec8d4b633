package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/carlware/gochat/chat"
)

// conn is a connection and the statements prepared on it. It is used by one
// goroutine at a time.
//
// In all SQL of this package {p} stands for the prefix of the tables.
type conn struct {
	db     *sqlite3.Conn
	prefix string
	stmts  map[string]*sqlite3.Stmt
}

// busyTimeout is how long a connection waits for locks that other programs
// hold on the database.
const busyTimeout = 5 * time.Second

// connect opens the file at path, which need not exist, and runs the pragmas.
func connect(path, prefix string, pragmas ...string) (*conn, error) {
	// Not sqlite3.Open: it would take a path for a URI.
	db, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE)
	if err != nil {
		return nil, err
	}
	c := &conn{db: db, prefix: prefix, stmts: make(map[string]*sqlite3.Stmt)}
	if err := db.BusyTimeout(busyTimeout); err != nil {
		c.close()
		return nil, err
	}
	for _, p := range pragmas {
		if err := db.Exec("PRAGMA " + p); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		s.Close() // reports the last error of the statement once more
	}
	clear(c.stmts)
	return c.db.Close()
}

// prepared returns the statement for sql with args bound to it.
func (c *conn) prepared(sql string, args []any) (*sqlite3.Stmt, error) {
	s := c.stmts[sql]
	if s == nil {
		var err error
		s, _, err = c.db.PrepareFlags(strings.ReplaceAll(sql, "{p}", c.prefix), sqlite3.PREPARE_PERSISTENT)
		if err != nil {
			return nil, err
		}
		c.stmts[sql] = s
	}
	for i, a := range args {
		if err := bind(s, i+1, a); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func bind(s *sqlite3.Stmt, i int, a any) error {
	switch v := a.(type) {
	case nil:
		return s.BindNull(i)
	case int64:
		return s.BindInt64(i, v)
	case int:
		return s.BindInt(i, v)
	case chat.Seq:
		return s.BindInt64(i, int64(v))
	case bool:
		return s.BindBool(i, v)
	case string:
		return s.BindText(i, v)
	case chat.UserID:
		return s.BindText(i, string(v))
	case chat.RoomID:
		return s.BindText(i, string(v))
	case chat.Role:
		return s.BindText(i, string(v))
	case chat.RoomKind:
		return s.BindText(i, string(v))
	case chat.CallStatus:
		return s.BindText(i, string(v))
	case json.RawMessage:
		return s.BindText(i, string(v))
	case [16]byte:
		return s.BindBlob(i, v[:])
	}
	panic(fmt.Sprintf("sqlite: can't bind %T", a))
}

// exec runs sql.
func (c *conn) exec(sql string, args ...any) error {
	s, err := c.prepared(sql, args)
	if err != nil {
		return err
	}
	return s.Exec()
}

// errEnough is returned by a function that wants no more rows.
var errEnough = errors.New("enough")

// query runs sql and calls f with each row. f must not use c, nor keep r.
func (c *conn) query(f func(r *row) error, sql string, args ...any) error {
	s, err := c.prepared(sql, args)
	if err != nil {
		return err
	}
	r := row{s: s}
	for err == nil && s.Step() {
		r.next = 0
		err = f(&r)
	}
	switch err {
	case nil:
		err = s.Err()
	case errEnough:
		err = nil
	}
	// A statement that is not reset keeps its snapshot, and the WAL, alive.
	if e := s.Reset(); err == nil {
		err = e
	}
	return err
}

// one runs sql and calls f with the first row. It reports whether there was
// one.
func (c *conn) one(f func(r *row), sql string, args ...any) (found bool, err error) {
	s, err := c.prepared(sql, args)
	if err != nil {
		return false, err
	}
	if s.Step() {
		f(&row{s: s})
		found = true
	}
	err = s.Err()
	if e := s.Reset(); err == nil {
		err = e
	}
	return found, err
}

// row reads the columns of a row from left to right.
type row struct {
	s    *sqlite3.Stmt
	next int
}

func (r *row) int() int64 {
	r.next++
	return r.s.ColumnInt64(r.next - 1)
}

func (r *row) bool() bool { return r.int() != 0 }

func (r *row) seq() chat.Seq { return chat.Seq(r.int()) }

func (r *row) text() string {
	r.next++
	return r.s.ColumnText(r.next - 1)
}

func (r *row) json() json.RawMessage {
	r.next++
	if raw := r.s.ColumnRawText(r.next - 1); len(raw) > 0 {
		return json.RawMessage(string(raw)) // a copy
	}
	return nil
}

func (r *row) hash() (h [16]byte) {
	r.next++
	copy(h[:], r.s.ColumnRawBlob(r.next-1))
	return h
}

func (r *row) time() time.Time { return time.UnixMilli(r.int()).UTC() }

func (r *row) user() chat.User {
	return chat.User{ID: chat.UserID(r.text()), Name: r.text(), Bot: r.bool()}
}
