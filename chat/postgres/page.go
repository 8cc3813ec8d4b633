package postgres

import (
	"context"
	"slices"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

// The limits of a page.
const (
	pageDefault = 50
	pageMax     = 200
	pageBytes   = 200 << 10 // of text, data and reactions; one event may be longer
)

// Page is part of [chat.Log].
func (s *Store) Page(ctx context.Context, viewer chat.UserID, room chat.RoomID, in chat.Range) (chat.Page, error) {
	limit := pageDefault
	if in.Limit > 0 {
		limit = min(in.Limit, pageMax)
	}
	after, before := min(in.After, sqlstore.MaxSeq), min(in.Before, sqlstore.MaxSeq)
	forward := in.Forward || in.After > 0
	sql := pageBack
	if forward {
		sql = pageOn
	}
	return view(ctx, s, "page", func(ctx context.Context) (chat.Page, error) {
		p := chat.Page{Events: []chat.Event{}}
		if !storable(viewer) || !storable(room) {
			return p, chat.ErrNotFound
		}
		var first, last chat.Seq // all of the range
		found, err := s.one(ctx, func(r *row) {
			p.Head, p.Floor, first, last = r.seq(), r.seq(), r.seq(), r.seq()
			reactions := r.reactions()
			if r.int() != 0 {
				r.next--
				e := r.event(room)
				e.Reactions = reactions
				p.Events = append(p.Events, e)
			}
		}, sql, viewer, room, after, before, limit, pageBytes)
		switch n := len(p.Events); {
		case err == nil && !found:
			err = chat.ErrNotFound
		case n == 0:
		case forward:
			p.More = p.Events[n-1].Seq < last
		default:
			slices.Reverse(p.Events)
			p.More = p.Events[0].Seq > first
		}
		return p, err
	})
}

// The log has no gaps, so a limit is a range. Events are read in the order of
// reading, and no further than their size allows.
var (
	pageOn   = pageQuery(`a.first`, `least(a.last, a.first + $5 - 1)`, ``)
	pageBack = pageQuery(`greatest(a.first, a.last - $5 + 1)`, `a.last`, `DESC`)
)

func pageQuery(from, to, order string) string {
	return `WITH ` + admitted + `, ranged AS MATERIALIZED (
	SELECT *, greatest(floor, least($3::bigint, head) + 1) AS first,
		CASE $4::bigint WHEN 0 THEN head ELSE least(head, $4 - 1) END AS last FROM admitted
)
SELECT a.head, a.floor, a.first, a.last, e.reactions, ` + eventColumns + ` FROM ranged a LEFT JOIN LATERAL (
	SELECT * FROM (
		SELECT *, sum(size) OVER w AS total, row_number() OVER w AS nth FROM (
			SELECT e.*, g.reactions, octet_length(` + eventText + `) + octet_length(` + eventData + `) + coalesce(octet_length(g.reactions), 0) AS size
			FROM {s}events e ` + eventEdited + `
			CROSS JOIN LATERAL (SELECT CASE e.kind WHEN 2 THEN ` + reactionsOf + ` END AS reactions OFFSET 0) g
			WHERE e.room_no = a.no AND e.seq BETWEEN ` + from + ` AND ` + to + `
		) e WINDOW w AS (ORDER BY seq ` + order + `)
	) e WHERE e.total <= $6 OR e.nth = 1
) e ON true ` + eventOthers + ` ORDER BY e.seq ` + order
}
