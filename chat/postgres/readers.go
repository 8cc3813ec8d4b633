package postgres

import (
	"context"
	"time"

	"github.com/carlware/gochat/chat"
)

// readTimeout bounds a read whose caller does not.
const readTimeout = 10 * time.Second

// view runs f, which reads from s.readers. When the connection it was given
// turns out to be dead, as all are after a restart of the server, it runs f once
// more.
func view[T any](ctx context.Context, s *Store, what string, f func(context.Context) (T, error)) (T, error) {
	var zero T
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	bounded, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	for attempt := 0; ; attempt++ {
		if s.closed() {
			return zero, failed(ctx, what, chat.ErrClosed)
		}
		v, err := f(bounded)
		switch {
		case err == nil:
			return v, nil
		case ctx.Err() != nil:
			return zero, ctx.Err()
		case s.closed() && sqlstate(err) == "":
			return zero, failed(ctx, what, chat.ErrClosed)
		case attempt == 0 && bounded.Err() == nil && (broken(err) || misplaced(err)):
			s.readers.Reset()
			continue
		}
		return zero, failed(ctx, what, err)
	}
}

func (s *Store) closed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// one runs a query for at most one row and calls f with it. It reports whether
// there was one.
func (s *Store) one(ctx context.Context, f func(r *row), sql string, args ...any) (found bool, err error) {
	err = s.query(ctx, func(r *row) {
		found = true
		f(r)
	}, sql, args...)
	return found, err
}

// query runs a query and calls f with each row.
func (s *Store) query(ctx context.Context, f func(r *row), sql string, args ...any) error {
	rows, err := s.readers.Query(ctx, s.statement(sql), args...)
	if err != nil {
		return err
	}
	return each(rows, f)
}
