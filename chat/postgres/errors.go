package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/carlware/gochat/chat"
)

// SchemaError is returned by [Open] when the tables in the database are not
// those that this version of the package makes.
type SchemaError struct {
	Schema  string // as in [Options]
	Version int    // of the tables in the database
	Known   int    // the newest that this version of the package knows
	Reason  string // a sentence
}

// Error tells the versions and the reason.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("postgres: schema %s has version %d, this program knows up to %d: %s", e.Schema, e.Version, e.Known, e.Reason)
}

// sqlstate returns the code that the server gave err, or "".
func sqlstate(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// ofRow reports whether err says something about the values that were written,
// not about the server: then the other rows of a batch can be stored. A host
// program's triggers raise such errors, too.
func ofRow(err error) bool {
	switch code := sqlstate(err); {
	case code == "":
		return false
	default:
		switch code[:2] {
		case "22", "23", "44", "54", "P0": // data, constraint, check option, too large, raised
			return true
		}
		return false
	}
}

// passing reports whether err says that the transaction was undone for reasons
// that will pass: a deadlock, a conflict, or time spent waiting for a lock.
func passing(err error) bool {
	switch sqlstate(err) {
	case "40001", "40P01", "55P03", "57014":
		return true
	}
	return false
}

// misplaced reports whether err says that this connection is the wrong one,
// while nothing was stored: the server has become a standby, or does not know
// the prepared statements.
func misplaced(err error) bool {
	switch sqlstate(err) {
	case "25006", "26000", "0A000":
		return true
	}
	return false
}

// lostRace reports whether err says that another transaction has stored, after
// this one had looked, what may be there only once. Looking again tells which
// it is: the same request, or a conflict.
func lostRace(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || e.Code != "23505" {
		return false
	}
	switch e.ConstraintName {
	case "events_once", "rooms_by", "rooms_direct", "rooms_name", "calls_once":
		return true
	}
	return false
}

// failed is what a caller is told about err.
func failed(ctx context.Context, what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, chat.ErrUnavailable), errors.Is(err, chat.ErrOutcomeUnknown), errors.Is(err, chat.ErrClosed):
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return ctx.Err()
	case ofServer(err):
		return fmt.Errorf("postgres: %s: %w: %w", what, chat.ErrUnavailable, err)
	}
	return fmt.Errorf("postgres: %s: %w", what, err)
}

// ofServer reports whether err says that the server can't be reached or can't
// do its work.
func ofServer(err error) bool {
	return sqlstate(err) != "" && !ofRow(err) || broken(err)
}

// broken reports whether err is the end of a connection, or that there is none.
func broken(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Severity == "FATAL" || e.Severity == "PANIC" // it has nothing more to say
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded)
}

// hopeless reports whether err means that opening again will fail as well: a
// wrong password, a database that does not exist, a missing right.
func hopeless(err error) bool {
	code := sqlstate(err)
	return code != "" && (code[:2] == "28" || code[:2] == "3D" || code[:2] == "42")
}
