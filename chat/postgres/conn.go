package postgres

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

// dialect makes statements of the SQL in this package, where {s} stands for
// the schema of the tables with a dot, and {now} for the time of the server in
// milliseconds. It is one for the whole of a statement.
type dialect struct {
	replacer *strings.Replacer
	made     sync.Map // from the SQL here to the one of the statement
}

// serverClock is what {now} stands for.
const serverClock = `floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint`

func newDialect(schema, clock string) *dialect {
	return &dialect{replacer: strings.NewReplacer("{s}", pgx.Identifier{schema}.Sanitize()+".", "{now}", clock)}
}

func (d *dialect) statement(sql string) string {
	if made, ok := d.made.Load(sql); ok {
		return made.(string)
	}
	made := d.replacer.Replace(sql)
	d.made.Store(sql, made)
	return made
}

// pipe is statements that are sent together and answered together: one round
// trip, and one transaction unless they say otherwise. Each of them sees what
// the ones before it have waited for.
type pipe struct {
	*dialect
	b pgx.Batch
}

// exec adds a statement.
func (p *pipe) exec(sql string, args ...any) {
	p.b.Queue(p.statement(sql), args...)
}

// query adds a query. f is called with each row when the pipe is sent.
func (p *pipe) query(f func(r *row), sql string, args ...any) {
	p.b.Queue(p.statement(sql), args...).Query(func(rows pgx.Rows) error { return each(rows, f) })
}

// sender is a connection or a pool of them.
type sender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// send sends what was added, and returns the first error. The pipe can't be
// used again.
func (p *pipe) send(ctx context.Context, c sender) error {
	return c.SendBatch(ctx, &p.b).Close()
}

// each calls f with each of rows and closes them.
func each(rows pgx.Rows, f func(r *row)) error {
	defer rows.Close()
	var r row
	for rows.Next() {
		if r.fields == nil {
			r.fields = rows.FieldDescriptions() // which there are none of after an error
		}
		r.values, r.next = rows.RawValues(), 0
		if f(&r); r.err != nil {
			return r.err
		}
	}
	return rows.Err()
}

// row reads the columns of a row from left to right. NULL is read as the zero
// value.
type row struct {
	values [][]byte
	fields []pgconn.FieldDescription
	next   int
	err    error
}

func (r *row) value() []byte {
	r.next++
	return r.values[r.next-1]
}

func (r *row) binary() bool { return r.fields[r.next-1].Format == pgx.BinaryFormatCode }

func (r *row) int() int64 {
	b := r.value()
	switch {
	case b == nil:
		return 0
	case !r.binary():
		n, err := strconv.ParseInt(string(b), 10, 64)
		r.err = errors.Join(r.err, err)
		return n
	case len(b) == 8:
		return int64(binary.BigEndian.Uint64(b))
	case len(b) == 4:
		return int64(int32(binary.BigEndian.Uint32(b)))
	case len(b) == 2:
		return int64(int16(binary.BigEndian.Uint16(b)))
	}
	r.err = fmt.Errorf("column %s is not an integer", r.fields[r.next-1].Name)
	return 0
}

func (r *row) bool() bool {
	b := r.value()
	return len(b) == 1 && (b[0] == 1 || b[0] == 't')
}

func (r *row) seq() chat.Seq { return chat.Seq(r.int()) }

func (r *row) text() string { return string(r.value()) }

func (r *row) json() json.RawMessage {
	if b := r.value(); len(b) > 0 {
		return json.RawMessage(string(b)) // a copy
	}
	return nil
}

func (r *row) hash() (h [16]byte) {
	if b := r.value(); len(b) != len(h) || !r.binary() {
		r.err = errors.New("a hash is not 16 bytes")
	} else {
		copy(h[:], b)
	}
	return h
}

func (r *row) time() time.Time { return time.UnixMilli(r.int()).UTC() }

func (r *row) user() chat.User {
	return chat.User{ID: chat.UserID(r.text()), Name: r.text(), Bot: r.bool()}
}

// unlist reads a list.
func unlist[T ~string | chat.Seq](r *row) []T {
	vs, err := sqlstore.Unlist[T](r.value())
	r.err = errors.Join(r.err, err)
	return vs
}

// storable reports whether s can be in a column of text.
func storable[T ~string](s T) bool {
	return utf8.ValidString(string(s)) && strings.IndexByte(string(s), 0) < 0
}

// check refuses what a column of text can't hold, before it is sent. The node
// lets none of it through.
func check[T ~string](field string, values ...T) error {
	for _, v := range values {
		if !storable(v) {
			return &chat.InputError{Code: "bad_request", Field: field, Message: "It is not valid UTF-8, or has a zero byte in it."}
		}
	}
	return nil
}

// checkID refuses what [Store.Heads] could not ask for either: ids with a
// line break, which the node makes none of.
func checkID(id chat.RoomID) error {
	if strings.IndexByte(string(id), '\n') >= 0 {
		return &chat.InputError{Code: "bad_request", Field: "room", Message: "It has a line break in it."}
	}
	return check("room", id)
}

// known returns those of ids that can be in the database at all.
func known[T ~string](ids []T) []string {
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		if storable(id) {
			out = append(out, string(id))
		}
	}
	return out
}
