package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

// post is a message that can be stored together with others.
type post struct {
	in     *chat.Write
	result chat.Appended
	stored bool  // it is in the log: the caller reads it there
	err    error // the answer
}

// store stores messages and answers their requests.
func (c *committer) store(reqs []*request) {
	for len(reqs) > 0 {
		firsts, repeats, first := unique(reqs)
		c.insert(firsts, rand.Int64())
		reqs = nil
		for _, r := range repeats {
			switch f := r.post.first(first).post; {
			case f.err == nil:
				r.post.stored = true
				r.Answer(nil)
			case errors.Is(f.err, chat.ErrStale) && (r.post.in.Basis > f.in.Basis || r.post.in.Known < f.in.Known), ofRow(f.err):
				reqs = append(reqs, r) // what that one had wrong need not be wrong with this one
			default:
				r.Answer(f.err)
			}
		}
	}
}

// postKey is what a message is in the log once for.
type postKey struct {
	room chat.RoomID
	user chat.UserID
	id   string
}

func (p *post) first(of map[postKey]*request) *request {
	return of[postKey{p.in.Room, p.in.User.ID, p.in.ID}]
}

// unique tells the first request with each key from those that repeat it.
func unique(reqs []*request) (firsts, repeats []*request, first map[postKey]*request) {
	if len(reqs) == 1 {
		return reqs, nil, nil
	}
	first = make(map[postKey]*request, len(reqs))
	for _, r := range reqs {
		if r.post.first(first) != nil {
			repeats = append(repeats, r)
			continue
		}
		first[postKey{r.room, r.post.in.User.ID, r.post.in.ID}] = r
	}
	if len(repeats) == 0 {
		return reqs, nil, nil
	}
	for _, r := range reqs {
		if r.post.first(first) == r {
			firsts = append(firsts, r)
		}
	}
	return firsts, repeats, first
}

// insert stores messages of different keys in one transaction and answers their
// requests. If the server refuses a value of one of them, the others are stored
// without it.
func (c *committer) insert(reqs []*request, token int64) {
	err := c.try(func(ctx context.Context, a *attempt) error {
		return c.columns.send(ctx, c.dialect, a, reqs, token)
	})
	if len(reqs) > 1 && ofRow(err) {
		half := len(reqs) / 2
		c.insert(reqs[:half], token)
		c.insert(reqs[half:], token)
		return
	}
	if err != nil {
		for _, r := range reqs {
			r.post.err = err
			r.Answer(err)
		}
		return
	}
	var events []chat.Event
	var strangers []*request
	for i, r := range reqs {
		f, p := &c.columns.fates[i], r.post
		switch {
		case !f.room:
			p.err = chat.ErrNotFound
		case !f.known:
			strangers = append(strangers, r)
		case f.found && !f.own:
			p.stored = true
		case f.seq == 0:
			p.err = chat.ErrStale
		default:
			e := sqlstore.EventOf(p.in)
			e.Room, e.Seq, e.Time = p.in.Room, f.seq, f.at
			e.User = chat.User{ID: p.in.User.ID, Name: f.name, Bot: f.bot}
			p.result.Event = e
			events = append(events, e)
		}
	}
	c.deliver(events)
	for _, r := range reqs {
		if !slices.Contains(strangers, r) {
			r.Answer(r.post.err)
		}
	}
	for _, r := range strangers { // each brings a user along
		c.single(r)
	}
}

// fate is what became of a message.
type fate struct {
	room  bool // there is such a room
	known bool // the user is
	found bool // it was in the log before
	own   bool // by this request, whose first answer was lost
	seq   chat.Seq
	at    time.Time
	name  string // of the user
	bot   bool
}

// columns are messages as the server takes them: one array for each column.
type columns struct {
	locked                                    []string
	rooms, users, ids, texts, mentions, datas []string
	hashes                                    [][]byte
	refs, bases, knowns                       []int64
	fates                                     []fate // what became of them
}

func (c *columns) reset() {
	for _, texts := range []*[]string{&c.locked, &c.rooms, &c.users, &c.ids, &c.texts, &c.mentions, &c.datas} {
		*texts = (*texts)[:0]
	}
	c.hashes, c.refs, c.bases, c.knowns, c.fates = c.hashes[:0], c.refs[:0], c.bases[:0], c.knowns[:0], c.fates[:0]
}

// send stores messages. The locks of the rooms are taken first, in the order of
// their numbers, by a statement of its own: the one that looks into the log then
// sees all that was committed until it had them.
func (c *columns) send(ctx context.Context, d *dialect, a *attempt, reqs []*request, token int64) error {
	c.reset()
	for _, r := range reqs {
		in := r.post.in
		c.rooms = append(c.rooms, string(in.Room))
		c.users = append(c.users, string(in.User.ID))
		c.ids = append(c.ids, in.ID)
		c.hashes = append(c.hashes, in.Hash[:])
		c.refs = append(c.refs, int64(in.Ref))
		c.texts = append(c.texts, in.Text)
		c.mentions = append(c.mentions, sqlstore.List(in.Mentions))
		c.datas = append(c.datas, string(in.Data))
		c.bases = append(c.bases, int64(in.Basis))
		c.knowns = append(c.knowns, int64(in.Known))
		c.fates = append(c.fates, fate{})
	}
	c.locked = append(c.locked, c.rooms...)
	slices.Sort(c.locked)
	c.locked = slices.Compact(c.locked)

	p := pipe{dialect: d}
	p.exec(lockHeads, c.locked)
	p.query(func(r *row) {
		i := r.int() - 1
		f := &c.fates[i]
		f.room, f.known, f.found, f.own = r.bool(), r.bool(), r.bool(), r.bool()
		f.seq, f.at, f.bot = r.seq(), r.time(), r.bool()
		f.name = reqs[i].post.in.User.Name
		if name := r.value(); string(name) != f.name { // mostly it need not be copied
			f.name = string(name)
		}
	}, insertMessages, token, c.rooms, c.users, c.ids, c.hashes, c.refs, c.texts, c.mentions, c.datas, c.bases, c.knowns)
	a.sent = true
	return p.send(ctx, a.conn)
}

// lockHeads is how every writer locks rooms before anything else.
const lockHeads = `SELECT room_no FROM {s}heads WHERE id = ANY ($1::text[]) ORDER BY room_no FOR NO KEY UPDATE`

// insertMessages gives the messages that are new and not stale the next numbers
// of their rooms, in their order. Rows are looked up one by one, each by a key,
// and events as by [storedQuery]: OFFSET 0 keeps the planner from making joins
// of that.
const insertMessages = `
WITH looked AS (
	SELECT i.*, h.room_no, h.seq, h.n, h.at, u.no AS user_no, u.name, u.bot, o.seq AS old_seq, o.at AS old_at, o.batch AS old_batch,
		u.no IS NOT NULL AND o.seq IS NULL AND i.basis >= h.access AND i.known <= h.seq AS fresh
	FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[])
		WITH ORDINALITY AS i (room_id, user_id, id, hash, ref, text, mentions, data, basis, known, ord)
	LEFT JOIN LATERAL (SELECT h.room_no, h.seq, h.n, h.at, h.access FROM {s}heads h WHERE h.id = i.room_id OFFSET 0) h ON true
	LEFT JOIN LATERAL (SELECT u.no, u.name, u.bot FROM {s}users u WHERE u.id = i.user_id OFFSET 0) u ON true
	LEFT JOIN LATERAL (SELECT e.room_no, e.seq, e.at, e.batch FROM {s}events e
		WHERE e.user_no = u.no AND e.id = i.id OFFSET 0) o ON o.room_no = h.room_no
), numbered AS (
	SELECT *, greatest(at, {now}) AS new_at,
		CASE WHEN fresh THEN count(*) FILTER (WHERE fresh) OVER (PARTITION BY room_no ORDER BY ord) END AS k
	FROM looked
), inserted AS (
	INSERT INTO {s}events (room_no, seq, user_no, at, n, batch, ref, kind, id, hash, text, mentions, data)
	SELECT room_no, seq + k, user_no, new_at, n + k, $1, ref, 2, id, hash, text, mentions, data FROM numbered WHERE k IS NOT NULL
), moved AS (
	UPDATE {s}heads h SET seq = g.seq, last = g.seq, n = g.n, at = g.at
	FROM (SELECT room_no, max(seq + k) AS seq, max(n + k) AS n, max(new_at) AS at FROM numbered WHERE k IS NOT NULL GROUP BY room_no) g
	WHERE h.room_no = g.room_no
)
SELECT ord, room_no IS NOT NULL, user_no IS NOT NULL, old_seq IS NOT NULL, old_batch = $1,
	coalesce(old_seq, seq + k), coalesce(old_at, new_at), bot, name FROM numbered`
