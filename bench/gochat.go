package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport/ws"
)

// gochat is a node with its store in memory behind the WebSocket handler. Each
// connection is a user, and a member of its room. An event is a message that is
// checked, stored and numbered before it is delivered, and rates are not
// limited.
type gochat struct {
	http.Handler
	rooms []chat.Room
	text  string
	n     atomic.Int64
}

const (
	gochatHello = `{"type":"hello","id":"h"}`
	gochatEvent = `{"type":"event",`
)

func userID(conn int) chat.UserID { return chat.UserID("user-" + strconv.Itoa(conn)) }

// gochatText is a text that makes an event of about size bytes.
func gochatText(size int) string {
	const envelope = `{"type":"event","room":"AAAAAAAAAAAAAAAAAAAAAA","seq":1000,"id":"m-0000000000001000","kind":"message",` +
		`"time":"2026-01-01T00:00:00.000Z","user":{"id":"user-100","name":"user-100"},"text":""}`
	return strings.Repeat("x", max(size-len(envelope), 1))
}

func startGochat(rooms, conns, size int) (server, error) {
	ctx := context.Background()
	unlimited := chat.Unlimited
	node, err := chat.New(&chat.Options{
		Limits: chat.Limits{Members: conns, Messages: unlimited, Rooms: unlimited, Joins: unlimited, Requests: unlimited},
		Users: func(_ context.Context, ids []chat.UserID) ([]chat.User, error) {
			users := make([]chat.User, len(ids))
			for i, id := range ids {
				users[i] = chat.User{ID: id, Name: string(id)}
			}
			return users, nil
		},
	})
	if err != nil {
		return nil, err
	}
	g := &gochat{text: gochatText(size)}
	for room := range rooms {
		var members []chat.UserID
		for conn := room; conn < conns; conn += rooms {
			members = append(members, userID(conn))
		}
		name := fmt.Sprintf("room %d", room)
		made, err := node.CreateRoom(ctx, userID(room), chat.NewRoom{ID: chat.NewID(), Name: name, Kind: chat.Private, Members: members})
		if err != nil {
			return nil, err
		}
		g.rooms = append(g.rooms, made)
	}
	g.Handler = ws.NewHandler(node, func(r *http.Request) (chat.Principal, error) {
		_, conn := place(r)
		return chat.Principal{User: chat.User{ID: userID(conn), Name: string(userID(conn))}}, nil
	}, &ws.Options{Limits: ws.Limits{Rate: unlimited}})
	return g, nil
}

func (g *gochat) publish(room int) {
	d := chat.Draft{ID: fmt.Sprintf("m-%016d", g.n.Add(1)), Text: g.text}
	if _, err := g.rooms[room].Post(context.Background(), userID(room), d); err != nil {
		panic(err)
	}
}

// gochatMessage posts to the first room that the welcome names.
func gochatMessage(welcome []byte, n int64, size int) []byte {
	var w struct{ Rooms []struct{ ID string } }
	if err := json.Unmarshal(welcome, &w); err != nil || len(w.Rooms) == 0 {
		panic(fmt.Sprintf("a welcome without a room: %s", welcome))
	}
	return fmt.Appendf(nil, `{"type":"message","id":"c-%016d","room":"%s","text":"%s"}`, n, w.Rooms[0].ID, gochatText(size))
}
