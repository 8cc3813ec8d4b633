package sqlite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/internal/sqlstore"
)

// SettleCall is part of [chat.Calls].
func (s *Store) SettleCall(ctx context.Context, in chat.Settlement) (chat.Call, bool, error) {
	size := 0
	for _, t := range in.Answers {
		size += len(t)
	}
	if in.New != nil {
		if err := checkKey(in.New.Key); err != nil {
			return chat.Call{}, false, err
		}
		size += len(in.New.Line)
		n := *in.New
		in.New = &n
	}
	in.Answers, in.Private = slices.Clone(in.Answers), slices.Clone(in.Private)
	if in.Err != nil {
		e := *in.Err
		in.Err = &e
	}
	v, err := submit(ctx, s, "settle call", 1+len(in.Answers), size, func(w *writer) (opened, error) {
		return w.settle(&in)
	})
	return v.call, v.is, err
}

func (w *writer) settle(in *chat.Settlement) (opened, error) {
	var k storedCall
	var err error
	found := false
	if in.New != nil {
		if k, found, err = w.callThere(in.New); err != nil || found {
			return opened{k.Call, false}, err
		}
	} else {
		k, found, err = w.findCall(w.now, `k.id = ?`, in.ID)
		switch {
		case err != nil:
			return opened{}, err
		case !found:
			return opened{}, chat.ErrNotFound
		case k.Status != chat.CallPending:
			return opened{k.Call, false}, nil
		}
	}
	id := k.Room
	if in.New != nil {
		id = in.New.Room
	}
	r, err := w.room(id)
	switch {
	case err != nil:
		return opened{}, err
	case in.New != nil && in.New.Basis < r.access:
		return opened{}, chat.ErrStale
	}
	// The only writer has just seen the call pending: nobody can come in
	// between until the transaction ends.
	err = w.atomically(func() (err error) {
		if in.New != nil {
			if k, err = w.openCall(r, in.New); err != nil {
				return err
			}
		}
		return w.end(r, &k, in)
	})
	if err != nil {
		return opened{}, err
	}
	return opened{k.Call, true}, nil
}

// end settles the pending call k of r.
func (w *writer) end(r *room, k *storedCall, in *chat.Settlement) error {
	welcome := !r.archived
	if welcome && k.User.ID != chat.System {
		var err error
		welcome, err = w.one(func(*row) {}, `SELECT 1 FROM {p}members m CROSS JOIN {p}users u ON u.no = m.user_no
			WHERE m.room_no = ? AND m.user_id = ? AND m.banned = 0`, r.no, k.User.ID)
		if err != nil {
			return err
		}
	}
	switch {
	case !welcome:
		return w.failCall(k, command.CodeForbidden, "not allowed in this room any more")
	case in.Err != nil:
		return w.failCall(k, in.Err.Code, in.Err.Message)
	}
	for i, text := range in.Answers {
		seq, err := w.answer(r, k, fmt.Sprintf("%s.%d", k.ID, i+1), text)
		if err != nil {
			return err
		}
		k.Seqs = append(k.Seqs, seq)
	}
	k.Private = in.Private
	k.Status = chat.CallDone
	if len(in.Answers) == 0 && len(in.Private) > 0 {
		k.Status = chat.CallEphemeral
	}
	return w.saveCall(k)
}

// answer stores one text that the bot says in the room.
func (w *writer) answer(r *room, k *storedCall, id, text string) (chat.Seq, error) {
	bot, err := w.enter(k.Bot)
	if err != nil {
		return 0, err
	}
	asked, err := w.enter(k.User)
	if err != nil {
		return 0, err
	}
	e := chat.Event{ID: id, Kind: chat.Message, Text: text, Call: &chat.CallRef{ID: k.ID, Name: k.Name, By: asked.User}}
	stored, err := w.put(r, &e, [16]byte{}, bot, nil, asked)
	if err == nil && !stored {
		err = fmt.Errorf("answer %s is stored already", id)
	}
	return e.Seq, err
}

func (w *writer) failCall(k *storedCall, code, message string) error {
	k.Status, k.Err = chat.CallFailed, &command.Error{Code: code, Message: message}
	return w.saveCall(k)
}

func (w *writer) saveCall(k *storedCall) error {
	var code, message string
	if k.Err != nil {
		code, message = k.Err.Code, k.Err.Message
	}
	return w.exec(`UPDATE {p}calls SET status = ?, ended_at = ?, seqs = ?, private = ?, error_code = ?, error_text = ? WHERE no = ?`,
		k.Status, max(w.now, 1), sqlstore.List(k.Seqs), sqlstore.List(k.Private), code, message, k.no)
}

// forgetMax is how many ended calls, and how many revocations, one ExpireCalls
// removes at most.
const forgetMax = 500

// ExpireCalls is part of [chat.Calls]. It also removes calls and revocations
// whose time is over.
func (s *Store) ExpireCalls(ctx context.Context, grace time.Duration, limit int) ([]chat.Call, error) {
	return submit(ctx, s, "expire calls", 1, 0, func(w *writer) ([]chat.Call, error) {
		ks, err := w.findCalls(w.now, `k.status = 'pending' AND k.due_at < ? ORDER BY k.due_at LIMIT ?`,
			w.now-grace.Milliseconds(), max(limit, 0))
		if err != nil {
			return nil, err
		}
		err = w.atomically(func() error {
			for i := range ks {
				if err := w.failCall(&ks[i], command.CodeTimeout, "no answer in time"); err != nil {
					return err
				}
			}
			return w.forgetOld()
		})
		return calls(ks), err
	})
}

// forgetOld removes what has no more meaning, in small steps.
func (w *writer) forgetOld() error {
	if err := w.exec(`DELETE FROM {p}calls WHERE no IN (SELECT no FROM {p}calls WHERE ended_at > 0 AND ended_at <= ? LIMIT ?)`,
		w.now-callKept, forgetMax); err != nil {
		return err
	}
	return w.exec(`DELETE FROM {p}revocations WHERE (user_id, session) IN
		(SELECT user_id, session FROM {p}revocations WHERE until_at < ? LIMIT ?)`, w.now, forgetMax)
}
