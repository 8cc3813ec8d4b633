package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScan(t *testing.T) {
	for in, want := range map[string]string{
		`{"type":"event","room":"r","seq":12,"id":"i","kind":"message","user":{"id":"x","type":"no"},"text":"a \"}{ b"}`: "event - r i message 12 0 false",
		` { "seq" : 7 , "text":"\\", "type" : "ok" , "re":"q1", "dup":true } `:                                           "ok q1 - - - 7 0 true",
		`{"type":"gap","room":"r","after":1,"head":9,"list":[1,[2,{"head":3}],"]"]}`:                                     "gap - r - - 0 9 false",
		`{"type":"error","re":null,"seq":-1}`:                                                                            "error - - - - -1 0 false",
		`{"type":7,"seq":"1"}`:                                                                                           "- - - - - -1 0 false",
		`{}`:                                                                                                             "- - - - - 0 0 false",
	} {
		var f frame
		require.True(t, f.scan([]byte(in)), in)
		got := func(b []byte) string {
			if len(b) == 0 {
				return "-"
			}
			return string(b)
		}
		num := func(v any) string { b, _ := json.Marshal(v); return string(b) }
		require.Equal(t, want, strings.Join([]string{
			got(f.typ), got(f.re), got(f.room), got(f.id), got(f.kind), num(f.seq), num(f.head), num(f.dup),
		}, " "), in)
	}
	for _, in := range []string{"", "x", "[]", "{", `{"a"`, `{"a":`, `{"a":}`, `{"a":1`, `{"a":"`, `{"a":1}x`, `{"a":[1}`, `{"a":"\`} {
		require.False(t, new(frame).scan([]byte(in)), in)
	}
}

func FuzzScan(f *testing.F) {
	f.Add(`{"type":"event","room":"r","seq":12,"id":"i","user":{"a":[1,"]"]}}`)
	f.Add(`{"a":"\\\"","type":"x"}`)
	f.Add(`{"seq":99999999999999999999}`)
	f.Fuzz(func(t *testing.T, in string) {
		var got frame
		ok := got.scan([]byte(in))
		var want map[string]json.RawMessage
		if json.Unmarshal([]byte(in), &want) != nil || want == nil {
			return
		}
		require.True(t, ok, "a JSON object")
		if strings.Contains(in, `\`) {
			return // names may be spelled in other ways
		}
		var typ string
		_ = json.Unmarshal(want["type"], &typ)
		if len(want["type"]) > 0 && want["type"][0] == '"' && strings.ToValidUTF8(typ, "") == typ && !strings.Contains(typ, "\ufffd") {
			require.Equal(t, typ, string(got.typ))
		}
	})
}
