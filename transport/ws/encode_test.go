package ws

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// payload takes the header off a frame, and checks it.
func payload(t testing.TB, frame []byte) []byte {
	t.Helper()
	require.Equal(t, byte(0x81), frame[0], "a final text frame")
	n, at := int(frame[1]), 2
	switch n {
	case 126:
		n, at = int(frame[2])<<8|int(frame[3]), 4
		require.GreaterOrEqual(t, n, 126, "the shortest form of the length")
	case 127:
		n, at = 0, 10
		for _, b := range frame[2:10] {
			n = n<<8 | int(b)
		}
		require.GreaterOrEqual(t, n, 1<<16, "the shortest form of the length")
	}
	require.Len(t, frame[at:], n)
	return frame[at:]
}

func members(t testing.TB, b []byte) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal(b, &m), "%s", b)
	return m
}

var sampleTime = time.Date(2026, 11, 23, 21, 54, 0, 120e6, time.UTC)

func sampleEvent() chat.Event {
	john := chat.User{ID: "u-john", Name: "John"}
	return chat.Event{
		Room: "r1", Seq: 7, ID: "9Yw2kU5mR0a1nXb3cQ4dEf", Kind: chat.Message, Time: sampleTime, User: john,
		Target: &chat.User{ID: "bot:stock", Name: "stock", Bot: true}, Ref: 3, Text: "a < b & \"c\"\n\\ é \u2028 😀",
		Role: chat.Admin, Off: true, Mentions: []chat.UserID{"u-a", "u-b"},
		Call: &chat.CallRef{ID: "c1", Name: "stock", By: john}, Data: json.RawMessage(`{"k": [1, "<"]}`),
		EditedBy: 9, DeletedBy: 11, Reactions: []chat.Reaction{{Text: "👍", Count: 2, Users: []chat.UserID{"u-a", "u-b"}}},
	}
}

// The hand-written encoders say what the JSON tags of package chat say, so that
// a field that is added there and not here is noticed.
func TestEncodersAgreeWithTags(t *testing.T) {
	e := sampleEvent()
	room := chat.RoomInfo{
		ID: "r1", Name: "Lobby", Kind: chat.Public, Archived: true, Hides: true, Created: sampleTime,
		Data: json.RawMessage(`{"a":1}`), Head: 9, Floor: 1, Members: 3, With: &e.User,
	}
	member := chat.Member{User: e.User, Role: chat.Owner, Banned: true, Since: 3, Read: 4, Online: true}
	online, count := false, 2
	notice := chat.Notice{Kind: chat.Added, Room: &room, In: "r2", User: &e.User, Online: &online, Count: &count, Seq: 7, Call: "c1", Text: "half"}
	tests := []struct {
		name  string
		value any
		write func(*object)
	}{
		{"event", e, func(o *object) { o.event(&e) }},
		{"room", room, func(o *object) { o.room(&room) }},
		{"entry", chat.InboxEntry{RoomInfo: room, Role: chat.Owner, Read: 4, Unread: 5, Last: &e},
			func(o *object) {
				o.entry(&chat.InboxEntry{RoomInfo: room, Role: chat.Owner, Read: 4, Unread: 5, Last: &e})
			}},
		{"member", member, func(o *object) { o.member(&member) }},
		{"notice", notice, func(o *object) { o.notice(&notice) }},
		{"outcome", sampleOutcome(), func(o *object) { c := sampleOutcome(); o.outcome(&c) }},
		{"gap", chat.Gap{Room: "r1", After: 1, Head: 5, Floor: 2, Reset: true},
			func(o *object) { o.gap(&chat.Gap{Room: "r1", After: 1, Head: 5, Floor: 2, Reset: true}) }},
		{"spec", sampleSpec(), func(o *object) { s := sampleSpec(); o.spec(&s) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			requireFilled(t, reflect.ValueOf(tt.value))
			b, err := json.Marshal(tt.value)
			require.NoError(t, err)
			want := members(t, b)
			o := begin("x")
			tt.write(&o)
			got := members(t, payload(t, o.frame()))
			delete(got, "type")
			require.Equal(t, fixTimes(want), got)
		})
	}
}

func sampleOutcome() chat.Outcome {
	return chat.Outcome{
		ID: "9Yw2kU5mR0a1nXb3cQ4dEf", Call: "c1", Room: "r1", Status: chat.CallFailed, Text: "only you", Seqs: []chat.Seq{4, 5},
		Error: &chat.Error{Code: "usage", Message: "/stock <symbol>", Field: "text", RetryAfter: 500},
	}
}

func sampleSpec() command.Spec {
	return command.Spec{
		Bot: "stock", Name: "stock", Summary: "A quote", Usage: "/stock <symbol>", Timeout: 5 * time.Second, Roles: []string{"owner", "admin"},
		Args: []command.Arg{{
			Name: "symbol", Type: command.TypeEnum, Help: "as in AAPL.US", Required: true, List: true, Rest: true,
			Default: "x", Choices: []string{"x", "y"}, Min: "1", Max: "2",
		}},
	}
}

// requireFilled fails for a zero field that has a JSON name: then the test
// would not see whether it is encoded.
func requireFilled(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Tag.Get("json") == "-" || f.Anonymous {
			continue
		}
		require.False(t, v.Field(i).IsZero(), "%s.%s is zero: fill the sample", v.Type(), f.Name)
	}
}

// fixTimes writes times as the wire has them.
func fixTimes(m map[string]any) map[string]any {
	for k, v := range m {
		switch v := v.(type) {
		case string:
			if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
				m[k] = at.Format("2006-01-02T15:04:05.000Z")
			}
		case map[string]any:
			fixTimes(v)
		}
	}
	return m
}

func TestEncodedOnceAndAsIs(t *testing.T) {
	e := sampleEvent()
	d := &chat.Delivery{Event: &e}
	calls := 0
	encode := func(d *chat.Delivery) []byte { calls++; return encodeDelivery(d) }
	frame := d.Frame(encode)
	require.Same(t, &frame[0], &d.Frame(encode)[0])
	require.Equal(t, 1, calls)
	s := string(payload(t, frame))
	require.Contains(t, s, `"time":"2026-11-23T21:54:00.120Z"`)
	require.Contains(t, s, `"data":{"k": [1, "<"]}`, "data is delivered as it is")
	require.Contains(t, s, `a < b & \"c\"\n\\ é`, "nothing is escaped for HTML")
	require.Less(t, testing.AllocsPerRun(100, func() { encodeDelivery(d) }), 4.0)
}

func TestHeaders(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 200_000} {
		b := append(make([]byte, maxHeader), strings.Repeat("x", n)...)
		require.Len(t, payload(t, addHeader(b)), n)
	}
}

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "plain", "\"\\\n\t\r\x00\x1f\x7f", "é😀\u2028", "a\xffb", "\xed\xa0\x80", "\xf0\x9f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		require.NoError(t, json.Unmarshal(appendString(nil, s), &got))
		require.Equal(t, strings.ToValidUTF8(fixInvalid(s), ""), got)
	})
}

// fixInvalid replaces each byte that is not UTF-8.
func fixInvalid(s string) string { return string([]rune(s)) }

func TestListsStopBeforeTheLimit(t *testing.T) {
	data := json.RawMessage(`{"x":"` + strings.Repeat("a", 4000) + `"}`)
	var rooms []chat.InboxEntry
	for i := range 500 {
		rooms = append(rooms, chat.InboxEntry{RoomInfo: chat.RoomInfo{ID: chat.RoomID(fmt.Sprintf("r%03d", i)), Kind: chat.Public, Data: data}})
	}
	o := begin("welcome")
	o.welcome("h1", &chat.Welcome{User: chat.User{ID: "u", Name: "U"}, Rooms: rooms})
	frame := o.frame()
	require.LessOrEqual(t, len(frame), maxServerFrame)
	var w welcomeReply
	require.NoError(t, json.Unmarshal(payload(t, frame), &w))
	require.True(t, w.More)
	require.Greater(t, len(w.Rooms), 50)
	require.Equal(t, rooms[0].ID, w.Rooms[0].ID)

	long := chat.InboxEntry{Role: chat.Owner, Last: &chat.Event{Text: strings.Repeat("x", 2000)}}
	o = ok("q1")
	o.entry(&long)
	require.NotContains(t, string(o.frame()), `"last"`)

	o = ok("q1")
	items(&o, "rooms", rooms[:10], false, (*object).entry)
	require.NotContains(t, string(o.frame()), `"more"`)
}

func TestHistoryStopsWhereTheReaderGoesOn(t *testing.T) {
	var p chat.Page
	for i := range 100 {
		// Newlines take two bytes each in JSON.
		p.Events = append(p.Events, chat.Event{Room: "r", Seq: chat.Seq(i + 1), Kind: chat.Message, Text: strings.Repeat("\n", 4000)})
	}
	p.Head, p.Floor = 100, 1
	for _, forward := range []bool{true, false} {
		o := ok("q1")
		o.page(&p, forward)
		frame := o.frame()
		require.LessOrEqual(t, len(frame), maxServerFrame)
		var got chat.Page
		require.NoError(t, json.Unmarshal(payload(t, frame), &got))
		require.True(t, got.More)
		n := len(got.Events)
		require.Greater(t, n, 20)
		if forward {
			require.Equal(t, chat.Seq(1), got.Events[0].Seq)
		} else {
			require.Equal(t, chat.Seq(100), got.Events[n-1].Seq)
		}
		for i, e := range got.Events {
			require.Equal(t, got.Events[0].Seq+chat.Seq(i), e.Seq)
		}
	}
}
