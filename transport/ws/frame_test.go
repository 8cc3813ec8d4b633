package ws

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const key = "9Yw2kU5mR0a1nXb3cQ4dEf" // an idempotency key

func TestDecode(t *testing.T) {
	tests := []struct{ name, in, code, field string }{
		{"message", `{"type":"message","id":"` + key + `","room":"r1","text":"hi"}`, "", ""},
		{"80 unknown type", `{"type":"shout","id":"q1"}`, "unknown_type", "type"},
		{"81 no type", `{"id":"q1"}`, "bad_request", "type"},
		{"81 type of another type", `{"type":7,"id":"q1"}`, "bad_request", "type"},
		{"81 null type", `{"type":null,"id":"q1"}`, "bad_request", "type"},
		{"81 no room", `{"type":"message","id":"` + key + `","text":"hi"}`, "bad_request", "room"},
		{"81 empty room", `{"type":"message","id":"` + key + `","room":"","text":"hi"}`, "bad_request", "room"},
		{"81 null room", `{"type":"message","id":"` + key + `","room":null,"text":"hi"}`, "bad_request", "room"},
		{"81 room is a number", `{"type":"message","id":"` + key + `","room":1,"text":"hi"}`, "bad_request", "room"},
		{"81 room of bad characters", `{"type":"message","id":"` + key + `","room":"../x","text":"hi"}`, "bad_request", "room"},
		{"81 no text", `{"type":"message","id":"` + key + `","room":"r1"}`, "bad_request", "text"},
		{"81 null text", `{"type":"message","id":"` + key + `","room":"r1","text":null}`, "bad_request", "text"},
		{"81 text is an array", `{"type":"message","id":"` + key + `","room":"r1","text":["a"]}`, "bad_request", "text"},
		{"81 wrong case", `{"type":"message","id":"` + key + `","Room":"r1","text":"a"}`, "bad_request", "Room"},
		{"81 data is a string", `{"type":"message","id":"` + key + `","room":"r1","text":"a","data":"x"}`, "bad_request", "data"},
		{"81 data is null", `{"type":"message","id":"` + key + `","room":"r1","text":"a","data":null}`, "bad_request", "data"},
		{"81 on is missing", `{"type":"react","id":"` + key + `","room":"r1","seq":1,"emoji":"👍"}`, "bad_request", "on"},
		{"81 no such role", `{"type":"set_member","id":"` + key + `","room":"r1","user":"u","role":"king"}`, "bad_request", "role"},
		{"81 nothing to update", `{"type":"update_room","id":"` + key + `","room":"r1"}`, "bad_request", ""},
		{"81 two things to update", `{"type":"update_room","id":"` + key + `","room":"r1","name":"x","archived":true}`, "bad_request", ""},
		{"81 no token", `{"type":"auth","id":"q1"}`, "bad_request", "token"},
		{"83 from is ignored", `{"type":"message","id":"` + key + `","room":"r1","text":"hi","from":"u-other","sender":1,"seq":-1,"ts":{}}`, "", ""},
		{"86 no id", `{"type":"ping"}`, "bad_request", "id"},
		{"86 id is empty", `{"type":"ping","id":""}`, "bad_request", "id"},
		{"86 id is null", `{"type":"ping","id":null}`, "bad_request", "id"},
		{"86 id is a number", `{"type":"ping","id":1}`, "bad_request", "id"},
		{"86 id of 65", `{"type":"ping","id":"` + strings.Repeat("a", 65) + `"}`, "bad_request", "id"},
		{"86 id of bad characters", `{"type":"ping","id":"a b"}`, "bad_request", "id"},
		{"86 key of 15", `{"type":"join","id":"123456789012345","room":"r1"}`, "bad_request", "id"},
		{"86 id of 64", `{"type":"ping","id":"` + strings.Repeat("-", 64) + `"}`, "", ""},
		{"88 negative seq", `{"type":"delete","id":"` + key + `","room":"r1","seq":-1}`, "bad_request", "seq"},
		{"88 seq 0", `{"type":"delete","id":"` + key + `","room":"r1","seq":0}`, "bad_request", "seq"},
		{"88 seq 1.0", `{"type":"delete","id":"` + key + `","room":"r1","seq":1.0}`, "bad_request", "seq"},
		{"88 seq 1e3", `{"type":"delete","id":"` + key + `","room":"r1","seq":1e3}`, "bad_request", "seq"},
		{"88 seq 2^40", `{"type":"delete","id":"` + key + `","room":"r1","seq":1099511627776}`, "bad_request", "seq"},
		{"88 seq 2^64", `{"type":"delete","id":"` + key + `","room":"r1","seq":18446744073709551616}`, "bad_request", "seq"},
		{"88 seq is a string", `{"type":"delete","id":"` + key + `","room":"r1","seq":"1"}`, "bad_request", "seq"},
		{"88 limit 0", `{"type":"history","id":"q1","room":"r1","limit":0}`, "bad_request", "limit"},
		{"88 limit -1", `{"type":"rooms","id":"q1","limit":-1}`, "bad_request", "limit"},
		{"88 limit 1e9", `{"type":"rooms","id":"q1","limit":1e9}`, "bad_request", "limit"},
		{"88 large limit", `{"type":"rooms","id":"q1","limit":1000000000}`, "", ""},
		{"88 before 0", `{"type":"history","id":"q1","room":"r1","before":0}`, "bad_request", "before"},
		{"88 after 0", `{"type":"history","id":"q1","room":"r1","after":0}`, "", ""},
		{"88 seq in hello", `{"type":"hello","id":"h1","rooms":{"r1":1099511627776}}`, "bad_request", "rooms"},
		{"88 room in hello", `{"type":"hello","id":"h1","rooms":{"r 1":1}}`, "bad_request", "rooms"},
		{"89 rooms in hello", `{"type":"hello","id":"h1","rooms":{` + rooms(2001) + `}}`, "bad_request", "rooms"},
		{"89 2,000 rooms in hello", `{"type":"hello","id":"h1","rooms":{` + rooms(2000) + `}}`, "", ""},
		{"90 deep", strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), "bad_request", "*"},
		{"90 duplicate key", `{"type":"ping","id":"q1","id":"q2"}`, "bad_request", "id"},
		{"90 duplicate key by escape", `{"type":"ping","id":"q1","\u0069d":"q2"}`, "bad_request", "id"},
		{"90 comment", `{"type":"ping"/**/,"id":"q1"}`, "bad_request", "*"},
		{"90 byte order mark", "\uFEFF" + `{"type":"ping","id":"q1"}`, "bad_request", ""},
		{"90 trailing data", `{"type":"ping","id":"q1"}{}`, "bad_request", ""},
		{"90 array", `[]`, "bad_request", ""},
		{"90 null", `null`, "bad_request", ""},
		{"90 nothing", ``, "bad_request", ""},
		{"90 lone surrogate", `{"type":"message","id":"` + key + `","room":"r1","text":"\ud800"}`, "bad_request", "text"},
		{"read without id", `{"type":"read","room":"r1","seq":3}`, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, fault := decode([]byte(tt.in))
			if tt.code == "" {
				require.Nil(t, fault)
				require.NotNil(t, f.body)
				return
			}
			require.NotNil(t, fault)
			require.Nil(t, f.body)
			require.Equal(t, tt.code, fault.Code)
			require.NotEmpty(t, fault.Message)
			if tt.field != "*" {
				require.Equal(t, tt.field, fault.Field)
			}
		})
	}
}

func rooms(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"room-%04d":%d`, i, i))
	}
	return strings.Join(list, ",")
}

// A reply can only name a request whose id could be read.
func TestFaultsKeepTheID(t *testing.T) {
	for in, want := range map[string]string{
		`{"type":"message","id":"` + key + `","room":5}`: `"re":"` + key + `"`,
		`{"type":5,"id":"q1"}`:                           `"re":"q1"`,
		`{"type":"nope","id":"q1"}`:                      `"re":"q1"`,
		`{"type":"ping","id":"a b"}`:                     `"re":null`,
		`{"type":"ping"}`:                                `"re":null`,
		`{`:                                              `"re":null`,
	} {
		f, fault := decode([]byte(in))
		require.NotNil(t, fault)
		require.Contains(t, string(errorFrame(f.id, fault)), want, in)
	}
}

// Whatever a client sends gives a request or a fault, and what is taken for a
// request can be sent again by our own client and means the same.
func FuzzDecode(f *testing.F) {
	for typ := range kinds {
		f.Add([]byte(`{"type":"` + typ + `","id":"` + key + `","room":"r1","text":"hi","seq":1,"user":"u","name":"n","on":true,"emoji":"x","token":"t","role":"admin","rooms":{"r1":1},"data":{"a":[1]},"mentions":["u"],"limit":5}`))
	}
	f.Add([]byte(`{"type":"history","id":"q1","room":"r1","after":0,"before":7}`))
	f.Add([]byte(`{"type":"update_room","id":"` + key + `","room":"r1","archived":false}`))
	f.Add([]byte("\xff{"))
	f.Add([]byte(`{"type":"read","room":"r1","seq":15}`))
	f.Add([]byte("{ \"text\" : \"hé\" ,\n\"room\":\"r1\",\"id\":\"" + key + "\",\"type\":\"message\"}\t"))
	f.Fuzz(func(t *testing.T, data []byte) {
		fr, fault := decode(data)
		if q, ok := quick(data); ok {
			fr, fault = decodeClosely(data)
			require.Nil(t, fault, "%q", data)
			require.Equal(t, fr, q)
		}
		if fault != nil {
			require.Contains(t, []string{"bad_request", "unknown_type"}, fault.Code)
			require.True(t, json.Valid(payload(t, errorFrame(fr.id, fault))))
			return
		}
		b, err := encodeRequest(fr.typ, fr.id, fr.body)
		require.NoError(t, err)
		again, fault := decode(b)
		require.Nil(t, fault, "%s", b)
		require.Equal(t, fr.id, again.id)
		require.Equal(t, compact(fr.body), compact(again.body))
	})
}

// compact makes bodies comparable whose data is spaced differently.
func compact(r request) string {
	b, _ := json.Marshal(r)
	return string(b)
}
