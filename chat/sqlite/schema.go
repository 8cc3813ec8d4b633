package sqlite

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
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
			return nil, fmt.Errorf("sqlite: migration %s does not begin with %s", e.Name(), prefix)
		}
		m.name = strings.TrimSuffix(strings.TrimPrefix(e.Name(), prefix), ".sql")
		steps = append(steps, m)
	}
	return steps, nil
}

// migrate brings the tables to the newest version, in one transaction, and
// gives a new store its identity. It refuses tables that a newer version of
// this package has made, or another one than it knows.
func (c *conn) migrate(path string, steps []migration) (err error) {
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
	refuse := func(reason string) error {
		return &SchemaError{Path: path, Version: len(sums), Known: len(steps), Reason: reason}
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
		if err := c.db.Exec(strings.ReplaceAll(m.sql, "{p}", c.prefix)); err != nil {
			return fmt.Errorf("migration %d %s: %w", m.version, m.name, err)
		}
		if err := c.exec(`INSERT INTO {p}schema VALUES (?, ?, ?, ?)`, m.version, m.name, m.checksum, time.Now().UnixMilli()); err != nil {
			return err
		}
	}
	for _, key := range []string{"store", "epoch"} {
		if err := c.exec(`INSERT INTO {p}meta VALUES (?, ?) ON CONFLICT DO NOTHING`, key, random()); err != nil {
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
