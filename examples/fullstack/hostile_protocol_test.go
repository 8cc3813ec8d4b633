package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// roomID is the id of the room at a URL.
func roomID(url string) string { return url[strings.LastIndex(url, "/")+1:] }

// newID is short for a fresh idempotency key.
func newID() string { return chat.NewID() }

// protocol are 80 to 100: frames that are well formed and wrong. Each has a user
// of its own, so that no limit of one is in the way of the next.
func (g *target) protocol() map[int]func() {
	// with gives a case a user, a socket and a room.
	with := func(f func(p person, s *rawSocket, room, id string)) func() {
		return func() {
			g.t.Helper()
			p := g.user()
			room := g.room(p)
			s := g.raw(p)
			defer s.c.Close()
			f(p, s, room, roomID(room))
		}
	}
	say := func(room, text string) string {
		b, err := json.Marshal(map[string]string{"type": "message", "id": newID(), "room": room, "text": text})
		require.NoError(g.t, err)
		return string(b)
	}
	// codes asks each request and says which code it must have. Few at a time
	// count as mistakes.
	codes := func(p person, want string, requests ...string) {
		g.t.Helper()
		for i := 0; i < len(requests); i += 8 {
			s := g.raw(p)
			for _, r := range requests[i:min(i+8, len(requests))] {
				require.Equal(g.t, want, s.ask(r), "%.100s", r)
			}
			s.c.Close()
		}
	}
	return map[int]func(){
		80: with(func(_ person, s *rawSocket, _, _ string) {
			require.Equal(g.t, "unknown_type", s.ask(`{"type":"sudo","id":"a"}`))
			require.Equal(g.t, "ok", s.ask(`{"type":"ping","id":"b"}`), "the connection stays")
		}),
		81: with(func(p person, _ *rawSocket, _, id string) {
			codes(p, "bad_request",
				`{"type":"message","id":"`+newID()+`","room":"`+id+`"}`,
				`{"type":"message","id":"`+newID()+`","text":"x"}`,
				`{"type":"message","id":"`+newID()+`","room":null,"text":"x"}`,
				`{"type":"message","id":"`+newID()+`","room":"`+id+`","text":["x"]}`,
				`{"type":null,"id":"a"}`, `{"id":"a"}`)
		}),
		82: with(func(_ person, s *rawSocket, _, _ string) {
			private := g.rooms["private"]
			for _, room := range []string{"nowhere", roomID(private)} {
				require.Equal(g.t, "not_found", s.ask(say(room, "x")))
				require.Equal(g.t, "not_found", s.ask(`{"type":"history","id":"a","room":"`+room+`"}`))
			}
		}),
		83: with(func(p person, s *rawSocket, room, id string) {
			require.Equal(g.t, "ok", s.ask(`{"type":"message","id":"`+newID()+`","room":"`+id+`","text":"x","from":"`+g.john.id+
				`","user":{"id":"`+g.john.id+`"},"user_id":"`+g.john.id+`","sender":"john","ts":1,"time":"2001-01-01T00:00:00.000Z","bot":true}`))
			last := g.last(p, room)
			require.Equal(g.t, p.id, string(last.User.ID))
			require.WithinDuration(g.t, time.Now(), last.Time, time.Hour)
		}),
		84: with(func(p person, s *rawSocket, room, id string) {
			request := say(id, "once")
			require.Equal(g.t, "ok", s.ask(request))
			head := g.last(p, room).Seq
			require.Equal(g.t, "ok", s.ask(request))
			require.Equal(g.t, head, g.last(p, room).Seq)
		}),
		85: with(func(p person, s *rawSocket, room, id string) {
			request := say(id, "once")
			require.Equal(g.t, "ok", s.ask(request))
			require.Equal(g.t, "id_reused", s.ask(strings.Replace(request, "once", "twice", 1)))
			require.Equal(g.t, "once", g.last(p, room).Text)
		}),
		86: with(func(p person, _ *rawSocket, _, id string) {
			for _, bad := range []string{strings.Repeat("a", 65), "short", "spaces in an id are bad", "ümlaut-in-an-identifier"} {
				codes(p, "bad_request", `{"type":"message","id":"`+bad+`","room":"`+id+`","text":"x"}`)
			}
		}),
		87: with(func(p person, s *rawSocket, room, id string) {
			request := say(id, "captured")
			require.Equal(g.t, "ok", s.ask(request))
			head := g.last(p, room).Seq
			other := g.raw(p)
			require.Equal(g.t, "ok", other.ask(request))
			require.Equal(g.t, head, g.last(p, room).Seq)
			stranger := g.raw(g.user())
			require.Equal(g.t, "forbidden", stranger.ask(request), "for somebody else it is nothing of his")
		}),
		88: with(func(p person, _ *rawSocket, _, id string) {
			var requests []string
			for _, n := range []string{"-1", "1.0", "1e3", "18446744073709551616", `"1"`, "true", "1099511627776"} {
				requests = append(requests, fmt.Sprintf(`{"type":"read","id":"a","room":"%s","seq":%s}`, id, n),
					fmt.Sprintf(`{"type":"history","id":"a","room":"%s","before":%s}`, id, n))
			}
			codes(p, "bad_request", requests...)
		}),
		89: with(func(_ person, s *rawSocket, _, id string) {
			s.write(textFrame(`{"type":"hello","id":"h2"}`))
			epoch := s.reply("h2")["epoch"].(string)
			s.write(textFrame(`{"type":"hello","id":"h3","epoch":"` + epoch + `","rooms":{"` + id + `":1000000}}`))
			require.Equal(g.t, "welcome", s.reply("h3")["type"])
			for {
				if gap := s.text(); strings.Contains(gap, `"gap"`) {
					require.Contains(g.t, gap, `"reset":true`)
					break
				}
			}
			require.Equal(g.t, "ok", s.ask(say(id, "and it goes on")))
		}),
		90: with(func(p person, _ *rawSocket, _, _ string) {
			codes(p, "bad_request", `{"type":"ping","id":"a","x":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+`}`,
				`{"type":"ping","type":"ping","id":"a"}`, `{"type":"ping","id":"a"/**/}`, "\ufeff"+`{"type":"ping","id":"a"}`, `{"type":"ping","id":"a"}{}`)
		}),
		91: with(func(p person, _ *rawSocket, _, id string) {
			codes(p, "empty", say(id, ""), say(id, " \n\t"), say(id, "\u200b\u200d\ufeff"))
			codes(p, "too_long", say(id, strings.Repeat("x", 4001)), say(id, strings.Repeat("😀", 4001)))
		}),
		92: with(func(p person, s *rawSocket, room, id string) {
			codes(p, "bad_request", say(id, "a\x00b"), say(id, "a\x1b[2Jb"), say(id, "a\u0085b"), say(id, "a\u007fb"))
			require.Equal(g.t, "ok", s.ask(say(id, "a\u2028b\n\tc")))
			require.Equal(g.t, "a\u2028b\n\tc", g.last(p, room).Text)
		}),
		93: with(func(p person, s *rawSocket, room, id string) {
			require.Equal(g.t, "ok", s.ask(say(id, "a\u202eb\u2066c")))
			require.Equal(g.t, "a\u202eb\u2066c", g.last(p, room).Text)
			g.refusal(g.as(p, "POST", g.chat+"/api/rooms", `{"id":"`+newID()+`","name":"evil\u202eroom"}`), 400, "name")
		}),
		94: with(func(p person, s *rawSocket, room, id string) {
			zalgo := "a" + strings.Repeat("\u0301", 500)
			require.Equal(g.t, "ok", s.ask(say(id, zalgo)))
			require.Equal(g.t, zalgo, g.last(p, room).Text)
			g.refusal(g.as(p, "POST", g.chat+"/api/rooms", `{"id":"`+newID()+`","name":"`+zalgo[:100]+`"}`), 400, "name")
		}),
		95: with(func(p person, s *rawSocket, room, id string) {
			for _, text := range []string{"👩‍👩‍👧‍👦", "🇩🇪🏳️‍🌈", strings.Repeat("😀", 4000), "e\u0301 \u00e9"} {
				require.Equal(g.t, "ok", s.ask(say(id, text)))
				require.Equal(g.t, text, g.last(p, room).Text, "byte for byte")
			}
		}),
		96: with(func(p person, _ *rawSocket, _, id string) {
			codes(p, "bad_request", `{"type":"message","id":"`+newID()+`","room":"`+id+`","text":"\u0000"}`)
			g.refusal(g.as(p, "POST", g.chat+"/api/rooms", `{"id":"`+newID()+`","name":"a\u0000b"}`), 400, "name")
			g.refusal(g.as(p, "GET", g.chat+"/api/rooms/%00", ""), 404, "room")
			require.Less(g.t, g.as(p, "GET", g.auth+"/auth/users?q=%00", "").status, 500)
		}),
		97: with(func(p person, _ *rawSocket, room, _ string) {
			for _, name := range []string{`'; DROP TABLE rooms; --`, `<img src=x onerror=alert(1)>`, `=1+1`, `../../etc/passwd`, `#.*`, `%00`} {
				b, err := json.Marshal(map[string]string{"id": newID(), "name": name + " " + newID()})
				require.NoError(g.t, err)
				var made struct{ Room chat.RoomInfo }
				g.read(g.as(p, "POST", g.chat+"/api/rooms", string(b)), &made)
				require.True(g.t, strings.HasPrefix(made.Room.Name, name))
				require.Regexp(g.t, `^[A-Za-z0-9_-]{1,64}$`, string(made.Room.ID), "the id is the server's")
			}
			g.refusal(g.as(p, "PATCH", room, `{"id":"`+newID()+`","name":"a\u200bb"}`), 400, "name")
		}),
		98: with(func(p person, s *rawSocket, room, id string) {
			guest := g.raw(g.user())
			require.Equal(g.t, "ok", guest.ask(`{"type":"join","id":"`+newID()+`","room":"`+id+`"}`))
			head := g.last(p, room).Seq
			s.write(bytes.Repeat(textFrame(`{"type":"typing","id":"a","room":"`+id+`"}`), 100))
			require.Equal(g.t, "ok", s.ask(`{"type":"ping","id":"c"}`), "all of it is served")
			require.Equal(g.t, head, g.last(p, room).Seq, "nothing of it is stored")
			guest.write(textFrame(`{"type":"ping","id":"b"}`))
			told := 0
			for reply := ""; !strings.Contains(reply, `"re":"b"`); reply = guest.text() {
				if strings.Contains(reply, `"typing"`) {
					told++
				}
			}
			require.LessOrEqual(g.t, told, 10, "and little is told")
			// 40 at once, 20 a second: all are sent before the first is answered.
			s.write(bytes.Repeat(textFrame(`{"type":"rooms","id":"a"}`), 200))
			g.limited(200, func() bool { return codeOf(s.reply("a")) == "rate_limited" })
		}),
		99: with(func(p person, s *rawSocket, _, _ string) {
			require.Equal(g.t, "not_found", s.ask(`{"type":"direct","id":"`+newID()+`","user":"nobody"}`))
			require.Equal(g.t, "ok", s.ask(`{"type":"direct","id":"`+newID()+`","user":"`+p.id+`"}`), "notes of one's own")
		}),
		100: with(func(p person, s *rawSocket, room, id string) {
			guest := g.user()
			theirs := g.raw(guest)
			require.Equal(g.t, "ok", theirs.ask(`{"type":"join","id":"`+newID()+`","room":"`+id+`"}`))
			var wg sync.WaitGroup
			wg.Go(func() {
				for range 15 {
					theirs.c.Write(textFrame(say(id, "still here"))) //nolint:errcheck // what is in the room tells
				}
			})
			require.Equal(g.t, "ok", s.ask(`{"type":"remove","id":"`+newID()+`","room":"`+id+`","user":"`+guest.id+`"}`))
			wg.Wait()
			require.Equal(g.t, "forbidden", theirs.ask(say(id, "late")))
			removed := false
			for _, e := range g.events(p, room) {
				require.False(g.t, removed && string(e.User.ID) == guest.id, "nothing of the removed member is after the removal")
				removed = removed || e.Kind == chat.Left
			}
			require.True(g.t, removed)
		}),
	}
}

// events returns what stands in a room.
func (g *target) events(p person, room string) []chat.Event {
	g.t.Helper()
	var page chat.Page
	g.read(g.as(p, "GET", room+"/messages?limit=200", ""), &page)
	return page.Events
}

// last returns the newest event of a room.
func (g *target) last(p person, room string) chat.Event {
	g.t.Helper()
	all := g.events(p, room)
	require.NotEmpty(g.t, all)
	return all[len(all)-1]
}
