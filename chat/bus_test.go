package chat

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// Whatever comes from the broker, a node and its sessions live on.
func FuzzReceived(f *testing.F) {
	ctx := context.Background()
	broker := memory.New(nil)
	f.Cleanup(func() { broker.Close() })
	n, err := New(&Options{Broker: broker, Logger: slog.New(slog.DiscardHandler), Limits: Limits{Messages: Unlimited}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { n.Shutdown(ctx) })
	connect := func(tb testing.TB) *Session {
		s, err := n.Connect(ctx, Principal{User: User{ID: "ana", Name: "Ana"}}, &SessionOptions{Wake: func() {}})
		if err != nil {
			tb.Fatal(err)
		}
		return s
	}
	s := connect(f)
	r, err := n.CreateRoom(ctx, "ana", NewRoom{ID: NewID(), Name: "Tea"})
	if err != nil {
		f.Fatal(err)
	}
	room := r.(handle).id
	ana, online, count := User{ID: "ana", Name: "Ana"}, true, -1
	for _, e := range []envelope{
		{Events: []Event{{Room: room, Seq: 3, Kind: Message, User: ana, Text: "x"}}},
		{Events: []Event{{Room: room, Seq: 9, Kind: Joined, Target: &ana, Role: Owner}, {Room: "new", Seq: 1, Kind: Joined, Target: &ana}}},
		{Events: []Event{{Room: room, Seq: 3, Kind: Left, Target: &ana}, {Room: room, Seq: 1 << 45, Kind: RoleChanged}}},
		{Events: []Event{{Room: room, Seq: 4, Kind: Banned, Target: &ana}, {Seq: 1, Kind: "odd"}}},
		{Notice: &noticeTo{Notice: Notice{Kind: Typing, In: room, User: &ana}}},
		{Notice: &noticeTo{Users: []UserID{"ana"}, Notice: Notice{Kind: Read, In: room, User: &ana, Seq: 3}}},
		{Notice: &noticeTo{Notice: Notice{Kind: Presence, Online: &online, Count: &count}}},
		{Outcome: &outcomeTo{User: "ana", Outcome: Outcome{ID: "x", Call: "y", Status: CallFailed}}},
		{Revoke: &Revocation{User: "bob", Until: time.Now().Add(time.Hour)}},
		{Presence: &presenceTo{Users: []User{{ID: "bob"}}, Online: true, Rooms: []RoomID{room, "none"}}},
		{Crowd: &crowdTo{Room: room, Users: -5, Crowded: true}},
	} {
		e.V, e.Store, e.Epoch, e.Node = 1, n.storeID, *n.epoch.Load(), "another"
		body, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("room:"+string(room), body)
	}
	f.Add("progress:c1", []byte(`{"v":1,"id":"c1","n":1,"text":"half"}`))
	f.Add("", []byte(`{"v":1}`))
	f.Fuzz(func(t *testing.T, key string, body []byte) {
		var e envelope
		if json.Unmarshal(body, &e) == nil && (e.Revoke != nil && e.Revoke.User == "ana") {
			t.Skip("that ends the session")
		}
		n.received(transport.Event{Key: key, Body: body})
		if e.Store != "" { // as if it were of this chat
			e.V, e.Store, e.Epoch = 1, n.storeID, *n.epoch.Load()
			if body, err := json.Marshal(e); err == nil {
				n.received(transport.Event{Key: key, Body: body})
			}
		}
		n.tellCrowds(time.Now(), true)
		s.Take(nil, 1<<30)
		switch err := s.Err(); {
		case errors.Is(err, ErrEpoch): // events that the log does not have
			s = connect(t)
		case err != nil:
			t.Fatal(err)
		}
	})
}
