package ws

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// line is a session over plain TCP that asks one thing after the other.
type line struct {
	t    *testing.T
	c    net.Conn
	br   *bufio.Reader
	room chat.RoomID // the lobby
	n    int
}

func (s *testServer) line(t *testing.T, user string) *line {
	t.Helper()
	resp, c, br := s.handshake(t, get, but(good(s), "Authorization: Bearer "+user)...)
	require.Equal(t, 101, resp.StatusCode)
	l := &line{t: t, c: c, br: br}
	l.send(`{"type":"hello","id":"h1"}`)
	w, err := as[welcomeReply](l.until("h1"))
	require.NoError(t, err)
	l.room = w.Rooms[0].ID
	return l
}

func (l *line) send(frame string) {
	l.t.Helper()
	_, err := l.c.Write(text(frame))
	require.NoError(l.t, err)
}

// until reads on to the reply to id; "null" is that to an unreadable id.
func (l *line) until(id string) []byte {
	l.t.Helper()
	for {
		_, b, err := readFrame(l.br)
		require.NoError(l.t, err)
		h, err := as[struct {
			Re json.RawMessage `json:"re"`
		}](b)
		require.NoError(l.t, err)
		if re := strings.Trim(string(h.Re), `"`); re == id {
			return b
		}
	}
}

// ask fills ~ID~ and ~ROOM~ in, and returns the reply.
func (l *line) ask(frame string) map[string]any {
	l.t.Helper()
	l.n++
	id := fmt.Sprintf("request-%08d", l.n)
	l.send(strings.NewReplacer("~ID~", id, "~ROOM~", string(l.room)).Replace(frame))
	return members(l.t, l.until(id))
}

func (l *line) say(text string) map[string]any {
	b, err := json.Marshal(text)
	require.NoError(l.t, err)
	return l.ask(`{"type":"message","id":"~ID~","room":"~ROOM~","text":` + string(b) + `}`)
}

// Whatever a client asks for, it gets an answer with a stable code, nothing is
// stored that should not be, and the connection goes on.
func TestHostileRequests(t *testing.T) {
	s := start(t, nil, nil)
	ann, bob := s.line(t, "ann"), s.line(t, "bob")
	message := `{"type":"message","id":"~ID~","room":"~ROOM~",`
	for _, tt := range []struct{ name, frame, code string }{
		{"80 unknown type", `{"type":"shout","id":"~ID~"}`, "unknown_type"},
		{"81 no text", message + `"x":1}`, "bad_request"},
		{"81 null", message + `"text":null}`, "bad_request"},
		{"82 unknown room", `{"type":"message","id":"~ID~","room":"none","text":"x"}`, "not_found"},
		{"86 short key", `{"type":"join","id":"~ID~x","room":"~ROOM~","id":"q"}`, ""},
		{"88 seq beyond the head", `{"type":"delete","id":"~ID~","room":"~ROOM~","seq":1099511627775}`, "not_found"},
		{"88 history beyond the head", `{"type":"history","id":"~ID~","room":"~ROOM~","after":1099511627775}`, "ok"},
		{"91 empty", message + `"text":""}`, "empty"},
		{"91 white space", message + `"text":" \t\n\u00a0\u2003"}`, "empty"},
		{"91 zero width", message + `"text":"\u200b\u200d\ufeff\u2060"}`, "empty"},
		{"91 4,001 code points", message + `"text":"` + strings.Repeat("x", 4001) + `"}`, "too_long"},
		{"91 over 16 KiB", message + `"text":"` + strings.Repeat("😀", 4097) + `"}`, "too_long"},
		{"91 4,000 code points", message + `"text":"` + strings.Repeat("😀", 4000) + `"}`, "ok"},
		{"92 NUL", message + `"text":"a\u0000b"}`, "bad_request"},
		{"92 C0", message + `"text":"a\u001bb"}`, "bad_request"},
		{"92 DEL", message + `"text":"a\u007fb"}`, "bad_request"},
		{"92 C1", message + `"text":"a\u0085b"}`, "bad_request"},
		{"92 raw control", message + "\"text\":\"a\x01b\"}", "null"},
		{"92 newline and tab", message + `"text":"a\n\tb"}`, "ok"},
		{"92 line separator", message + `"text":"a\u2028b"}`, "ok"},
		{"93 bidi in text", message + `"text":"\u202egnp.exe"}`, "ok"},
		{"93 bidi in a name", `{"type":"create_room","id":"~ID~","name":"\u202egnp"}`, "bad_request"},
		{"93 isolate in a name", `{"type":"create_room","id":"~ID~","name":"a\u2066b"}`, "bad_request"},
		{"94 zalgo", message + `"text":"` + "z" + strings.Repeat("\u0301", 500) + `"}`, "ok"},
		{"94 zalgo in a name", `{"type":"create_room","id":"~ID~","name":"` + "z" + strings.Repeat("\u0301", 3) + `"}`, "bad_request"},
		{"97 punctuation in a name", `{"type":"create_room","id":"~ID~","name":"=' ; -- \" < > & + @ %00 ../ . # *"}`, "ok"},
		{"97 zero width in a name", `{"type":"create_room","id":"~ID~","name":"a\u200bb"}`, "bad_request"},
		{"97 newline in a name", `{"type":"create_room","id":"~ID~","name":"a\nb"}`, "bad_request"},
		{"97 empty name", `{"type":"create_room","id":"~ID~","name":" "}`, "empty"},
		{"97 81 code points", `{"type":"create_room","id":"~ID~","name":"` + strings.Repeat("é", 81) + `"}`, "too_long"},
		{"99 with oneself", `{"type":"direct","id":"~ID~","user":"u-ann"}`, "ok"},
		{"99 with nobody", `{"type":"direct","id":"~ID~","user":"u-none"}`, "not_found"},
		{"99 with the system", `{"type":"direct","id":"~ID~","user":"system"}`, "bad_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ann.t = t
			if tt.code == "" || tt.code == "null" { // the id can't be read
				ann.send(strings.NewReplacer("~ID~", key, "~ROOM~", string(ann.room)).Replace(tt.frame))
				require.Equal(t, "bad_request", code(members(t, ann.until("null"))))
				return
			}
			reply := ann.ask(tt.frame)
			if tt.code == "ok" {
				require.Equal(t, "ok", reply["type"], "%v", reply)
				return
			}
			require.Equal(t, tt.code, code(reply), "%v", reply)
		})
		if t.Failed() {
			return
		}
		if tt.code == "bad_request" || tt.code == "unknown_type" || tt.code == "" || tt.code == "null" {
			ann.c.Close() // many faulty frames would end it
			n := ann.n
			ann = s.line(t, "ann")
			ann.n = n
		}
	}
	bob.t = t
	require.Equal(t, "ok", bob.ask(`{"type":"ping","id":"~ID~"}`)["type"], "nobody else was harmed")
}

// 83: who one is and when it was is not for the client to say.
func TestForgedAuthor(t *testing.T) {
	s := start(t, nil, nil)
	ann, bob := s.line(t, "ann"), s.line(t, "bob")
	reply := ann.ask(`{"type":"message","id":"~ID~","room":"~ROOM~","text":"it was bob","from":"u-bob","sender":"u-bob","user":{"id":"u-bob"},
		"user_id":"u-bob","seq":99,"ts":1,"time":"2001-01-01T00:00:00.000Z"}`)
	require.Equal(t, "ok", reply["type"], "%v", reply)
	page := bob.ask(`{"type":"history","id":"~ID~","room":"~ROOM~","limit":1}`)
	e := page["events"].([]any)[0].(map[string]any)
	require.Equal(t, "u-ann", e["user"].(map[string]any)["id"])
	require.Equal(t, reply["seq"], e["seq"])
	require.NotContains(t, e["time"], "2001")
}

// 95: what was said comes back byte for byte.
func TestTextComesBack(t *testing.T) {
	s := start(t, nil, nil)
	ann, bob := s.line(t, "ann"), s.line(t, "bob")
	for _, said := range []string{"👩‍👩‍👧‍👦", "🇨🇴🇬🇧", "👍🏽", "𝒳", "e\u0301 é", "مرحبا", "a\u2028b</script>", `\"\u0041`} {
		reply := ann.say(said)
		require.Equal(t, "ok", reply["type"], said)
		page := bob.ask(`{"type":"history","id":"~ID~","room":"~ROOM~","limit":1}`)
		require.Equal(t, said, page["events"].([]any)[0].(map[string]any)["text"])
	}
}

// 98: what costs little to ask for in great number is limited, too.
func TestGreed(t *testing.T) {
	s := start(t, &chat.Options{Limits: chat.Limits{
		Rooms: chat.Rate{PerSecond: 0.001, Burst: 3}, Joins: chat.Rate{PerSecond: 0.001, Burst: 5}, Requests: chat.Rate{PerSecond: 0.001, Burst: 30},
	}}, nil)
	ann, bob := s.line(t, "ann"), s.line(t, "bob")
	head := func() any {
		return bob.ask(`{"type":"history","id":"~ID~","room":"~ROOM~","limit":1}`)["head"]
	}
	before := head()
	limited := func(frame string) int {
		for i := range 100 {
			if reply := ann.ask(frame); code(reply) == "rate_limited" {
				require.Positive(t, reply["error"].(map[string]any)["retry_after_ms"])
				return i
			}
		}
		return -1
	}
	require.Equal(t, 3, limited(`{"type":"create_room","id":"~ID~","name":"~ID~"}`))
	require.Equal(t, 5, limited(`{"type":"join","id":"~ID~","room":"~ROOM~"}`))
	require.Equal(t, 30, limited(`{"type":"join","id":"~ID~","room":"~ID~"}`), "guesses at rooms")
	require.Zero(t, limited(`{"type":"members","id":"~ID~","room":"~ROOM~"}`))
	for range 50 { // coalesced, and never stored
		ann.send(`{"type":"typing","room":"` + string(ann.room) + `"}`)
	}
	require.Equal(t, "ok", ann.ask(`{"type":"ping","id":"~ID~"}`)["type"])
	require.Equal(t, before, head())
}

// 100: a removed member's message is refused, and nothing reaches the member
// after the removal.
func TestRemoved(t *testing.T) {
	s := start(t, nil, nil)
	ann, bob := s.line(t, "ann"), s.line(t, "bob")
	reply := ann.ask(`{"type":"create_room","id":"~ID~","name":"Tea","kind":"private","members":["u-bob"]}`)
	tea := reply["room"].(string)
	require.Equal(t, "ok", ann.ask(`{"type":"remove","id":"~ID~","room":"` + tea + `","user":"u-bob"}`)["type"])
	for range 3 {
		require.Equal(t, "ok", ann.ask(`{"type":"message","id":"~ID~","room":"` + tea + `","text":"secret"}`)["type"])
	}
	bob.send(`{"type":"message","id":"` + key + `","room":"` + tea + `","text":"still here"}`)
	var last string
	for {
		_, b, err := readFrame(bob.br)
		require.NoError(t, err)
		require.NotContains(t, string(b), "secret")
		m := members(t, b)
		if m["re"] == key {
			require.Equal(t, "not_found", code(m))
			break
		}
		if m["room"] == tea {
			last = m["kind"].(string)
		}
	}
	require.Equal(t, "left", last)
}
