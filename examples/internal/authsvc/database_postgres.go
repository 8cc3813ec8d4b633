package authsvc

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresSchema holds the tables, unless the URL has a search_path. It is made
// if need be.
const postgresSchema = "gochat_auth"

// postgresEngine is PostgreSQL. Those who write do so one after the other, as
// with SQLite: logins are few, and no two can get in each other's way.
type postgresEngine struct{ schema string }

func (postgresEngine) migrations() string { return "postgres" }

// The lock is of this schema in the whole database, and ends with the
// transaction.
func (e postgresEngine) begin(ctx context.Context, t *sql.Tx) error {
	_, err := t.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, "gochat auth "+e.schema)
	return err
}

// taken goes by the code of a unique violation.
func (postgresEngine) taken(err error) bool {
	p, ok := errors.AsType[*pgconn.PgError](err)
	return ok && p.Code == "23505"
}

// away is true for what the network says, and for a server that starts, stops
// or has no connection left (PostgreSQL, appendix A: classes 08, 53 and 57P).
func (postgresEngine) away(err error) bool {
	if p, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.HasPrefix(p.Code, "08") || strings.HasPrefix(p.Code, "53") || strings.HasPrefix(p.Code, "57P")
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	return connecting || network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func isPostgres(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

func openPostgres(ctx context.Context, address string) (*database, error) {
	config, err := pgx.ParseConfig(address) // its errors hide the password
	if err != nil {
		return nil, err
	}
	config.ConnectTimeout = cmp.Or(config.ConnectTimeout, busyTimeout)
	schema := cmp.Or(config.RuntimeParams["search_path"], postgresSchema)
	config.RuntimeParams["search_path"] = pgx.Identifier{schema}.Sanitize()
	config.RuntimeParams["application_name"] = cmp.Or(config.RuntimeParams["application_name"], "gochat-auth")
	d := &database{engine: postgresEngine{schema}, sql: stdlib.OpenDB(*config)}
	d.sql.SetMaxOpenConns(8)
	d.sql.SetMaxIdleConns(2)
	d.sql.SetConnMaxIdleTime(5 * time.Minute)
	err = d.write(ctx, func(t tx) error {
		// Whoever may not make schemas can have one made.
		there, err := t.exists(`SELECT 1 FROM pg_namespace WHERE nspname = $1`, schema)
		if err == nil && !there {
			_, err = t.exec(`CREATE SCHEMA ` + pgx.Identifier{schema}.Sanitize())
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}
