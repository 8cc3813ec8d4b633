package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// storedCall is a call and what only the store needs of it.
type storedCall struct {
	chat.Call
	found         bool
	over          bool // its time is: it only has to be removed
	userNo, botNo int64
	hash          [16]byte
	batch         int64
}

// A query of calls begins with callQuery and goes on with a condition. Calls
// are forgotten 24 hours after their end; they are removed later.
const (
	callQuery   = callColumns + `(k.ended_at = 0 OR NOT (` + callOver + `)) AND `
	callColumns = `SELECT k.user_no, k.bot_no, k.hash, k.batch, k.id, k.key, r.id, u.id, u.name, u.bot, b.id, b.name, b.bot,
		k.name, k.line, k.status, k.due_at - {now}, k.seqs, k.private, k.error_code, k.error_text, ` + callOver + `
		FROM {s}calls k JOIN {s}rooms r ON r.no = k.room_no JOIN {s}users u ON u.no = k.user_no JOIN {s}users b ON b.no = k.bot_no WHERE `
	callOver  = `k.ended_at > 0 AND k.ended_at <= {now} - 86400000`
	callByID  = callQuery + `k.id = $1`
	callByKey = callQuery + ofKey
	ofKey     = `k.user_no = (SELECT no FROM {s}users WHERE id = $1) AND k.key = $2`
)

// call reads a row of the callQuery.
func (r *row) call() (c storedCall) {
	c.found, c.userNo, c.botNo, c.hash, c.batch = true, r.int(), r.int(), r.hash(), r.int()
	c.ID, c.Key, c.Room = r.text(), r.text(), chat.RoomID(r.text())
	c.User, c.Bot = r.user(), r.user()
	c.Name, c.Line, c.Status = r.text(), r.text(), chat.CallStatus(r.text())
	c.Remaining = time.Duration(r.int()) * time.Millisecond
	c.Seqs, c.Private = unlist[chat.Seq](r), unlist[string](r)
	if code, text := r.text(), r.text(); code != "" {
		c.Err = &command.Error{Code: code, Message: text}
	}
	c.over = r.bool()
	return c
}

// opened is the result of OpenCall and SettleCall.
type opened struct {
	call chat.Call
	is   bool
}

// OpenCall is part of [chat.Calls].
func (s *Store) OpenCall(ctx context.Context, in chat.NewCall) (chat.Call, bool, error) {
	if err := checkCall(&in); err != nil {
		return chat.Call{}, false, err
	}
	r := newRequest(in.Room, 1, len(in.Line))
	v, err := submit(ctx, s.shard(in.Room), "open call", r, func(ctx context.Context, t *tx) (opened, error) {
		p := t.pipe()
		r := p.lock(in.Room)
		k := p.callThere(&in)
		users := p.users(in.User, &in.Bot)
		if err := t.send(ctx, p); err != nil {
			return opened{}, err
		}
		switch {
		case k.found && k.hash != in.Hash:
			return opened{}, chat.ErrIDReused
		case k.found:
			return opened{k.Call, k.batch != t.token}, nil
		case r.no == 0:
			return opened{}, chat.ErrNotFound
		case in.Basis < r.access:
			return opened{}, chat.ErrStale
		}
		if err := t.enter(ctx, users); err != nil {
			return opened{}, err
		}
		t.openCall(r, k, &in, users)
		return opened{k.Call, false}, nil
	})
	return v.call, v.is, err
}

func checkCall(in *chat.NewCall) error {
	if err := checkKey(in.Key); err != nil {
		return err
	}
	return errors.Join(checkUser(in.User), checkUser(in.Bot), check("room", in.Room), check("call", in.ID, in.Name, in.Line))
}

// callThere adds what locks the call that the same request has opened, if
// there is one, and then reads it.
func (p *pipe) callThere(in *chat.NewCall) *storedCall {
	p.exec(`SELECT FROM {s}calls k WHERE `+ofKey+` FOR NO KEY UPDATE`, in.User.ID, in.Key)
	k := &storedCall{}
	p.query(func(r *row) {
		*k = r.call()
		k.found = !k.over
	}, callColumns+ofKey, in.User.ID, in.Key)
	return k
}

// openCall makes k the pending call that in asks for, and has it stored. k is
// what callThere has found.
func (t *tx) openCall(r *room, k *storedCall, in *chat.NewCall, users users) {
	if k.over {
		t.write(`DELETE FROM {s}calls WHERE id = $1`, k.ID)
	}
	u, bot := users[in.User.ID], users[in.Bot.ID]
	*k = storedCall{userNo: u.no, botNo: bot.no, hash: in.Hash, Call: chat.Call{
		ID: in.ID, Key: in.Key, Room: r.id, User: u.User, Bot: bot.User, Name: in.Name, Line: in.Line,
		Status: chat.CallPending, Remaining: in.Timeout.Truncate(time.Millisecond),
	}}
	t.write(`INSERT INTO {s}calls (id, user_no, key, hash, room_no, bot_no, name, line, status, batch, due_at)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`,
		k.ID, k.userNo, k.Key, k.hash[:], r.no, k.botNo, k.Name, k.Line, k.Status, t.token, r.now+in.Timeout.Milliseconds())
}

// Call is part of [chat.Calls].
func (s *Store) Call(ctx context.Context, id string) (chat.Call, error) {
	k, err := s.findCall(ctx, "call", callByID, id)
	return k.Call, err
}

// FindCall is part of [chat.Calls].
func (s *Store) FindCall(ctx context.Context, user chat.UserID, key string) (chat.Call, [16]byte, error) {
	k, err := s.findCall(ctx, "find call", callByKey, string(user), key)
	return k.Call, k.hash, err
}

func (s *Store) findCall(ctx context.Context, what, sql string, keys ...string) (storedCall, error) {
	return view(ctx, s, what, func(ctx context.Context) (k storedCall, err error) {
		args := make([]any, len(keys))
		for i, key := range keys {
			if !storable(key) {
				return k, chat.ErrNotFound
			}
			args[i] = key
		}
		err = s.query(ctx, func(r *row) { k = r.call() }, sql, args...)
		if err == nil && !k.found {
			err = chat.ErrNotFound
		}
		return k, err
	})
}

// EndedCalls is part of [chat.Calls].
func (s *Store) EndedCalls(ctx context.Context, user chat.UserID, age time.Duration) ([]chat.Call, error) {
	return view(ctx, s, "ended calls", func(ctx context.Context) (calls []chat.Call, err error) {
		if !storable(user) {
			return nil, nil
		}
		err = s.query(ctx, func(r *row) { calls = append(calls, r.call().Call) },
			callQuery+`k.user_no = (SELECT no FROM {s}users WHERE id = $1) AND k.ended_at > 0 AND k.ended_at > {now} - $2::bigint
			ORDER BY k.ended_at DESC, k.no DESC LIMIT 100`, user, age.Milliseconds())
		slices.Reverse(calls)
		return calls, err
	})
}
