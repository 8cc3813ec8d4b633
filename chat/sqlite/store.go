package sqlite

import (
	"context"
	"errors"

	"github.com/ncruces/go-sqlite3"

	"github.com/carlware/gochat/chat"
)

// Attach is part of [chat.Store].
func (s *Store) Attach(committed func([]chat.Event)) (chat.Identity, error) {
	id, err := view(context.Background(), s, "attach", func(c *conn) (id chat.Identity, err error) {
		id.Store, err = c.meta("store")
		if err == nil {
			id.Epoch, err = c.meta("epoch")
		}
		return id, err
	})
	if err != nil {
		return chat.Identity{}, err
	}
	if committed == nil {
		committed = func([]chat.Event) {}
	}
	if !s.attached.CompareAndSwap(nil, &committed) {
		return chat.Identity{}, errors.New("sqlite: the store has a receiver already")
	}
	return id, nil
}

// receiver returns the function that takes what was committed, or nil.
func (s *Store) receiver() func([]chat.Event) {
	if f := s.attached.Load(); f != nil {
		return *f
	}
	return nil
}

func (c *conn) meta(key string) (value string, err error) {
	_, err = c.one(func(r *row) { value = r.text() }, `SELECT value FROM {p}meta WHERE key = ?`, key)
	return value, err
}

// RotateEpoch is part of [chat.Log].
func (s *Store) RotateEpoch(ctx context.Context, old string) (string, error) {
	return submit(ctx, s, "rotate epoch", 1, 0, func(w *writer) (string, error) {
		epoch, err := w.meta("epoch")
		if err != nil || epoch != old {
			return epoch, err
		}
		epoch = chat.NewID()
		return epoch, w.exec(`UPDATE {p}meta SET value = ? WHERE key = 'epoch'`, epoch)
	})
}

// Rotate gives the database at path a new epoch and returns it. Run it on a
// database that was restored from a backup, before anything else opens it: the
// clients that have seen more than the backup holds learn by the epoch that
// they have to read again.
func Rotate(ctx context.Context, path string, o *Options) (epoch string, err error) {
	s, err := Open(ctx, path, o)
	if err != nil {
		return "", err
	}
	id, err := s.Attach(nil)
	if err == nil {
		epoch, err = s.RotateEpoch(ctx, id.Epoch)
	}
	return epoch, errors.Join(err, s.Close())
}

// Close is part of [chat.Store]. It stores what is queued, writes the WAL back
// to the database and removes it, unless another program has the file open.
func (s *Store) Close() (err error) {
	s.close.Do(func() {
		close(s.closing)
		s.running.Wait()
		errs := []error{s.readers.close()}
		if c := s.w.conn; c != nil {
			_, _, err := c.db.WALCheckpoint("main", sqlite3.CHECKPOINT_TRUNCATE)
			if errors.Is(err, sqlite3.BUSY) {
				err = nil // the next store will do it
			}
			errs = append(errs, err, c.close())
		}
		errs = append(errs, s.locked.close())
		err = failed(context.Background(), "close", errors.Join(errs...))
	})
	return err
}
