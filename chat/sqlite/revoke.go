package sqlite

import (
	"context"
	"time"

	"github.com/carlware/gochat/chat"
)

var _ chat.Revoker = (*Store)(nil)

// Revoke is part of [chat.Revoker]. One that is there already only gets later
// times.
func (s *Store) Revoke(ctx context.Context, r chat.Revocation) error {
	if err := checkUserID(r.User); err != nil {
		return err
	}
	_, err := submit(ctx, s, "revoke", 1, 0, func(w *writer) (struct{}, error) {
		return struct{}{}, w.exec(`INSERT INTO {p}revocations (user_id, session, before_at, until_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (user_id, session) DO UPDATE
			SET before_at = max(before_at, excluded.before_at), until_at = max(until_at, excluded.until_at)`,
			r.User, r.Session, ceil(r.Before), ceil(r.Until))
	})
	return err
}

// ceil is t in whole milliseconds, and not earlier: a login of the same
// millisecond is revoked with the others. 0 stands for no time.
func ceil(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Add(time.Millisecond - 1).UnixMilli()
}

// Revocations is part of [chat.Revoker]. Those that have passed are removed by
// ExpireCalls.
func (s *Store) Revocations(ctx context.Context) ([]chat.Revocation, error) {
	return view(ctx, s, "revocations", func(c *conn) (all []chat.Revocation, err error) {
		err = c.query(func(r *row) error {
			v := chat.Revocation{User: chat.UserID(r.text()), Session: r.text()}
			if before := r.int(); before != 0 {
				v.Before = time.UnixMilli(before).UTC()
			}
			v.Until = r.time()
			all = append(all, v)
			return nil
		}, `SELECT user_id, session, before_at, until_at FROM {p}revocations WHERE until_at >= ?`, s.clock().UnixMilli())
		return all, err
	})
}
