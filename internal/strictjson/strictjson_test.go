package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/strictjson"
)

type inner struct {
	Name string `json:"name"`
	Next *inner `json:"next"`
}

type Base struct {
	ID string `json:"id"`
}

type frame struct {
	Base
	Type   string           `json:"type"`
	Count  int              `json:"count"`
	Small  int8             `json:"small"`
	Ratio  float64          `json:"ratio"`
	On     bool             `json:"on"`
	Opt    *string          `json:"opt"`
	List   []inner          `json:"list"`
	IDs    []string         `json:"ids"`
	Map    map[string]int64 `json:"map"`
	Raw    json.RawMessage  `json:"raw"`
	Any    any              `json:"any"`
	At     time.Time        `json:"at"`
	Level  level            `json:"level"`
	Bytes  []byte           `json:"bytes"`
	Quoted int              `json:"quoted,string"`
	Hidden string           `json:"-"`
	Plain  string
	Inner  inner `json:"inner"`
}

type level int

func (l *level) UnmarshalText(b []byte) error {
	if string(b) != "low" {
		return errors.New("level: secret internal text")
	}
	*l = 1
	return nil
}

func nest(open, shut string, n int) string {
	return strings.Repeat(open, n) + strings.Repeat(shut, n)
}

func keys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"k%d":1,`, i)
	}
	return b.String()
}

func TestAccepts(t *testing.T) {
	for name, doc := range map[string]string{
		"empty object":               `{}`,
		"space around":               " \t\r\n{ \"type\" : \"x\" } \n",
		"unknown fields":             `{"type":"x","new":{"a":[1,null,true,{"b":1e3}]}}`,
		"unknown null":               `{"new":null}`,
		"null for pointer":           `{"opt":null,"inner":{"next":null}}`,
		"null for raw and interface": `{"raw":null,"any":null}`,
		"same key in two objects":    `{"inner":{"name":"a","next":{"name":"b"}},"list":[{"name":"a"},{"name":"a"}]}`,
		"surrogate pair":             `{"type":"\ud83d\ude00"}`,
		"escaped key":                `{"\u0074ype":"x"}`,
		"control character escaped":  `{"type":"\u0000\n"}`,
		"depth 32":                   `{"any":` + nest("[", "]", 31) + `}`,
		"many keys":                  `{` + keys(2000) + `"type":"x"}`,
		"text and quoted":            `{"level":"low","quoted":"5","bytes":"AAEC","at":"2026-01-02T03:04:05Z"}`,
		"numbers":                    `{"count":-5,"ratio":1.5e3,"small":127,"map":{"a":9007199254740993}}`,
		"field without tag":          `{"Plain":"x"}`,
		"field that is never read":   `{"Hidden":1,"hidden":2}`,
	} {
		t.Run(name, func(t *testing.T) {
			var got, want frame
			require.NoError(t, strictjson.Unmarshal([]byte(doc), &got))
			require.NoError(t, json.Unmarshal([]byte(doc), &want))
			require.Equal(t, want, got)
		})
	}
}

func TestRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ doc, field, msg string }{
		"empty":                      {``, "", "is empty"},
		"space only":                 {" \n", "", "is empty"},
		"array":                      {`[{}]`, "", "must be one JSON object"},
		"number":                     {`1`, "", "must be one JSON object"},
		"null":                       {`null`, "", "must be one JSON object"},
		"byte order mark":            {"\ufeff{}", "", "starts with a byte order mark"},
		"second value":               {`{} {}`, "", "has data after the object"},
		"trailing brace":             {`{}}`, "", "has data after the object"},
		"NUL after":                  {"{}\x00", "", "has data after the object"},
		"comment":                    {`{/**/}`, "", "is not valid JSON at byte 1"},
		"comma":                      {`{"type":"x",}`, "", "is not valid JSON at byte 12"},
		"cut":                        {`{"type":"x`, "type", "is not valid JSON at byte 10"},
		"no value":                   {`{"type":}`, "type", "is not valid JSON at byte 8"},
		"no colon":                   {`{"type" "x"}`, "", "is not valid JSON at byte 8"},
		"single quotes":              {`{'type':1}`, "", "is not valid JSON at byte 1"},
		"NaN":                        {`{"ratio":NaN}`, "ratio", "is not valid JSON at byte 9"},
		"nul literal":                {`{"opt":nul}`, "opt", "is not valid JSON at byte 7"},
		"leading zero":               {`{"count":01}`, "", "is not valid JSON at byte 11"},
		"bare control character":     {"{\"type\":\"a\nb\"}", "type", "is not valid JSON at byte 10"},
		"bad escape":                 {`{"type":"\x"}`, "type", "is not valid JSON at byte 9"},
		"short unicode escape":       {`{"type":"\u12"}`, "type", "is not valid JSON at byte 9"},
		"duplicate":                  {`{"type":"a","type":"a"}`, "type", "is given twice"},
		"duplicate by escape":        {`{"type":"a","\u0074ype":"b"}`, "type", "is given twice"},
		"duplicate unknown":          {`{"x":1,"x":2}`, "x", "is given twice"},
		"duplicate deep":             {`{"list":[{},{"next":{"name":"a","name":"b"}}]}`, "list[1].next.name", "is given twice"},
		"duplicate in raw":           {`{"raw":{"a":1,"a":2}}`, "raw.a", "is given twice"},
		"duplicate in map":           {`{"map":{"a":1,"a":2}}`, "map.a", "is given twice"},
		"duplicate among many":       {`{` + keys(100) + `"k3":1}`, "k3", "is given twice"},
		"other case":                 {`{"Type":"x"}`, "Type", "must be spelled type"},
		"other case beside":          {`{"type":"x","TYPE":"y"}`, "TYPE", "must be spelled type"},
		"other case by Unicode":      {`{"li\u017ft":[]}`, "liſt", "must be spelled list"},
		"other case embedded":        {`{"ID":"x"}`, "ID", "must be spelled id"},
		"other case nested":          {`{"inner":{"NAME":"x"}}`, "inner.NAME", "must be spelled name"},
		"number for string":          {`{"type":1}`, "type", "must be a string"},
		"string for number":          {`{"count":"1"}`, "count", "must be a number"},
		"string for bool":            {`{"on":"true"}`, "on", "must be true or false"},
		"array for object":           {`{"inner":[]}`, "inner", "must be an object"},
		"object for array":           {`{"list":{}}`, "list", "must be an array"},
		"number for quoted":          {`{"quoted":5}`, "quoted", "must be a string"},
		"array for bytes":            {`{"bytes":[1]}`, "bytes", "must be a string"},
		"number for text":            {`{"level":1}`, "level", "must be a string"},
		"number in list":             {`{"ids":["a",1]}`, "ids[1]", "must be a string"},
		"string in map":              {`{"map":{"r1":"x"}}`, "map.r1", "must be a number"},
		"null for string":            {`{"type":null}`, "type", "must be a string"},
		"null for number":            {`{"count":null}`, "count", "must be a number"},
		"null for list":              {`{"list":null}`, "list", "must be an array"},
		"null for map":               {`{"map":null}`, "map", "must be an object"},
		"null for struct":            {`{"inner":null}`, "inner", "must be an object"},
		"null in list":               {`{"ids":[null]}`, "ids[0]", "must be a string"},
		"null for a self-decoder":    {`{"at":null}`, "at", "must not be null"},
		"null for embedded":          {`{"id":null}`, "id", "must be a string"},
		"fraction for integer":       {`{"count":1.0}`, "count", "must be a whole number in range"},
		"exponent for integer":       {`{"count":1e3}`, "count", "must be a whole number in range"},
		"too large integer":          {`{"count":18446744073709551616}`, "count", "must be a whole number in range"},
		"too large int8":             {`{"small":128}`, "small", "must be a whole number in range"},
		"too large float":            {`{"ratio":1e400}`, "ratio", "must be a number in range"},
		"refused by its type":        {`{"level":"high"}`, "", "has a value that is not allowed"},
		"bad UTF-8":                  {"{\"type\":\"\xff\"}", "", "is not valid UTF-8"},
		"overlong UTF-8":             {"{\"type\":\"\xc0\x80\"}", "", "is not valid UTF-8"},
		"surrogate in UTF-8":         {"{\"type\":\"\xed\xa0\x80\"}", "", "is not valid UTF-8"},
		"lone high surrogate":        {`{"type":"\ud83d"}`, "type", "has half of a surrogate pair in a string"},
		"lone low surrogate":         {`{"type":"\ude00"}`, "type", "has half of a surrogate pair in a string"},
		"two high surrogates":        {`{"type":"\ud83d\ud83d"}`, "type", "has half of a surrogate pair in a string"},
		"lone surrogate, unknown":    {`{"x":["\ud83d x"]}`, "x[0]", "has half of a surrogate pair in a string"},
		"lone surrogate in key":      {`{"\ud83d":1}`, "", "has half of a surrogate pair in a string"},
		"depth 33":                   {`{"x":` + nest("[", "]", 32) + `}`, "x" + strings.Repeat("[0]", 21), "is nested too deeply"},
		"depth 10000":                {nest(`{"x":`, "}", 10000), strings.TrimSuffix(strings.Repeat("x.", 32), "."), "is nested too deeply"},
		"key with control character": {`{"a\nb":1,"a\nb":2}`, "a\ufffdb", "is given twice"},
	} {
		t.Run(name, func(t *testing.T) {
			var v frame
			err := strictjson.Unmarshal([]byte(tc.doc), &v)
			e, ok := errors.AsType[*strictjson.Error](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, tc.msg, e.Msg)
			require.Equal(t, tc.field, e.Field)
		})
	}
}

func TestLongKeyIsCut(t *testing.T) {
	long := strings.Repeat("ü", 500)
	var v frame
	err := strictjson.Unmarshal([]byte(`{"`+long+`":1,"`+long+`":1}`), &v)
	e, ok := errors.AsType[*strictjson.Error](err)
	require.True(t, ok)
	require.Equal(t, strings.Repeat("ü", 32), e.Field)
	require.NotContains(t, err.Error(), strings.Repeat("ü", 33))
}

func TestCauseIsForTheProgramOnly(t *testing.T) {
	var v frame
	err := strictjson.Unmarshal([]byte(`{"level":"high"}`), &v)
	require.NotContains(t, err.Error(), "secret")
	require.ErrorContains(t, errors.Unwrap(err), "secret")
}

func TestMistakesInTheCall(t *testing.T) {
	for name, v := range map[string]any{"nil": nil, "value": frame{}, "nil pointer": (*frame)(nil)} {
		t.Run(name, func(t *testing.T) {
			err := strictjson.Unmarshal([]byte(`{}`), v)
			_, ok := errors.AsType[*json.InvalidUnmarshalError](err)
			require.True(t, ok, "%v", err)
		})
	}
}

// A large object must not cost the square of its keys.
func TestManyKeysAreCheap(t *testing.T) {
	doc := []byte(`{` + keys(200_000) + `"type":"x"}`)
	var v frame
	start := time.Now()
	require.NoError(t, strictjson.Unmarshal(doc, &v))
	require.Less(t, time.Since(start), 20*time.Second) // the square would take minutes
}

func TestAllocations(t *testing.T) {
	doc := []byte(benchFrame)
	var a, b message
	plain := testing.AllocsPerRun(100, func() { a = message{}; _ = json.Unmarshal(doc, &a) })
	strict := testing.AllocsPerRun(100, func() { b = message{}; _ = strictjson.Unmarshal(doc, &b) })
	require.Equal(t, a, b)
	require.Equal(t, plain, strict, "the check itself allocates nothing")
}

type message struct {
	Type     string          `json:"type"`
	ID       string          `json:"id"`
	Room     string          `json:"room"`
	Text     string          `json:"text"`
	ReplyTo  int64           `json:"reply_to"`
	Mentions []string        `json:"mentions"`
	Data     json.RawMessage `json:"data"`
}

const benchFrame = `{"type":"message","id":"5up3rR4nd0mId-0123456789","room":"general-Xy12","text":"Hello, this is a message of a usual length with an emoji 😀 in it","reply_to":4711,"data":{"client":"web","v":1}}`

func BenchmarkUnmarshal(b *testing.B) {
	doc := []byte(benchFrame)
	b.Run("strictjson", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			var m message
			_ = strictjson.Unmarshal(doc, &m)
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			var m message
			_ = json.Unmarshal(doc, &m)
		}
	})
}

func ExampleUnmarshal() {
	var req struct {
		Room string `json:"room"`
		Text string `json:"text"`
	}
	for _, body := range []string{
		`{"room":"general","text":"hi","newer":true}`,
		`{"room":"general","room":"secret","text":"hi"}`,
		`{"room":"general","Text":"hi"}`,
	} {
		if err := strictjson.Unmarshal([]byte(body), &req); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(req.Room, req.Text)
	}
	// Output:
	// general hi
	// json: "room" is given twice
	// json: "Text" must be spelled text
}
