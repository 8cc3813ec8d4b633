package postgres

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

// Limits of reactions. A message has at most so many different ones, so that
// one message can't fill a page, and a page names so many users of each.
const (
	emojiMax    = 50
	reactorsMax = 20 // and in reactionsOf
)

// reactions is what there is on a message when somebody reacts.
type reactions struct {
	emoji int64 // how many different ones
	same  int64 // users of this one
	own   bool  // the user is one of them
}

// reactions adds a query for the reactions to the message that in is about.
func (p *pipe) reactions(in *chat.Write, v *reactions) {
	p.query(func(r *row) { v.emoji, v.same, v.own = r.int(), r.int(), r.bool() },
		`SELECT count(*), coalesce(sum(n) FILTER (WHERE emoji = $3), 0)::bigint, EXISTS (SELECT FROM {s}reactors
				WHERE room_no = (SELECT no FROM {s}rooms WHERE id = $1) AND ref = $2
				AND user_no = (SELECT no FROM {s}users WHERE id = $4) AND emoji = $3)
			FROM {s}emoji WHERE room_no = (SELECT no FROM {s}rooms WHERE id = $1) AND ref = $2`,
		in.Room, min(in.Ref, sqlstore.MaxSeq), in.Text, in.User.ID)
}

// refuse refuses one more different reaction than a message may have.
func (v *reactions) refuse() error {
	if v.emoji >= emojiMax && v.same == 0 {
		return &chat.InputError{
			Code: "bad_request", Field: "text", Message: fmt.Sprintf("A message has at most %d different reactions.", emojiMax),
		}
	}
	return nil
}

// react puts the reaction e of u on its message, or takes it back.
func (t *tx) react(r *room, e *chat.Event, was *reactions, u *user) {
	if e.Off != was.own {
		return // as it is
	}
	if e.Off {
		t.write(`DELETE FROM {s}reactors WHERE room_no = $1 AND ref = $2 AND user_no = $3 AND emoji = $4`, r.no, e.Ref, u.no, e.Text)
	} else {
		t.write(`INSERT INTO {s}reactors (room_no, ref, user_no, emoji, seq) VALUES ($1, $2, $3, $4, $5)`, r.no, e.Ref, u.no, e.Text, e.Seq)
	}
	switch {
	case e.Off && was.same == 1:
		t.write(`DELETE FROM {s}emoji WHERE room_no = $1 AND ref = $2 AND emoji = $3`, r.no, e.Ref, e.Text)
	case e.Off:
		t.write(`UPDATE {s}emoji SET n = n - 1 WHERE room_no = $1 AND ref = $2 AND emoji = $3`, r.no, e.Ref, e.Text)
	case was.same == 0:
		t.write(`INSERT INTO {s}emoji (room_no, ref, emoji, first, n) VALUES ($1, $2, $3, $4, 1)`, r.no, e.Ref, e.Text, e.Seq)
	default:
		t.write(`UPDATE {s}emoji SET n = n + 1 WHERE room_no = $1 AND ref = $2 AND emoji = $3`, r.no, e.Ref, e.Text)
	}
}

// dropReactions removes the reactions to the messages from first to last.
func (t *tx) dropReactions(r *room, first, last chat.Seq) {
	t.write(`DELETE FROM {s}reactors WHERE room_no = $1 AND ref BETWEEN $2 AND $3`, r.no, first, last)
	t.write(`DELETE FROM {s}emoji WHERE room_no = $1 AND ref BETWEEN $2 AND $3`, r.no, first, last)
}

// reactionsOf is SQL for the reactions to the message e as the viewer a.me sees
// them: arrays of the emoji, how many users it has, the first of them, and the
// viewer if among them.
const reactionsOf = `(SELECT json_agg(json_build_array(g.emoji, g.n,
	(SELECT json_agg(f.id ORDER BY f.seq) FROM (SELECT u.id, k.seq FROM {s}reactors k JOIN {s}users u ON u.no = k.user_no
		WHERE k.room_no = g.room_no AND k.ref = g.ref AND k.emoji = g.emoji ORDER BY k.seq LIMIT 20) f),
	(SELECT u.id FROM {s}reactors k JOIN {s}users u ON u.no = k.user_no
		WHERE k.room_no = g.room_no AND k.ref = g.ref AND k.emoji = g.emoji AND k.user_no = a.me)) ORDER BY g.first)
	FROM {s}emoji g WHERE g.room_no = e.room_no AND g.ref = e.seq)::text`

// reactions reads reactionsOf.
func (r *row) reactions() (xs []chat.Reaction) {
	b := r.value()
	if len(b) == 0 {
		return nil
	}
	var all [][4]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		r.err = errors.Join(r.err, err)
	}
	for _, raw := range all {
		var x chat.Reaction
		var me chat.UserID
		for i, into := range []any{&x.Text, &x.Count, &x.Users, &me} {
			r.err = errors.Join(r.err, json.Unmarshal(raw[i], into))
		}
		if me != "" && len(x.Users) == reactorsMax && !slices.Contains(x.Users, me) {
			x.Users[reactorsMax-1] = me
		}
		xs = append(xs, x)
	}
	return xs
}
