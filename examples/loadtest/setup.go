package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/rawws"
)

// caller is a connection on which one request is made after the other, to set
// things up.
type caller struct {
	conn      net.Conn
	b         []byte
	rooms     []struct{ ID, Name, Role string }
	perSecond float64
}

// call connects as the user.
func (g *generator) call(ctx context.Context, a *account) (*caller, error) {
	token, err := a.get(ctx, "")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, b, err := g.dial(ctx, token)
	if err != nil {
		return nil, err
	}
	q := &caller{conn: conn, b: b}
	var w struct {
		Rooms  []struct{ ID, Name, Role string }
		Limits struct {
			Messages struct {
				PerSecond float64 `json:"per_second"`
			}
		}
	}
	if err = q.ask(ctx, map[string]any{"type": "hello"}, &w); err != nil {
		_ = conn.Close()
		return nil, err
	}
	q.rooms, q.perSecond = w.Rooms, w.Limits.Messages.PerSecond
	return q, nil
}

// ask makes a request and reads its reply into v. What is too often is asked
// again when it may be.
func (q *caller) ask(ctx context.Context, request map[string]any, v any) error {
	id := chat.NewID()
	request["id"] = id
	frame, err := json.Marshal(request)
	if err != nil {
		return err
	}
	for {
		_ = q.conn.SetDeadline(time.Now().Add(dialTimeout))
		if _, err := q.conn.Write(rawws.AppendFrame(nil, rawws.Text, frame)); err != nil {
			return err
		}
		b, err := q.reply(id)
		if err != nil {
			return err
		}
		var e struct {
			Type  string
			Error struct {
				Code, Message string
				After         int64 `json:"retry_after_ms"`
			}
		}
		if err := json.Unmarshal(b, &e); err != nil {
			return err
		}
		switch {
		case e.Type != "error":
			return json.Unmarshal(b, v)
		case e.Error.Code != "rate_limited" && e.Error.Code != "unavailable":
			return fmt.Errorf("%v was refused: %s %s", request["type"], e.Error.Code, e.Error.Message)
		}
		if err := sleep(ctx, max(time.Duration(e.Error.After)*time.Millisecond, 50*time.Millisecond)); err != nil {
			return err
		}
	}
}

// reply reads up to the reply to the request id.
func (q *caller) reply(id string) ([]byte, error) {
	var more [4 << 10]byte
	for {
		f, n, err := rawws.Next(q.b, maxFrame)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			n, err := q.conn.Read(more[:])
			if err != nil {
				return nil, err
			}
			q.b = append(q.b, more[:n]...)
			continue
		}
		payload := slices.Clone(f.Payload)
		q.b = q.b[n:]
		var head frame
		switch {
		case f.Opcode == rawws.Ping:
			_, _ = q.conn.Write(rawws.AppendFrame(nil, rawws.Pong, payload))
		case f.Opcode == rawws.Close:
			code, reason := f.CloseCode()
			return nil, &ended{code, reason}
		case head.scan(payload) && string(head.re) == id:
			return payload, nil
		}
	}
}

// each calls f for each account, a few at a time.
func each(accounts []*account, f func(i int, a *account) error) error {
	var wg sync.WaitGroup
	errs := make([]error, len(accounts))
	places := make(chan struct{}, 16)
	for i, a := range accounts {
		places <- struct{}{}
		wg.Go(func() {
			errs[i] = f(i, a)
			<-places
		})
	}
	wg.Wait()
	for _, err := range errs { // the others say the same, most likely
		if err != nil {
			return err
		}
	}
	return nil
}

// prepare gives the accounts the rooms of the run: room r and user u belong
// together if they are the same modulo the number of rooms, or of users, if
// those are fewer.
func (g *generator) prepare(ctx context.Context, accounts []*account) error {
	if g.c.room != "" {
		return each(accounts, func(_ int, a *account) error { return g.findRoom(ctx, a) })
	}
	m := min(g.c.rooms, len(accounts))
	rooms := make([]*room, g.c.rooms)
	run := strings.ToLower(strings.TrimSuffix(g.checker.prefix, "-"))
	err := each(accounts, func(u int, a *account) error {
		if u >= m {
			return nil
		}
		q, err := g.call(ctx, a)
		if err != nil {
			return err
		}
		defer q.conn.Close()
		if g.c.rate > 0 {
			if most := q.perSecond * float64(len(accounts)); q.perSecond > 0 && g.c.rate > most {
				return fmt.Errorf("%d users may post %.0f messages a second, and -rate is %.0f: use more users", len(accounts), most, g.c.rate)
			}
		}
		for r := u; r < g.c.rooms; r += m {
			var made struct{ Room string }
			if err := q.ask(ctx, map[string]any{"type": "create_room", "name": fmt.Sprintf("load %s %d", run, r)}, &made); err != nil {
				return err
			}
			rooms[r] = g.checker.room([]byte(made.Room))
			a.rooms = append(a.rooms, rooms[r])
		}
		return nil
	})
	if err != nil {
		return err
	}
	return each(accounts, func(u int, a *account) error {
		if u < m {
			return nil
		}
		q, err := g.call(ctx, a)
		if err != nil {
			return err
		}
		defer q.conn.Close()
		for r := u % m; r < g.c.rooms; r += m {
			if err := q.ask(ctx, map[string]any{"type": "join", "room": rooms[r].id}, &struct{}{}); err != nil {
				return err
			}
			a.rooms = append(a.rooms, rooms[r])
		}
		return nil
	})
}

// findRoom is for a room that is there.
func (g *generator) findRoom(ctx context.Context, a *account) error {
	q, err := g.call(ctx, a)
	if err != nil {
		return err
	}
	defer q.conn.Close()
	for _, r := range q.rooms {
		if r.Name == g.c.room {
			a.rooms = append(a.rooms, g.checker.room([]byte(r.ID)))
			return nil
		}
	}
	return fmt.Errorf("a user is not a member of a room %q", g.c.room)
}

// tidy archives the rooms that the run has made.
func (g *generator) tidy(ctx context.Context, accounts []*account) error {
	if g.c.room != "" {
		return nil
	}
	m := min(g.c.rooms, len(accounts))
	return each(accounts[:m], func(_ int, a *account) error {
		q, err := g.call(ctx, a)
		if err != nil {
			return err
		}
		defer q.conn.Close()
		for _, r := range a.rooms {
			if err := q.ask(ctx, map[string]any{"type": "update_room", "room": r.id, "archived": true}, &struct{}{}); err != nil {
				return err
			}
		}
		return nil
	})
}
