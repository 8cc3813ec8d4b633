package ws

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func TestTwoTalk(t *testing.T) {
	s := start(t, nil, nil)
	ann, w := s.hello("ann")
	require.Equal(t, chat.UserID("u-ann"), w.User.ID)
	require.Equal(t, "s-ann", w.Session)
	require.NotEmpty(t, w.Epoch)
	require.Equal(t, 4000, w.Limits.TextRunes)
	require.Len(t, w.Rooms, 1)
	lobby := w.Rooms[0].ID
	bob, _ := s.hello("bob")

	reply := ann.ask("message", map[string]any{"room": lobby, "text": "hi <bob>", "data": map[string]any{"k": 1}})
	require.Equal(t, "ok", reply["type"], "%v", reply)
	e := bob.event(chat.Message)
	require.Equal(t, "hi <bob>", e.Text)
	require.Equal(t, "u-ann", string(e.User.ID))
	require.Equal(t, reply["seq"], float64(e.Seq))
	require.Equal(t, reply["time"], e.Time.Format("2006-01-02T15:04:05.000Z"))
	require.JSONEq(t, `{"k":1}`, string(e.Data))

	// Everything else that can be asked.
	room := string(lobby)
	reply = bob.ask("edit", map[string]any{"room": room, "seq": e.Seq, "text": "x"})
	require.Equal(t, "forbidden", code(reply))
	reply = ann.ask("edit", map[string]any{"room": room, "seq": e.Seq, "text": "hi"})
	require.Equal(t, "ok", reply["type"])
	reply = bob.ask("react", map[string]any{"room": room, "seq": e.Seq, "emoji": "👍", "on": true})
	require.Equal(t, "ok", reply["type"], "%v", reply)
	require.Equal(t, "👍", ann.event(chat.Reacted).Text)
	reply = bob.ask("history", map[string]any{"room": room, "limit": 2})
	require.Len(t, reply["events"], 2)
	require.Equal(t, true, reply["more"])
	reply = bob.ask("history", map[string]any{"room": room, "after": 0})
	require.Equal(t, "hi", reply["events"].([]any)[e.Seq-1].(map[string]any)["text"])
	reply = ann.ask("delete", map[string]any{"room": room, "seq": e.Seq})
	require.Equal(t, "ok", reply["type"])
	require.Equal(t, e.Seq, bob.event(chat.Deleted).Ref)

	reply = ann.ask("create_room", map[string]any{"name": "Tea", "kind": "private", "members": []string{"u-bob"}})
	require.Equal(t, "ok", reply["type"], "%v", reply)
	tea := reply["room"].(string)
	require.Equal(t, "Tea", reply["info"].(map[string]any)["name"])
	reply = bob.ask("message", map[string]any{"room": tea, "text": "tea!"})
	require.Equal(t, "ok", reply["type"])
	reply = ann.ask("update_room", map[string]any{"room": tea, "name": "Coffee"})
	require.Equal(t, "ok", reply["type"])
	require.Equal(t, "Coffee", bob.event(chat.Renamed).Text)
	reply = ann.ask("set_member", map[string]any{"room": tea, "user": "u-bob", "role": "admin"})
	require.Equal(t, "ok", reply["type"])
	reply = ann.ask("set_member", map[string]any{"room": tea, "user": "u-bob", "role": "admin"})
	require.Equal(t, "ok", reply["type"], "what changes nothing is ok")
	require.NotContains(t, reply, "seq")
	reply = ann.ask("members", map[string]any{"room": tea})
	require.Len(t, reply["members"], 2)
	reply = bob.ask("rooms", nil)
	require.Len(t, reply["rooms"], 2)
	for _, r := range reply["rooms"].([]any) {
		require.Contains(t, r, "role", "bob is a member of both")
	}
	reply = bob.ask("read", map[string]any{"room": room, "seq": 2})
	require.Equal(t, "ok", reply["type"])
	reply = bob.ask("direct", map[string]any{"user": "u-ann"})
	require.Equal(t, "direct", reply["info"].(map[string]any)["kind"], "%v", reply)
	reply = bob.ask("leave", map[string]any{"room": tea})
	require.Equal(t, "ok", reply["type"], "%v", reply)
	for _, typ := range []string{"invite", "remove", "ban", "unban"} {
		reply = ann.ask(typ, map[string]any{"room": tea, "user": "u-bob"})
		require.Equal(t, "ok", reply["type"], "%s: %v", typ, reply)
	}
	reply = bob.ask("join", map[string]any{"room": tea})
	require.Equal(t, "not_found", code(reply), "a private room is not known to others")
	reply = bob.ask("commands", nil)
	require.Contains(t, reply, "commands")
	reply = bob.ask("ping", nil)
	require.Contains(t, reply, "time")
}

func TestHelloComesFirst(t *testing.T) {
	s := start(t, nil, nil)
	p := s.connect("ann")
	p.send(`{"type":"ping","id":"q1"}`)
	require.Equal(t, "bad_request", code(p.reply("q1")))
	c, _ := p.closed()
	require.Equal(t, codePolicy, c)
}

// 84, 85, 87: a request that is sent again, also on another connection.
func TestSentAgain(t *testing.T) {
	s := start(t, nil, nil)
	p, w := s.hello("ann")
	lobby := w.Rooms[0].ID
	frame := fmt.Sprintf(`{"type":"message","id":"%s","room":"%s","text":"once"}`, key, lobby)
	p.send("%s", frame)
	first := p.reply(key)
	p.send("%s", frame)
	again := p.reply(key)
	require.Equal(t, first["seq"], again["seq"])
	require.Equal(t, true, again["dup"])
	other, _ := s.hello("ann")
	other.send("%s", frame)
	require.Equal(t, first["seq"], other.reply(key)["seq"])
	p.send(`{"type":"message","id":"%s","room":"%s","text":"twice"}`, key, lobby)
	require.Equal(t, "id_reused", code(p.reply(key)))
}

// 82: rooms that one may not know of and rooms that are not there look alike.
func TestUnknownRooms(t *testing.T) {
	s := start(t, nil, nil)
	ann, _ := s.hello("ann")
	bob, _ := s.hello("bob")
	secret := ann.ask("create_room", map[string]any{"name": "Secret", "kind": "private"})["room"]
	for _, typ := range []string{"message", "history", "members", "join", "leave"} {
		mine := bob.ask(typ, map[string]any{"room": secret, "text": "x"})
		none := bob.ask(typ, map[string]any{"room": "none", "text": "x"})
		require.Equal(t, "not_found", code(mine), typ)
		require.Equal(t, mine["error"], none["error"], typ)
	}
}

// A faulty frame gets an error; many end the connection.
func TestFaultyFrames(t *testing.T) {
	s := start(t, nil, nil)
	p, _ := s.hello("ann")
	for range 10 {
		p.send(`{"type":"nonsense","id":"q1"}`)
	}
	for range 10 {
		require.Equal(t, "unknown_type", code(p.reply("q1")))
	}
	c, _ := p.closed()
	require.Equal(t, codeFlood, c)
}

func TestSecondHello(t *testing.T) {
	s := start(t, nil, nil)
	p, w := s.hello("ann")
	bob, _ := s.hello("bob")
	lobby := w.Rooms[0].ID
	for i := range 100 {
		bob.send(`{"type":"message","id":"message-%08d","room":"%s","text":"%d"}`, i, lobby, i)
		if i == 50 {
			p.send(`{"type":"hello","id":"h2","epoch":"%s","rooms":{"%s":1}}`, w.Epoch, lobby)
		}
	}
	// Up to the welcome come events of the old session, then those of the new
	// one: again from 2 on, without a hole.
	p.until("welcome")
	for want := chat.Seq(2); want < 100; want++ {
		e, err := as[chat.Event](p.until("event"))
		require.NoError(t, err)
		require.Equal(t, want, e.Seq)
	}
}

func TestResume(t *testing.T) {
	s := start(t, &chat.Options{Limits: chat.Limits{Replay: 20}}, nil)
	ann, w := s.hello("ann")
	lobby := w.Rooms[0].ID
	bob, _ := s.hello("bob")
	bob.ws.CloseNow()
	var last any
	for i := range 10 {
		last = ann.ask("message", map[string]any{"room": lobby, "text": fmt.Sprint(i)})["seq"]
	}
	bob = s.connect("bob")
	w = bob.hello(fmt.Sprintf(`{"type":"hello","id":"h1","epoch":"%s","rooms":{"%s":2}}`, w.Epoch, lobby))
	require.Equal(t, last, float64(w.Rooms[0].Head))
	for want := chat.Seq(3); want <= w.Rooms[0].Head; want++ {
		e, err := as[chat.Event](bob.until("event"))
		require.NoError(t, err)
		require.Equal(t, want, e.Seq)
	}

	// 89: ahead of the head, and of another epoch.
	for _, hello := range []string{
		fmt.Sprintf(`{"type":"hello","id":"h1","epoch":"%s","rooms":{"%s":2}}`, "another", lobby),
		fmt.Sprintf(`{"type":"hello","id":"h1","epoch":"%s","rooms":{"%s":%d}}`, w.Epoch, lobby, w.Rooms[0].Head+1),
		fmt.Sprintf(`{"type":"hello","id":"h1","epoch":"%s","rooms":{"%s":%d}}`, w.Epoch, lobby, int64(maxSeq)),
	} {
		p := s.connect("bob")
		p.hello(hello)
		gap, err := as[chat.Gap](p.until("gap"))
		require.NoError(t, err)
		require.True(t, gap.Reset)
		require.Equal(t, w.Rooms[0].Head, gap.Head)
	}
	for i := range 20 {
		ann.ask("message", map[string]any{"room": lobby, "text": fmt.Sprint(i)})
	}
	p := s.connect("bob")
	p.hello(fmt.Sprintf(`{"type":"hello","id":"h1","epoch":"%s","rooms":{"%s":2}}`, w.Epoch, lobby))
	gap, err := as[chat.Gap](p.until("gap"))
	require.NoError(t, err)
	require.False(t, gap.Reset)
	require.Equal(t, chat.Seq(2), gap.After)
}

// Who comes back for events that are not kept any more is told which are.
func TestResumeBelowTheFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, &chat.Options{Retention: chat.Retention{Age: 48 * time.Hour}}, nil)
		defer s.stop()
		ann, w := s.hello("ann")
		lobby := w.Rooms[0].ID
		say := func() {
			for i := range 5 {
				ann.ask("message", map[string]any{"room": lobby, "text": fmt.Sprint(i)})
			}
			ann.ws.CloseNow()
		}
		say() // 3 to 7
		time.Sleep(24 * time.Hour)
		ann, _ = s.hello("ann")
		ann.n = 100 // ids that were not used before
		say()       // 8 to 12
		time.Sleep(24*time.Hour + 2*time.Minute)

		p := s.connect("ann")
		p.hello(fmt.Sprintf(`{"type":"hello","id":"h1","epoch":"%s","rooms":{"%s":2}}`, w.Epoch, lobby))
		gap, err := as[chat.Gap](p.until("gap"))
		require.NoError(t, err)
		require.Equal(t, chat.Gap{Room: lobby, After: 2, Head: 7, Floor: 8}, gap)
		for want := chat.Seq(8); want <= 12; want++ {
			require.Equal(t, want, p.event(chat.Message).Seq)
		}
	})
}

func TestPanicEndsOnlyItsConnection(t *testing.T) {
	s := start(t, nil, nil)
	s.h.hub = panicHub{s.node}
	p, w := s.hello("ann")
	other, _ := s.hello("bob")
	p.send(`{"type":"message","id":"%s","room":"%s","text":"x"}`, key, w.Rooms[0].ID)
	c, _ := p.closed()
	require.Equal(t, codeInternal, c)
	require.Equal(t, "ok", other.ask("ping", nil)["type"])
}

type panicHub struct{ chat.Hub }

func (panicHub) Room(context.Context, chat.UserID, chat.RoomID) (chat.Room, error) { panic("oops") }

// A hello that the hub refuses says why, and closes with what that means.
func TestRefusedHello(t *testing.T) {
	for _, tt := range []struct {
		err     error
		code    string
		closing int
	}{
		{chat.ErrRevoked, "unauthorized", codeRevoked},
		{chat.ErrExpired, "unauthorized", codeExpired},
		{chat.ErrForbidden, "forbidden", codeForbidden},
		{chat.ErrUnavailable, "unavailable", codeTryLater},
		{chat.ErrClosed, "unavailable", codeRestart},
		{chat.ErrBusy, "overloaded", codeTryLater},
		{chat.ErrStale, "unavailable", codeTryLater},
		{chat.ErrEpoch, "unavailable", codeEpoch},
		{context.DeadlineExceeded, "unavailable", codeTryLater},
		{fmt.Errorf("odd"), "internal", codeInternal},
	} {
		t.Run(fmt.Sprint(tt.err), func(t *testing.T) {
			s := start(t, nil, nil)
			s.h.hub = refusingHub{s.node, tt.err}
			p := s.connect("ann")
			p.send(`{"type":"hello","id":"h1"}`)
			require.Equal(t, tt.code, code(p.reply("h1")))
			c, _ := p.closed()
			require.Equal(t, tt.closing, c)
		})
	}
}

type refusingHub struct {
	chat.Hub
	err error
}

func (h refusingHub) Connect(context.Context, chat.Principal, *chat.SessionOptions) (*chat.Session, error) {
	return nil, fmt.Errorf("connect: %w", h.err)
}
