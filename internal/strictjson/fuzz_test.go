package strictjson_test

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carlware/gochat/internal/strictjson"
)

// FuzzUnmarshal compares with encoding/json: what we accept it accepts with
// the same value, and what we refuse is refused for a reason that a second,
// slower reading of the document confirms.
func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"type":"x"}`, benchFrame, `{"a":1,"a":2}`, `{"a":{"b":[1,2,{"c":null}]}}`,
		`{"\u0061":1,"a":2}`, `{"a":"\ud83d\ude00"}`, `{"a":"\ud83d"}`, `{"a":"\\ud83d"}`, "{\"a\":\"\xff\"}",
		"\ufeff{}", `{} {}`, `[]`, `null`, `{"a":1e400}`, `{"count":1.0}`, `{"count":01}`, `{"Type":1}`,
		`{"any":` + nest("[", "]", 31) + `}`, `{"any":` + nest("[", "]", 32) + `}`, `{` + keys(20) + `"k0":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var strict, plain frame
		if strictjson.Unmarshal(data, &strict) == nil {
			if err := json.Unmarshal(data, &plain); err != nil {
				t.Fatalf("encoding/json refuses %q: %v", data, err)
			}
			if !reflect.DeepEqual(strict, plain) {
				t.Fatalf("%q: %+v, encoding/json %+v", data, strict, plain)
			}
		}
		var generic map[string]json.RawMessage
		err := strictjson.Unmarshal(data, &generic)
		if err == nil && !sound(data) {
			t.Fatalf("accepted %q", data)
		}
		if err != nil && sound(data) {
			t.Fatalf("refused %q: %v", data, err)
		}
		if err != nil && (!utf8.ValidString(err.Error()) || len(err.Error()) > 4*64+64) {
			t.Fatalf("error not fit for a client: %q", err)
		}
	})
}

// sound judges a document by reading it token by token with encoding/json.
func sound(data []byte) bool {
	if !utf8.Valid(data) || bytes.HasPrefix(data, []byte("\ufeff")) || !json.Valid(data) || lone(data) {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	type level struct {
		keys map[string]bool // nil in an array
		key  bool            // a key comes next
	}
	var open []level
	for first := true; ; first = false {
		tok, err := d.Token()
		if err == io.EOF {
			return true
		}
		if err != nil || first && tok != json.Delim('{') {
			return false
		}
		top := len(open) - 1
		if s, ok := tok.(string); ok && top >= 0 && open[top].keys != nil && open[top].key {
			if open[top].keys[s] {
				return false
			}
			open[top].keys[s] = true
			open[top].key = false
			continue
		}
		if top >= 0 {
			open[top].key = true
		}
		switch tok {
		case json.Delim('{'):
			open = append(open, level{keys: map[string]bool{}, key: true})
		case json.Delim('['):
			open = append(open, level{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:top]
		}
		if len(open) > strictjson.MaxDepth {
			return false
		}
	}
}

// lone reports half a surrogate pair in a document that is valid JSON: what is
// left of the escapes D800 to DFFF after every proper pair is taken out.
func lone(data []byte) bool {
	s := strings.ReplaceAll(string(data), `\\`, "  ")
	for {
		i := strings.Index(s, `\u`)
		if i < 0 {
			return false
		}
		s = s[i+2:]
		if strings.ToLower(s[:1]) != "d" || strings.IndexByte("89abcdefABCDEF", s[1]) < 0 {
			continue
		}
		high := strings.IndexByte("89abAB", s[1]) >= 0
		if !high || len(s) < 10 || s[4:6] != `\u` || strings.ToLower(s[6:7]) != "d" || strings.IndexByte("cdefCDEF", s[7]) < 0 {
			return true
		}
		s = s[10:]
	}
}
