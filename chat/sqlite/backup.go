package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ncruces/go-sqlite3"
)

// Backup writes the database at path, as it is at one moment, to the file to,
// which must not exist. Stores may have the database open meanwhile, in any
// process, and go on; what they commit is added to the WAL until the copy is
// made. The copy is a database without WAL, has been synced to the disk when
// Backup returns, and can be read by its owner only. When ctx ends, or anything
// fails, nothing is left of it.
//
// Clients may see more than the copy holds: call [Rotate] on it when it is
// restored, each time.
func Backup(ctx context.Context, path, to string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("sqlite: back up %s: %w", path, err)
		}
	}()
	if info, err := os.Stat(path); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	db, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READWRITE) // the lock of the WAL needs to write
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.BusyTimeout(busyTimeout); err != nil {
		return err
	}
	made, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, made.Close()); err != nil {
			err = errors.Join(err, os.Remove(to))
		}
	}()
	s, _, err := db.Prepare("VACUUM INTO ?")
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // it reports the last error of the statement once more
	if err := s.BindText(1, to); err != nil {
		return err
	}
	db.SetInterrupt(ctx)
	if err := s.Exec(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	if err := made.Sync(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}
