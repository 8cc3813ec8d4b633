package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport/ws"
)

// act does something, and returns when it has its final answer.
func (m *member) act(ctx context.Context, rng *rand.Rand) {
	n, pick := rng.IntN(100), rng.Uint64()
	room := m.place(rng.Uint64())
	switch {
	case n < 55:
		m.post(ctx, room, fmt.Sprintf("%s says %d", m.name, pick), pick%10 == 0)
	case n < 62:
		if p, ok := m.some(pick); ok {
			m.edit(ctx, p, fmt.Sprint("edited ", pick))
			if pick%3 == 0 {
				m.send(ctx, p) // the original, once more
			}
		}
	case n < 65:
		if p, ok := m.some(pick); ok { // its client makes the id
			_, _ = m.current().Delete(ctx, p.room, p.seq)
		}
	case n < 69:
		if p, ok := m.some(pick); ok {
			m.change(ctx, p.room, chat.Change{Kind: chat.React, Seq: p.seq, Emoji: "👍", Off: pick%3 == 0})
		}
	case n < 80:
		m.command(ctx, room.id, []string{"/stock aapl.us", "/stock=msft.us", "/stock aapl.us", "/stock", "/nosuch"}[pick%5])
	case n < 84:
		_, _ = m.current().History(ctx, room.id, chat.Range{Limit: 50})
	case m == m.r.owner && n < 86:
		m.found(ctx, pick)
	case m.user == m.r.owner.user:
		m.rule(ctx, room, pick)
	default:
		m.change(ctx, room.id, chat.Change{Kind: []chat.ChangeKind{chat.Join, chat.Join, chat.Leave}[pick%3]})
	}
}

// place returns a room, most often one that the user is in.
func (m *member) place(pick uint64) (room room) {
	for range 4 {
		if room = m.r.room(pick); m.record.At(room.id) > 0 {
			break
		}
		pick /= 31
	}
	return room
}

// some returns one of the latest own messages.
func (m *member) some(pick uint64) (posted, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.posted) == 0 {
		return posted{}, false
	}
	return m.posted[pick%uint64(len(m.posted))], true
}

// post says something, and perhaps the same once more.
func (m *member) post(ctx context.Context, room room, text string, twice bool) {
	p := posted{room: room.id, draft: chat.Draft{ID: chat.NewID(), Text: text}}
	if p.seq = m.send(ctx, p); p.seq == 0 {
		return
	}
	if twice {
		m.send(ctx, p)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.posted = append(m.posted, p); len(m.posted) > 10 {
		m.posted = m.posted[1:]
	}
}

func (m *member) send(ctx context.Context, p posted) chat.Seq {
	return m.store(ctx, p.room, p.draft.ID, func(ctx context.Context, c *ws.Client) (ws.Stored, error) { return c.Post(ctx, p.room, p.draft) })
}

func (m *member) edit(ctx context.Context, p posted, text string) {
	e := chat.Edit{ID: chat.NewID(), Seq: p.seq, Text: text}
	m.store(ctx, p.room, e.ID, func(ctx context.Context, c *ws.Client) (ws.Stored, error) { return c.Edit(ctx, p.room, e) })
}

func (m *member) change(ctx context.Context, room chat.RoomID, ch chat.Change) {
	ch.ID = chat.NewID()
	m.store(ctx, room, ch.ID, func(ctx context.Context, c *ws.Client) (ws.Stored, error) { return c.Change(ctx, room, ch) })
}

// rule changes who is in a room.
func (m *member) rule(ctx context.Context, room room, pick uint64) {
	kinds := []chat.ChangeKind{chat.Invite, chat.Invite, chat.Invite, chat.Invite, chat.Remove, chat.Remove, chat.Ban, chat.Unban}
	others := m.r.users[1:]
	m.change(ctx, room.id, chat.Change{Kind: kinds[pick%8], User: others[pick/8%uint64(len(others))]})
}

// found makes a private room with some of the others.
func (m *member) found(ctx context.Context, pick uint64) {
	n := chat.NewRoom{ID: chat.NewID(), Name: fmt.Sprint("Room ", pick), Kind: chat.Private, Hides: pick%2 == 0}
	for i, u := range m.r.users[1:] {
		if pick>>i&2 != 0 {
			n.Members = append(n.Members, u)
		}
	}
	for {
		info, err := m.current().CreateRoom(ctx, n)
		if err == nil {
			m.r.addRoom(room{id: info.ID, reader: m, hides: n.Hides})
		}
		if err == nil || !gone(err) || sleep(ctx, calm/10) != nil {
			return
		}
	}
}
