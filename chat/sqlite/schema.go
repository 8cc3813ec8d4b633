package sqlite

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrate brings the tables to the newest version, in one transaction, and
// gives a new store its identity. It refuses tables that a newer version of
// this package has made, or another one than it knows.
func (c *conn) migrate(path string, steps []sqlstore.Migration) (err error) {
	if err := c.exec(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	defer func() {
		if err != nil && !c.db.GetAutocommit() {
			err = errors.Join(err, c.exec(`ROLLBACK`))
		}
	}()
	if err := c.exec(`CREATE TABLE IF NOT EXISTS {p}schema (
		version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT`); err != nil {
		return err
	}
	var sums []string
	if err := c.query(func(r *row) error {
		sums = append(sums, r.text())
		return nil
	}, `SELECT checksum FROM {p}schema ORDER BY version`); err != nil {
		return err
	}
	pending, refused := sqlstore.Pending(steps, sums)
	if refused != "" {
		return &SchemaError{Path: path, Version: len(sums), Known: len(steps), Reason: refused}
	}
	for _, m := range pending {
		if err := c.db.Exec(strings.ReplaceAll(m.SQL, "{p}", c.prefix)); err != nil {
			return fmt.Errorf("migration %d %s: %w", m.Version, m.Name, err)
		}
		if err := c.exec(`INSERT INTO {p}schema VALUES (?, ?, ?, ?)`, m.Version, m.Name, m.Checksum, time.Now().UnixMilli()); err != nil {
			return err
		}
	}
	for _, key := range []string{"store", "epoch"} {
		if err := c.exec(`INSERT INTO {p}meta VALUES (?, ?) ON CONFLICT DO NOTHING`, key, chat.NewID()); err != nil {
			return err
		}
	}
	return c.exec(`COMMIT`)
}

// validPrefix reports whether s may begin the names of tables: lower case
// letters, digits and "_", at most 32, beginning with a letter.
func validPrefix(s string) bool {
	if s == "" || len(s) > 32 || s[0] < 'a' || s[0] > 'z' || strings.HasPrefix(s, "sqlite_") {
		return false
	}
	return !slices.ContainsFunc([]byte(s), func(c byte) bool {
		return !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_')
	})
}
