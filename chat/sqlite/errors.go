package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"github.com/carlware/gochat/chat"
)

// ErrLocked is returned by [Open] when another store has the database open, in
// this process or in another one.
var ErrLocked = errors.New("sqlite: the database is in use by another process")

// SchemaError is returned by [Open] when the tables in the database are not
// those that this version of the package makes.
type SchemaError struct {
	Path    string // of the database
	Version int    // of the schema in the database
	Known   int    // the newest that this version of the package knows
	Reason  string // a sentence
}

// Error tells the versions and the reason.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("sqlite: %s has schema version %d, this program knows up to %d: %s", e.Path, e.Version, e.Known, e.Reason)
}

// broken reports whether err says something about the connection or the file,
// not about one row: then nothing that is remembered can be relied upon.
func broken(err error) bool {
	var code sqlite3.ExtendedErrorCode
	if !errors.As(err, &code) {
		return false
	}
	switch code.Code() {
	case sqlite3.CONSTRAINT:
		// A taken key means that the heads in memory are wrong.
		return code == sqlite3.CONSTRAINT_PRIMARYKEY || code == sqlite3.CONSTRAINT_ROWID
	case sqlite3.MISMATCH, sqlite3.TOOBIG:
		return false
	}
	return true
}

// failed is what a caller is told about err.
func failed(ctx context.Context, what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, chat.ErrUnavailable), errors.Is(err, chat.ErrOutcomeUnknown):
	case err == ctx.Err():
		return err
	case errors.Is(err, sqlite3.INTERRUPT) && ctx.Err() != nil:
		return ctx.Err()
	case broken(err):
		return fmt.Errorf("sqlite: %s: %w: %w", what, chat.ErrUnavailable, err)
	}
	return fmt.Errorf("sqlite: %s: %w", what, err)
}
