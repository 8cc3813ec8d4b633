package chattest_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
)

// partBreaches are breaches of what stores keep of revocations, and of promises
// to have such parts.
var partBreaches = []breach{
	{name: "is no Revoker", test: "Parts", says: "promised to be a chat.Revoker", wrap: func(s chat.Store) chat.Store {
		return struct {
			chat.Store
			chat.Trimmer
		}{s, s.(whole)}
	}},
	{name: "is no Trimmer", test: "Parts", says: "promised to be a chat.Trimmer", wrap: func(s chat.Store) chat.Store {
		return struct {
			chat.Store
			chat.Revoker
		}{s, s.(whole)}
	}},
	{name: "fails System", test: "Settle/System", says: "does not fail for not being a member", wrap: settles(
		func(ctx context.Context, s chat.Store, n chat.Settlement) (chat.Call, bool, error) {
			call, err := s.Call(ctx, n.ID)
			if err == nil && call.User.ID == chat.System || n.New != nil && n.New.User.ID == chat.System {
				n.Answers, n.Err = nil, &forbidden
			}
			return s.SettleCall(ctx, n)
		})},
	{name: "answers System in archived rooms", test: "Settle/System", says: "holds for System, too", wrap: settles(
		func(ctx context.Context, s chat.Store, n chat.Settlement) (chat.Call, bool, error) {
			call, first, err := s.SettleCall(ctx, n)
			if call.User.ID == chat.System && call.Err != nil {
				call.Status, call.Err = chat.CallDone, nil
			}
			return call, first, err
		})},

	{name: "revokes all logins instead of one", test: "Revoke/Stored", says: "of one login or of all", wrap: revokes(
		func(ctx context.Context, s whole, r chat.Revocation) error {
			r.Session = ""
			return s.Revoke(ctx, r)
		})},
	{name: "revokes logins of known users only", test: "Revoke/Stored", says: "need not be known", wrap: revokes(
		func(ctx context.Context, s whole, r chat.Revocation) error {
			if users, err := s.Users(ctx, []chat.UserID{r.User}); err != nil || len(users) == 0 {
				return err
			}
			return s.Revoke(ctx, r)
		})},
	{name: "makes users of who is revoked", test: "Revoke/Stored", says: "nobody becomes known", wrap: revokes(
		func(ctx context.Context, s whole, r chat.Revocation) error {
			if users, err := s.Users(ctx, []chat.UserID{r.User}); err == nil && len(users) == 0 {
				s.PutUsers(ctx, []chat.User{{ID: r.User, Name: "Nobody"}})
			}
			return s.Revoke(ctx, r)
		})},
	{name: "keeps the first revocation", test: "Revoke/Again", says: "with the later Until", wrap: revokes(
		func(ctx context.Context, s whole, r chat.Revocation) error {
			all, err := s.Revocations(ctx)
			for _, old := range all {
				if old.User == r.User && old.Session == r.Session {
					return err
				}
			}
			return s.Revoke(ctx, r)
		})},
	{name: "keeps the last revocation", test: "Revoke/Again", says: "does not end sooner", wrap: func(s chat.Store) chat.Store {
		var last sync.Map
		return broken{Store: s, revoke: func(ctx context.Context, s whole, r chat.Revocation) error {
			last.Store(r.User+chat.UserID(r.Session), r)
			return s.Revoke(ctx, r)
		}, revoked: func(ctx context.Context, s whole) ([]chat.Revocation, error) {
			all, err := s.Revocations(ctx)
			for i, r := range all {
				v, _ := last.Load(r.User + chat.UserID(r.Session))
				all[i] = v.(chat.Revocation)
			}
			return all, err
		}}
	}},
	{name: "returns revocations for ever", test: "Revoke/Passed", says: "no more meaning", wrap: func(s chat.Store) chat.Store {
		var all sync.Map
		return broken{Store: s, revoke: func(ctx context.Context, s whole, r chat.Revocation) error {
			all.Store(r.User+chat.UserID(r.Session), r)
			return s.Revoke(ctx, r)
		}, revoked: func(ctx context.Context, s whole) (rs []chat.Revocation, err error) {
			all.Range(func(_, r any) bool { rs = append(rs, r.(chat.Revocation)); return true })
			return rs, nil
		}}
	}},
	{name: "forgets revocations an hour early", test: "Revoke/Passed", says: "a second before the first Until", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, revoked: func(ctx context.Context, s whole) (kept []chat.Revocation, err error) {
			all, err := s.Revocations(ctx)
			for _, r := range all {
				if r.Session != "short" {
					kept = append(kept, r)
				}
			}
			return kept, err
		}}
	}},
	{name: "keeps any of the revocations made at once", test: "Revoke/Together", says: "the latest Until stays", wrap: func(s chat.Store) chat.Store {
		var times sync.Map
		return broken{Store: s, revoke: func(ctx context.Context, s whole, r chat.Revocation) error {
			if _, again := times.LoadOrStore(r.Session, true); !again { // the first of them is lost
				time.Sleep(10 * time.Millisecond)
				return nil
			}
			r.Until = r.Until.Add(-time.Minute)
			return s.Revoke(ctx, r)
		}}
	}},
	{name: "forgets revocations when it is closed", test: "Revoke/Reopened", says: "revocations survive", open: reopens(
		func(s chat.Store) chat.Store {
			return broken{Store: s, revoked: func(context.Context, whole) ([]chat.Revocation, error) { return nil, nil }}
		})},
	{name: "has revocations of its own", test: "Revoke/Shared", says: "revoked everywhere", open: reopens(
		func(s chat.Store) chat.Store {
			return broken{Store: s, revoked: func(context.Context, whole) ([]chat.Revocation, error) { return nil, nil }}
		})},
	{name: "revokes with an ended context", test: "Life/EndedContext", says: "Revoke with a ctx that has ended", wrap: revokes(
		func(ctx context.Context, s whole, r chat.Revocation) error {
			return s.Revoke(context.WithoutCancel(ctx), r)
		})},
	{name: "trims with an ended context", test: "Life/EndedContext", says: "Trim with a ctx that has ended", wrap: trims(
		func(ctx context.Context, s whole, room chat.RoomID, keep chat.Retention, limit int) (int, error) {
			return s.Trim(context.WithoutCancel(ctx), room, keep, limit)
		})},
	{name: "reads revocations when closed", test: "Life/Closed", says: "Revocations after Close", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, revoked: func(ctx context.Context, s whole) ([]chat.Revocation, error) {
			all, err := s.Revocations(ctx)
			if errors.Is(err, chat.ErrClosed) {
				err = nil
			}
			return all, err
		}}
	}},
}

func revokes(f func(context.Context, whole, chat.Revocation) error) func(chat.Store) chat.Store {
	return func(s chat.Store) chat.Store { return broken{Store: s, revoke: f} }
}

func trims(f func(context.Context, whole, chat.RoomID, chat.Retention, int) (int, error)) func(chat.Store) chat.Store {
	return func(s chat.Store) chat.Store { return broken{Store: s, trim: f} }
}

// reopens makes all stores over some data but the first broken ones.
func reopens(wrap func(chat.Store) chat.Store) func(chattest.StoreOpener) chattest.StoreOpener {
	return func(open chattest.StoreOpener) chattest.StoreOpener {
		again := false
		return func(clock func() time.Time) (chat.Store, error) {
			s, err := open(clock)
			if again && err == nil {
				s = wrap(s)
			}
			again = true
			return s, err
		}
	}
}
