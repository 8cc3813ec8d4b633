package postgres

import (
	"context"
	"math"
	"time"

	"github.com/carlware/gochat/chat"
)

var _ chat.Trimmer = (*Store)(nil)

// trimStep is how many events one transaction removes at most, so that it does
// not hold up those who write.
const trimStep = 500

// ages of events in milliseconds: beyond old they go, and beyond may they go
// when there are more than most.
type ages struct{ old, may, most int64 }

// never is an age that nothing has.
const never = math.MaxInt64 / 2

func agesOf(keep chat.Retention) ages {
	a := ages{old: never, may: int64(chat.MinRetention / time.Millisecond), most: never}
	if keep.Age > 0 {
		a.old = max(a.may, keep.Age.Milliseconds())
	}
	if keep.Count > 0 {
		a.most = keep.Count
	}
	return a
}

// Trim is part of [chat.Trimmer]. It removes 500 events in a transaction and
// lets other writes in between. When a later step fails, the number of events
// that were removed until then is returned with the error. No such room is
// [chat.ErrNotFound].
func (s *Store) Trim(ctx context.Context, room chat.RoomID, keep chat.Retention, limit int) (removed int, err error) {
	if !storable(room) {
		return 0, failed(ctx, "trim", chat.ErrNotFound)
	}
	for removed < limit {
		step := min(limit-removed, trimStep)
		n, err := submit(ctx, s.shard(room), "trim", newRequest(room, step, 0), func(ctx context.Context, t *tx) (int, error) {
			return t.trim(ctx, room, agesOf(keep), step)
		})
		removed += n
		if err != nil || n < step {
			return removed, err
		}
	}
	return removed, nil
}

// trim removes up to limit of the oldest events of a room.
func (t *tx) trim(ctx context.Context, room chat.RoomID, beyond ages, limit int) (int, error) {
	p := t.pipe()
	r := p.lock(room)
	var times []int64
	p.query(func(r *row) { times = append(times, r.int()) }, `
		WITH h AS MATERIALIZED (SELECT * FROM {s}heads WHERE id = $1)
		SELECT at FROM {s}events WHERE room_no = (SELECT room_no FROM h)
			AND seq >= (SELECT floor FROM h) AND seq < (SELECT least(floor + $2, seq) FROM h) ORDER BY seq`, room, limit)
	if err := t.send(ctx, p); err != nil {
		return 0, err
	}
	if r.no == 0 {
		return 0, chat.ErrNotFound
	}
	end := r.floor // the first event that stays
	for _, at := range times {
		age, more := r.now-at, int64(r.seq-end)
		if age <= beyond.old && (age <= beyond.may || more < beyond.most) {
			break
		}
		end++
	}
	if end == r.floor {
		return 0, nil
	}
	t.write(`DELETE FROM {s}events WHERE room_no = $1 AND seq BETWEEN $2 AND $3`, r.no, r.floor, end-1)
	t.dropReactions(r, r.floor, end-1)
	t.write(`UPDATE {s}heads SET floor = $2, floor_at = (SELECT at FROM {s}events WHERE room_no = $1 AND seq = $2),
		last = CASE WHEN last < $2 THEN 0 ELSE last END WHERE room_no = $1`, r.no, end)
	return int(end - r.floor), nil
}

// Trimmable is part of [chat.Trimmer].
func (s *Store) Trimmable(ctx context.Context, keep chat.Retention, limit int) ([]chat.RoomID, error) {
	if keep.Age <= 0 && keep.Count <= 0 {
		return nil, ctx.Err()
	}
	beyond := agesOf(keep)
	first := beyond.old // all older floors are looked at
	if keep.Count > 0 {
		first = beyond.may
	}
	return view(ctx, s, "trimmable", func(ctx context.Context) (rooms []chat.RoomID, err error) {
		err = s.query(ctx, func(r *row) { rooms = append(rooms, chat.RoomID(r.text())) },
			`SELECT h.id FROM {s}heads h
			WHERE h.floor_at < {now} - $1::bigint AND h.seq > h.floor AND (h.floor_at < {now} - $2::bigint OR h.seq - h.floor >= $3)
			LIMIT $4`, first, beyond.old, beyond.most, max(limit, 0))
		return rooms, err
	})
}
