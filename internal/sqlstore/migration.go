package sqlstore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Migration is one step of the tables. A step that was released is never
// changed: its checksum is kept beside the tables.
type Migration struct {
	Version  int
	Name     string
	SQL      string
	Checksum string
}

// Migrations returns the steps that the directory dir of files holds, in their
// order. Their names are the version in four digits, from 1 on, "_" and a name.
func Migrations(files fs.FS, dir string) ([]Migration, error) {
	entries, err := fs.ReadDir(files, dir) // sorted by name
	if err != nil {
		return nil, err
	}
	var steps []Migration
	for i, e := range entries {
		text, err := fs.ReadFile(files, path.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		m := Migration{Version: i + 1, SQL: string(text), Checksum: hex.EncodeToString(sum[:])}
		prefix := fmt.Sprintf("%04d_", m.Version)
		if !strings.HasPrefix(e.Name(), prefix) {
			return nil, fmt.Errorf("migration %s does not begin with %s", e.Name(), prefix)
		}
		m.Name = strings.TrimSuffix(strings.TrimPrefix(e.Name(), prefix), ".sql")
		steps = append(steps, m)
	}
	return steps, nil
}

// Pending returns the steps that tables still need which have had those with
// the checksums done. Tables that a newer version has made, or another one than
// steps tell, are refused for a reason; there is no way back.
func Pending(steps []Migration, done []string) (pending []Migration, refused string) {
	if len(done) > len(steps) {
		return nil, "it was made by a newer version"
	}
	for i, sum := range done {
		if sum != steps[i].Checksum {
			return nil, fmt.Sprintf("step %d was another one", steps[i].Version)
		}
	}
	return steps[len(done):], ""
}
