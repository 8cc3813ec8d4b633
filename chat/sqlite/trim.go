package sqlite

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/carlware/gochat/chat"
)

var _ chat.Trimmer = (*Store)(nil)

// The bounds of one step of a Trim, so that it does not hold up writers: how
// many events it removes, and how many pages it gives back to the file system.
const (
	trimStep  = 500
	trimPages = 1000
)

// minRetention is [chat.MinRetention] in milliseconds.
const minRetention = int64(chat.MinRetention / time.Millisecond)

// Trim is part of [chat.Trimmer]. It removes 500 events in a transaction and
// lets other writes in between. When a later step fails, the number of events
// that were removed until then is returned with the error. No such room is
// [chat.ErrNotFound].
func (s *Store) Trim(ctx context.Context, room chat.RoomID, keep chat.Retention, limit int) (removed int, err error) {
	for removed < limit {
		step := min(limit-removed, trimStep)
		n, err := submit(ctx, s, "trim", step, 0, func(w *writer) (int, error) {
			return w.cut(room, keep, step)
		})
		removed += n
		if err != nil || n < step {
			return removed, err
		}
	}
	return removed, nil
}

// cutoffs returns the times before which events go: those that are too old, and
// those that may go when there are too many.
func cutoffs(keep chat.Retention, now int64) (tooOld, mayGo int64) {
	mayGo = now - minRetention
	tooOld = math.MinInt64
	if keep.Age > 0 {
		tooOld = min(mayGo, now-keep.Age.Milliseconds())
	}
	return tooOld, mayGo
}

// most returns how many events may be there.
func most(keep chat.Retention) int64 {
	if keep.Count > 0 {
		return keep.Count
	}
	return math.MaxInt64
}

// cut removes up to limit of the oldest events of a room that are beyond what
// keep says.
func (w *writer) cut(id chat.RoomID, keep chat.Retention, limit int) (int, error) {
	r, err := w.room(id)
	if err != nil {
		return 0, err
	}
	var floor chat.Seq
	if _, err := w.one(func(r *row) { floor = r.seq() }, `SELECT floor FROM {p}heads WHERE room_no = ?`, r.no); err != nil {
		return 0, err
	}
	end := floor // the first event that stays
	tooOld, mayGo := cutoffs(keep, w.now)
	if err := w.query(func(row *row) error {
		at := row.int()
		if at >= tooOld && (at >= mayGo || int64(r.seq-end) < most(keep)) {
			return errEnough
		}
		end++
		return nil
	}, `SELECT at FROM {p}events WHERE key >= ? AND key < ? ORDER BY key LIMIT ?`,
		eventKey(r.no, floor), eventKey(r.no, r.seq), limit); err != nil || end == floor {
		return 0, err
	}
	err = w.atomically(func() error { return w.raiseFloor(r, floor, end) })
	if err != nil {
		return 0, err
	}
	return int(end - floor), nil
}

// raiseFloor removes the events from seq floor up to, but without, end.
func (w *writer) raiseFloor(r *room, floor, end chat.Seq) error {
	first, last := eventKey(r.no, floor), eventKey(r.no, end)-1
	if err := w.exec(`DELETE FROM {p}events WHERE key BETWEEN ? AND ?`, first, last); err != nil {
		return err
	}
	if n := w.db.Changes(); n != int64(end-floor) {
		return fmt.Errorf("room %s has %d events from %d to %d", r.id, n, floor, end-1)
	}
	if err := w.dropReactions(first, last); err != nil {
		return err
	}
	if err := w.exec(`UPDATE {p}heads SET floor = ?1, floor_at = (SELECT at FROM {p}events WHERE key = ?2) WHERE room_no = ?3`,
		end, last+1, r.no); err != nil {
		return err
	}
	if r.last < end && r.last != 0 {
		r.last = 0
		w.changed(r)
	}
	// Only a file that was made for it can shrink; see the package comment.
	return w.exec(fmt.Sprintf(`PRAGMA incremental_vacuum(%d)`, trimPages))
}

// Trimmable is part of [chat.Trimmer].
func (s *Store) Trimmable(ctx context.Context, keep chat.Retention, limit int) ([]chat.RoomID, error) {
	if keep.Age <= 0 && keep.Count <= 0 {
		return nil, ctx.Err()
	}
	return view(ctx, s, "trimmable", func(c *conn) (rooms []chat.RoomID, err error) {
		tooOld, mayGo := cutoffs(keep, s.clock().UnixMilli())
		from := tooOld
		if keep.Count > 0 {
			from = mayGo
		}
		err = c.query(func(r *row) error {
			rooms = append(rooms, chat.RoomID(r.text()))
			return nil
		}, `SELECT r.id FROM {p}heads h INDEXED BY {p}heads_floor CROSS JOIN {p}rooms r ON r.no = h.room_no
			WHERE h.floor_at < ?1 AND h.seq > h.floor AND (h.floor_at < ?2 OR h.seq - h.floor >= ?3) LIMIT ?4`,
			from, tooOld, most(keep), max(limit, 0))
		return rooms, err
	})
}
