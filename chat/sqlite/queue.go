package sqlite

import (
	"context"

	"github.com/carlware/gochat/internal/groupcommit"
)

// request is a write on its way through the committer, the one goroutine that
// writes.
type request struct {
	groupcommit.Request
	run func(*writer) error
	err error // of this request alone, while its batch is stored
}

// submit has the committer run f and waits until it is stored. rows and bytes
// are about what f will store.
func submit[T any](ctx context.Context, s *Store, what string, rows, bytes int, f func(*writer) (T, error)) (T, error) {
	var v, zero T
	r := &request{Request: groupcommit.Request{Rows: rows, Bytes: bytes}}
	r.run = func(w *writer) (err error) {
		v, err = f(w)
		return err
	}
	// v is read only after an answer: until then the committer may write it.
	if err := s.queue.Do(ctx, r); err != nil {
		return zero, failed(ctx, what, err)
	}
	return v, nil
}
