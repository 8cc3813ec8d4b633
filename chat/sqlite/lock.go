package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// lockWait is how long Open waits for another process to end, such as the
// previous one of a restart.
const lockWait = 5 * time.Second

// lock takes the lock file beside a database and holds it until the connection
// that it returns is closed, or the process ends, however it ends.
//
// The file is an empty database that is kept locked. That way the lock works
// wherever the locks on the database itself do.
func lock(ctx context.Context, file string) (*conn, error) {
	c, err := connect(file, "")
	if err != nil {
		return nil, fmt.Errorf("lock file %s: %w", file, err)
	}
	if err := c.db.BusyTimeout(0); err != nil {
		c.close()
		return nil, err
	}
	end := time.NewTimer(lockWait)
	defer end.Stop()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		// Without a journal there is no other file beside it.
		err := c.db.Exec(`PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE`)
		switch {
		case err == nil:
			return c, nil
		case !errors.Is(err, sqlite3.BUSY):
			c.close()
			return nil, fmt.Errorf("lock file %s: %w", file, err)
		}
		select {
		case <-retry.C:
		case <-end.C:
			c.close()
			return nil, fmt.Errorf("%w: lock file %s", ErrLocked, file)
		case <-ctx.Done():
			c.close()
			return nil, ctx.Err()
		}
	}
}
