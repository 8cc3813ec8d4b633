package postgres

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// oldest is the first version of the server that will do, 13, which knows all
// settings of a connection.
const oldest = 130000

// prepare checks the server and brings the tables up to date, on a connection
// of its own that has no timeouts: a step may take long.
func (s *Store) prepare(ctx context.Context, config *pgx.ConnConfig, steps []sqlstore.Migration) error {
	c, err := pgx.ConnectConfig(ctx, configure(config, map[string]string{"application_name": "gochat"}))
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx)) // what counts is committed
	var version int
	var encoding string
	if err := c.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_encoding')`).Scan(&version, &encoding); err != nil {
		return err
	}
	if version < oldest {
		return fmt.Errorf("the server has version %d, it takes PostgreSQL %d or newer", version/10000, oldest/10000)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the encoding of the database is %s, not UTF8", encoding)
	}
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error { return s.migrate(ctx, tx, steps) })
}

// migrate brings the tables to the newest version, in one transaction, and
// gives a new store its identity. Nodes that start together do it one by one.
// It refuses tables that a newer version of this package has made, or another
// one than it knows.
func (s *Store) migrate(ctx context.Context, tx pgx.Tx, steps []sqlstore.Migration) error {
	run := func(sql string, args ...any) error {
		_, err := tx.Exec(ctx, s.statement(sql), args...)
		return err
	}
	if err := run(`SELECT pg_advisory_xact_lock($1)`, lockKey(s.schema)); err != nil {
		return err
	}
	// What is there is not created again: that takes a right that the
	// operator may not want to give.
	var there bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)`, s.schema).Scan(&there); err != nil {
		return err
	}
	if !there {
		if err := run(`CREATE SCHEMA ` + pgx.Identifier{s.schema}.Sanitize()); err != nil {
			return err
		}
	}
	if err := tx.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, s.statement(`{s}schema`)).Scan(&there); err != nil {
		return err
	}
	if !there {
		if err := run(`CREATE TABLE {s}schema (version int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at bigint NOT NULL)`); err != nil {
			return err
		}
	}
	rows, err := tx.Query(ctx, s.statement(`SELECT checksum FROM {s}schema ORDER BY version`))
	if err != nil {
		return err
	}
	sums, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	pending, refused := sqlstore.Pending(steps, sums)
	if refused != "" {
		return &SchemaError{Schema: s.schema, Version: len(sums), Known: len(steps), Reason: refused}
	}
	for _, m := range pending {
		if err := run(m.SQL); err != nil {
			return fmt.Errorf("migration %d %s: %w", m.Version, m.Name, err)
		}
		if err := run(`INSERT INTO {s}schema VALUES ($1, $2, $3, `+serverClock+`)`, m.Version, m.Name, m.Checksum); err != nil {
			return err
		}
	}
	return run(`INSERT INTO {s}meta VALUES ('store', $1), ('epoch', $2) ON CONFLICT DO NOTHING`, chat.NewID(), chat.NewID())
}

// lockKey is the advisory lock of the migrations of a schema.
func lockKey(schema string) int64 {
	sum := sha256.Sum256([]byte("github.com/carlware/gochat migrations of " + schema))
	return int64(binary.BigEndian.Uint64(sum[:]))
}
