package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one step of the schema. A step that was released is never
// changed; its checksum is kept with the tables.
type migration struct {
	version  int
	name     string
	sql      string
	checksum string
}

// migrations returns the steps in their order. Their file names are the
// version in four digits, "_" and a name.
func migrations() ([]migration, error) {
	entries, err := migrationFiles.ReadDir("migrations") // sorted by name
	if err != nil {
		return nil, err
	}
	var steps []migration
	for i, e := range entries {
		text, err := migrationFiles.ReadFile("migrations/" + e.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		m := migration{version: i + 1, sql: string(text), checksum: hex.EncodeToString(sum[:])}
		prefix := fmt.Sprintf("%04d_", m.version)
		if !strings.HasPrefix(e.Name(), prefix) {
			return nil, fmt.Errorf("migration %s does not begin with %s", e.Name(), prefix)
		}
		m.name = strings.TrimSuffix(strings.TrimPrefix(e.Name(), prefix), ".sql")
		steps = append(steps, m)
	}
	return steps, nil
}

// oldest is the first version of the server that will do, 13, which knows all
// settings of a connection.
const oldest = 130000

// prepare checks the server and brings the tables up to date, on a connection
// of its own that has no timeouts: a step may take long.
func (s *Store) prepare(ctx context.Context, config *pgx.ConnConfig, steps []migration) error {
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
func (s *Store) migrate(ctx context.Context, tx pgx.Tx, steps []migration) error {
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
	refuse := func(reason string) error {
		return &SchemaError{Schema: s.schema, Version: len(sums), Known: len(steps), Reason: reason}
	}
	if len(sums) > len(steps) {
		return refuse("it was made by a newer version")
	}
	for i, m := range steps {
		if i < len(sums) {
			if sums[i] != m.checksum {
				return refuse(fmt.Sprintf("step %d was another one", m.version))
			}
			continue
		}
		if err := run(m.sql); err != nil {
			return fmt.Errorf("migration %d %s: %w", m.version, m.name, err)
		}
		if err := run(`INSERT INTO {s}schema VALUES ($1, $2, $3, `+serverClock+`)`, m.version, m.name, m.checksum); err != nil {
			return err
		}
	}
	return run(`INSERT INTO {s}meta VALUES ('store', $1), ('epoch', $2) ON CONFLICT DO NOTHING`, random(), random())
}

// lockKey is the advisory lock of the migrations of a schema.
func lockKey(schema string) int64 {
	sum := sha256.Sum256([]byte("github.com/carlware/gochat migrations of " + schema))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// random returns 128 random bits as 22 of A-Za-z0-9_-.
func random() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
