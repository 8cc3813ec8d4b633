package sqlite

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

// Limits of reactions. A message has at most so many different ones, so that
// one message can't fill a page, and a page names so many users of each.
const (
	emojiMax    = 50
	reactorsMax = 20
)

// checkReaction refuses one more different reaction to the message at key than
// it may have.
func (w *writer) checkReaction(key int64, emoji string) error {
	full := false
	_, err := w.one(func(r *row) { full = r.int() >= emojiMax && !r.bool() },
		`SELECT count(*), coalesce(max(emoji = ?2), 0) FROM {p}emoji WHERE key = ?1`, key, emoji)
	if err == nil && full {
		err = &chat.InputError{
			Code: "bad_request", Field: "text", Message: fmt.Sprintf("A message has at most %d different reactions.", emojiMax),
		}
	}
	return err
}

// react puts the reaction e of u on the message at key.
func (w *writer) react(key int64, e *chat.Event, u *user) error {
	if err := w.exec(`INSERT INTO {p}reactors (key, emoji, user_no, seq) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		key, e.Text, u.no, e.Seq); err != nil || w.db.Changes() == 0 {
		return err
	}
	return w.exec(`INSERT INTO {p}emoji (key, first, emoji, n) VALUES (?, ?, ?, 1) ON CONFLICT (key, emoji) DO UPDATE SET n = n + 1`,
		key, e.Seq, e.Text)
}

// takeBack takes the reaction e of u off the message at key.
func (w *writer) takeBack(key int64, e *chat.Event, u *user) error {
	if err := w.exec(`DELETE FROM {p}reactors WHERE key = ? AND emoji = ? AND user_no = ?`,
		key, e.Text, u.no); err != nil || w.db.Changes() == 0 {
		return err
	}
	if err := w.exec(`UPDATE {p}emoji SET n = n - 1 WHERE key = ? AND emoji = ?`, key, e.Text); err != nil {
		return err
	}
	return w.exec(`DELETE FROM {p}emoji WHERE key = ? AND emoji = ? AND n = 0`, key, e.Text)
}

// dropReactions removes the reactions to the messages from key first to last.
func (w *writer) dropReactions(first, last int64) error {
	if err := w.exec(`DELETE FROM {p}emoji WHERE key BETWEEN ? AND ?`, first, last); err != nil {
		return err
	}
	return w.exec(`DELETE FROM {p}reactors WHERE key BETWEEN ? AND ?`, first, last)
}

// reactionQuery reads the emoji of the messages from key ?1 to ?2, with the
// first users of each. ?3 is the number of the reader, who comes last if not
// among them.
const reactionQuery = `SELECT g.key, g.emoji, g.n, (SELECT json_group_array(few.id ORDER BY few.seq) FROM (
		SELECT u.id, r.seq FROM {p}reactors r CROSS JOIN {p}users u ON u.no = r.user_no
		WHERE r.key = g.key AND r.emoji = g.emoji ORDER BY r.seq LIMIT ?4) few),
	(SELECT u.id FROM {p}reactors r CROSS JOIN {p}users u ON u.no = r.user_no
		WHERE r.key = g.key AND r.emoji = g.emoji AND r.user_no = ?3)
	FROM {p}emoji g WHERE g.key BETWEEN ?1 AND ?2 ORDER BY `

// reactions reads the reactions to events, which are in the order of a page
// that is read forward or back.
func (c *conn) reactions(a access, events []chat.Event, forward bool) error {
	begin := events[0].Seq
	first, last, sql := begin, events[len(events)-1].Seq, reactionQuery+`g.key, g.first`
	if !forward {
		first, last, sql = last, begin, reactionQuery+`g.key DESC, g.first`
	}
	size := 0
	return c.query(func(r *row) error {
		seq := chat.Seq(r.int() & sqlstore.MaxSeq)
		if size > pageBytes && seq != begin {
			return errEnough // the page ends before this event
		}
		x, err := r.reaction()
		e := &events[max(seq, begin)-min(seq, begin)]
		e.Reactions = append(e.Reactions, x)
		size += reactionBytes(x)
		return err
	}, sql, eventKey(a.room, first), eventKey(a.room, last), a.me, reactorsMax)
}

func reactionBytes(x chat.Reaction) int {
	bytes := len(x.Text)
	for _, id := range x.Users {
		bytes += len(id)
	}
	return bytes
}

// reaction reads what follows the key in a row of the reactionQuery.
func (r *row) reaction() (x chat.Reaction, err error) {
	x.Text, x.Count = r.text(), int(r.int())
	err = json.Unmarshal([]byte(r.text()), &x.Users)
	me := chat.UserID(r.text())
	if me != "" && len(x.Users) == reactorsMax && !slices.Contains(x.Users, me) {
		x.Users[reactorsMax-1] = me
	}
	return x, err
}
