package sqlite

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/internal/sqlstore"
)

// callKept is how long a call is kept after its end, in milliseconds.
const callKept = int64(24 * time.Hour / time.Millisecond)

// storedCall is a call and what only the store needs of it.
type storedCall struct {
	chat.Call
	no   int64
	hash [16]byte
}

// A query of calls begins with callQuery and goes on with a condition; its
// first parameter is the time before which ended calls are forgotten.
const callQuery = `SELECT k.no, k.hash, k.id, k.key, r.id, u.id, u.name, u.bot, b.id, b.name, b.bot, k.name, k.line, k.status,
	k.due_at, k.seqs, k.private, k.error_code, k.error_text
	FROM {p}calls k CROSS JOIN {p}rooms r ON r.no = k.room_no CROSS JOIN {p}users u ON u.no = k.user_no
	CROSS JOIN {p}users b ON b.no = k.bot_no WHERE (k.ended_at = 0 OR k.ended_at > ?1) AND `

// call reads a row of the callQuery at the time now.
func (r *row) call(now int64) (c storedCall, err error) {
	c.no, c.hash = r.int(), r.hash()
	c.ID, c.Key, c.Room = r.text(), r.text(), chat.RoomID(r.text())
	c.User, c.Bot = r.user(), r.user()
	c.Name, c.Line, c.Status = r.text(), r.text(), chat.CallStatus(r.text())
	c.Remaining = time.Duration(r.int()-now) * time.Millisecond
	var err2 error
	c.Seqs, err = sqlstore.Unlist[chat.Seq](r.text())
	c.Private, err2 = sqlstore.Unlist[string](r.text())
	if code, text := r.text(), r.text(); code != "" {
		c.Err = &command.Error{Code: code, Message: text}
	}
	return c, errors.Join(err, err2)
}

// findCall returns a call. There may be none.
func (c *conn) findCall(now int64, where string, args ...any) (k storedCall, found bool, err error) {
	var bad error
	found, err = c.one(func(r *row) { k, bad = r.call(now) }, callQuery+where, append([]any{now - callKept}, args...)...)
	if err == nil {
		err = bad
	}
	return k, found, err
}

func (c *conn) findCalls(now int64, where string, args ...any) (ks []storedCall, err error) {
	err = c.query(func(r *row) error {
		k, err := r.call(now)
		ks = append(ks, k)
		return err
	}, callQuery+where, append([]any{now - callKept}, args...)...)
	return ks, err
}

// opened is the result of OpenCall and SettleCall.
type opened struct {
	call chat.Call
	is   bool
}

// OpenCall is part of [chat.Calls].
func (s *Store) OpenCall(ctx context.Context, in chat.NewCall) (chat.Call, bool, error) {
	if err := checkKey(in.Key); err != nil {
		return chat.Call{}, false, err
	}
	v, err := submit(ctx, s, "open call", 1, len(in.Line), func(w *writer) (opened, error) {
		k, there, err := w.callThere(&in)
		if err != nil || there {
			return opened{k.Call, there}, err
		}
		r, err := w.room(in.Room)
		switch {
		case err != nil:
			return opened{}, err
		case in.Basis < r.access:
			return opened{}, chat.ErrStale
		}
		err = w.atomically(func() error {
			k, err = w.openCall(r, &in)
			return err
		})
		return opened{k.Call, false}, err
	})
	return v.call, v.is, err
}

// callThere looks for the call that the same request has opened.
func (w *writer) callThere(in *chat.NewCall) (k storedCall, found bool, err error) {
	u, err := w.user(in.User.ID)
	if err != nil || u == nil {
		return k, false, err
	}
	k, found, err = w.findCall(w.now, `k.user_no = ? AND k.key = ?`, u.no, in.Key)
	if err == nil && found && k.hash != in.Hash {
		err = chat.ErrIDReused
	}
	return k, found, err
}

func (w *writer) openCall(r *room, in *chat.NewCall) (k storedCall, err error) {
	u, err := w.enter(in.User)
	if err != nil {
		return k, err
	}
	bot, err := w.enter(in.Bot)
	if err != nil {
		return k, err
	}
	// One with the same key is one whose time is over.
	if err := w.exec(`DELETE FROM {p}calls WHERE user_no = ? AND key = ?`, u.no, in.Key); err != nil {
		return k, err
	}
	if err := w.exec(`INSERT INTO {p}calls (id, user_no, key, hash, room_no, bot_no, name, line, status, due_at)
		VALUES (?,?,?,?,?,?,?,?,?,?)`, in.ID, u.no, in.Key, in.Hash, r.no, bot.no, in.Name, in.Line, chat.CallPending,
		w.now+in.Timeout.Milliseconds()); err != nil {
		return k, err
	}
	k.no, k.hash = w.db.LastInsertRowID(), in.Hash
	k.Call = chat.Call{
		ID: in.ID, Key: in.Key, Room: r.id, User: u.User, Bot: bot.User, Name: in.Name, Line: in.Line,
		Status: chat.CallPending, Remaining: in.Timeout.Truncate(time.Millisecond),
	}
	return k, nil
}

// Call is part of [chat.Calls].
func (s *Store) Call(ctx context.Context, id string) (chat.Call, error) {
	return view(ctx, s, "call", func(c *conn) (chat.Call, error) {
		k, found, err := c.findCall(s.clock().UnixMilli(), `k.id = ?`, id)
		if err == nil && !found {
			err = chat.ErrNotFound
		}
		return k.Call, err
	})
}

// FindCall is part of [chat.Calls].
func (s *Store) FindCall(ctx context.Context, user chat.UserID, key string) (chat.Call, [16]byte, error) {
	k, err := view(ctx, s, "find call", func(c *conn) (storedCall, error) {
		k, found, err := c.findCall(s.clock().UnixMilli(), `k.user_no = (SELECT no FROM {p}users WHERE id = ?) AND k.key = ?`, user, key)
		if err == nil && !found {
			err = chat.ErrNotFound
		}
		return k, err
	})
	return k.Call, k.hash, err
}

// EndedCalls is part of [chat.Calls].
func (s *Store) EndedCalls(ctx context.Context, user chat.UserID, age time.Duration) ([]chat.Call, error) {
	return view(ctx, s, "ended calls", func(c *conn) ([]chat.Call, error) {
		now := s.clock().UnixMilli()
		ks, err := c.findCalls(now, `k.user_no = (SELECT no FROM {p}users WHERE id = ?) AND k.ended_at > 0 AND k.ended_at > ?
			ORDER BY k.ended_at DESC, k.no DESC LIMIT 100`, user, now-age.Milliseconds())
		slices.Reverse(ks)
		return calls(ks), err
	})
}

func calls(ks []storedCall) (cs []chat.Call) {
	for _, k := range ks {
		cs = append(cs, k.Call)
	}
	return cs
}
