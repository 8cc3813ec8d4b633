package postgres

import (
	"context"
	"time"

	"github.com/carlware/gochat/chat"
)

var _ chat.Revoker = (*Store)(nil)

// Revoke is part of [chat.Revoker]. One that is there already only gets later
// times.
func (s *Store) Revoke(ctx context.Context, r chat.Revocation) error {
	if err := checkUser(chat.User{ID: r.User}); err != nil {
		return err
	}
	if err := check("session", r.Session); err != nil {
		return err
	}
	_, err := submit(ctx, s.side, "revoke", newRequest("", 1, 0), func(ctx context.Context, t *tx) (struct{}, error) {
		t.write(`INSERT INTO {s}revocations AS r (user_id, session, before_at, until_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (user_id, session) DO UPDATE
			SET before_at = greatest(r.before_at, excluded.before_at), until_at = greatest(r.until_at, excluded.until_at)`,
			r.User, r.Session, ceil(r.Before), ceil(r.Until))
		return struct{}{}, nil
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
	return view(ctx, s, "revocations", func(ctx context.Context) (all []chat.Revocation, err error) {
		err = s.query(ctx, func(r *row) {
			v := chat.Revocation{User: chat.UserID(r.text()), Session: r.text()}
			if before := r.int(); before != 0 {
				v.Before = time.UnixMilli(before).UTC()
			}
			v.Until = r.time()
			all = append(all, v)
		}, `SELECT user_id, session, before_at, until_at FROM {s}revocations WHERE until_at >= {now}`)
		return all, err
	})
}
