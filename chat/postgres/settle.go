package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/internal/sqlstore"
)

// SettleCall is part of [chat.Calls].
func (s *Store) SettleCall(ctx context.Context, in chat.Settlement) (chat.Call, bool, error) {
	r := newRequest("", 1+len(in.Answers), 0)
	for _, text := range in.Answers {
		r.Bytes += len(text)
	}
	if err := checkSettlement(&in); err != nil {
		return chat.Call{}, false, err
	}
	if in.New != nil {
		n := *in.New
		in.New = &n
		in.ID, r.room = n.ID, n.Room
		r.Bytes += len(n.Line)
	} else {
		// Which room it is about does not change.
		k, err := s.findCall(ctx, "settle call", callByID, in.ID)
		if err != nil {
			return chat.Call{}, false, err
		}
		r.room = k.Room
	}
	in.Answers, in.Private = slices.Clone(in.Answers), slices.Clone(in.Private)
	if in.Err != nil {
		e := *in.Err
		in.Err = &e
	}
	v, err := submit(ctx, s.shard(r.room), "settle call", r, func(ctx context.Context, t *tx) (opened, error) {
		return t.settle(ctx, r.room, &in)
	})
	return v.call, v.is, err
}

func checkSettlement(in *chat.Settlement) error {
	if in.New != nil {
		if err := checkCall(in.New); err != nil {
			return err
		}
	}
	errs := []error{check("text", in.Answers...), check("text", in.Private...)}
	if in.Err != nil {
		errs = append(errs, check("error", in.Err.Code, in.Err.Message))
	}
	return errors.Join(errs...)
}

func (t *tx) settle(ctx context.Context, room chat.RoomID, in *chat.Settlement) (opened, error) {
	p := t.pipe()
	r := p.lock(room)
	var k *storedCall
	var us users
	var welcome *bool
	if in.New != nil {
		k = p.callThere(in.New)
		us = p.users(in.New.User, &in.New.Bot)
		welcome = p.member(room, `$2`, string(in.New.User.ID))
	} else {
		k = &storedCall{}
		p.exec(`SELECT FROM {s}calls WHERE id = $1 FOR NO KEY UPDATE`, in.ID)
		p.query(func(r *row) { *k = r.call() }, callByID, in.ID)
		welcome = p.member(room, `(SELECT u.id FROM {s}calls k JOIN {s}users u ON u.no = k.user_no WHERE k.id = $2)`, in.ID)
	}
	if err := t.send(ctx, p); err != nil {
		return opened{}, err
	}
	switch {
	case k.found && in.New != nil && k.hash != in.New.Hash:
		return opened{}, chat.ErrIDReused
	case k.found && (in.New != nil || k.Status != chat.CallPending):
		if k.batch != t.token {
			return opened{k.Call, false}, nil
		}
		return opened{k.Call, true}, t.recover(ctx, r, k) // by the attempt whose answer was lost
	case r.no == 0, !k.found && in.New == nil:
		return opened{}, chat.ErrNotFound
	case in.New != nil && in.New.Basis < r.access:
		return opened{}, chat.ErrStale
	}
	if in.New != nil {
		if err := t.enter(ctx, us); err != nil {
			return opened{}, err
		}
		t.openCall(r, k, in.New, us)
	}
	if err := t.end(r, k, in, *welcome || k.User.ID == chat.System); err != nil {
		return opened{}, err
	}
	return opened{k.Call, true}, nil
}

// member adds a query for whether a user is a member of a room; who is SQL with
// one parameter, $2.
func (p *pipe) member(room chat.RoomID, who, arg string) *bool {
	found := new(bool)
	p.query(func(*row) { *found = true },
		`SELECT FROM {s}members WHERE room_no = (SELECT no FROM {s}rooms WHERE id = $1) AND user_id = `+who+` AND NOT banned`, room, arg)
	return found
}

// end ends a pending call and stores its answers.
func (t *tx) end(r *room, k *storedCall, in *chat.Settlement, welcome bool) error {
	switch {
	case !welcome || r.archived:
		k.Status, k.Err = chat.CallFailed, &command.Error{Code: command.CodeForbidden, Message: "not allowed in this room any more"}
	case in.Err != nil:
		k.Status, k.Err = chat.CallFailed, in.Err
	default:
		k.Status, k.Private = chat.CallDone, in.Private
		if len(in.Answers) == 0 && len(in.Private) > 0 {
			k.Status = chat.CallEphemeral
		}
		for i, text := range in.Answers {
			e := chat.Event{
				ID: fmt.Sprintf("%s.%d", k.ID, i+1), Kind: chat.Message, Text: text,
				Call: &chat.CallRef{ID: k.ID, Name: k.Name, By: k.User},
			}
			if err := t.put(r, &e, [16]byte{}, &user{k.Bot, k.botNo}, nil, &user{k.User, k.userNo}); err != nil {
				return err
			}
			k.Seqs = append(k.Seqs, e.Seq)
		}
		if len(in.Answers) > 0 {
			t.move(r)
		}
	}
	var failure command.Error
	if k.Err != nil {
		failure = *k.Err
	}
	t.write(`UPDATE {s}calls SET status = $2, ended_at = $3, batch = $4, seqs = $5, private = $6, error_code = $7, error_text = $8
		WHERE id = $1`, k.ID, k.Status, max(r.now, 1), t.token, sqlstore.List(k.Seqs), sqlstore.List(k.Private), failure.Code, failure.Message)
	return nil
}

// recover reads the answers that were stored with the end of k, to have them
// delivered.
func (t *tx) recover(ctx context.Context, r *room, k *storedCall) error {
	if len(k.Seqs) == 0 {
		return nil
	}
	seqs := make([]int64, len(k.Seqs))
	for i, seq := range k.Seqs {
		seqs[i] = int64(seq)
	}
	p := t.pipe()
	p.query(func(row *row) { t.events = append(t.events, row.event(r.id)) },
		`SELECT `+eventColumns+` FROM `+eventTables+` WHERE e.room_no = $1 AND e.seq = ANY ($2::bigint[]) ORDER BY e.seq`, r.no, seqs)
	return t.send(ctx, p)
}

// forgetMax is how many ended calls, and how many revocations, one ExpireCalls
// removes at most.
const forgetMax = 500

// ExpireCalls is part of [chat.Calls]. It also removes calls and revocations
// whose time is over.
func (s *Store) ExpireCalls(ctx context.Context, grace time.Duration, limit int) ([]chat.Call, error) {
	return submit(ctx, s.side, "expire calls", newRequest("", 1, 0), func(ctx context.Context, t *tx) ([]chat.Call, error) {
		return t.expire(ctx, grace, max(limit, 0))
	})
}

func (t *tx) expire(ctx context.Context, grace time.Duration, limit int) (ended []chat.Call, err error) {
	add := func(r *row) { ended = append(ended, r.call().Call) }
	var due []string
	p := t.pipe()
	if t.lost {
		p.query(add, callQuery+`k.ended_at > {now} - 60000 AND k.batch = $1 ORDER BY k.due_at`, t.token)
	}
	p.query(func(r *row) { due = append(due, r.text()) }, `SELECT id FROM {s}calls
		WHERE status = 'pending' AND due_at < {now} - $1::bigint ORDER BY due_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED`,
		grace.Milliseconds(), limit)
	if err := t.send(ctx, p); err != nil {
		return nil, err
	}
	t.write(`DELETE FROM {s}revocations WHERE ctid = ANY (ARRAY(SELECT ctid FROM {s}revocations
		WHERE until_at < {now} ORDER BY until_at LIMIT $1 FOR UPDATE SKIP LOCKED))`, forgetMax)
	t.write(`DELETE FROM {s}calls WHERE ctid = ANY (ARRAY(SELECT ctid FROM {s}calls k WHERE `+callOver+`
		ORDER BY k.ended_at LIMIT $1 FOR UPDATE SKIP LOCKED))`, forgetMax)
	if len(due) == 0 {
		return ended, nil
	}
	t.write(`UPDATE {s}calls SET status = 'failed', ended_at = greatest({now}, 1), batch = $2, error_code = $3, error_text = 'no answer in time'
		WHERE id = ANY ($1::text[])`, due, t.token, command.CodeTimeout)
	t.writes.query(add, callQuery+`k.id = ANY ($1::text[]) ORDER BY k.due_at`, due)
	err = t.commit(ctx)
	return ended, err
}
