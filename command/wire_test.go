package command

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/transport"
)

const requestJSON = `{"v":1,"name":"stock","args":"aapl.us","line":"/stock=aapl.us",` +
	`"room":{"id":"r1","name":"general","kind":"public"},"user":{"id":"u1","name":"Ana <a>","role":"member"}}`

func TestRequestBody(t *testing.T) {
	c := Call{
		ID: "c1", Bot: "stock", Name: "stock", Args: "aapl.us", Line: "/stock=aapl.us",
		Room: Room{"r1", "general", "public"}, User: User{"u1", "Ana <a>", "member"},
	}
	body, err := encodeCall(c)
	require.NoError(t, err)
	require.Equal(t, requestJSON, string(body))

	c.Remaining, c.Attempt = time.Second, 2
	got, err := decodeCall(transport.Request{ID: "c1", Bot: "stock", Command: "stock", Timeout: time.Second, Attempt: 2, Body: body})
	require.NoError(t, err)
	require.Equal(t, c, got)

	for name, change := range map[string][2]string{
		"version":         {`"v":1`, `"v":2`},
		"no version":      {`"v":1,`, ``},
		"other command":   {`"name":"stock"`, `"name":"buy"`},
		"duplicate key":   {`"v":1`, `"v":1,"v":1`},
		"wrong case":      {`"args"`, `"Args"`},
		"wrong type":      {`"aapl.us"`, `7`},
		"no room":         {`"r1"`, `""`},
		"no user":         {`"u1"`, `""`},
		"control in line": {`"/stock=aapl.us"`, `"/stock=\u0000"`},
		"control in args": {`"args":"aapl.us"`, `"args":"\u0007"`},
		"empty line":      {`"/stock=aapl.us"`, `""`},
		"long args":       {`"args":"aapl.us"`, `"args":"` + strings.Repeat("a", 5000) + `"`},
		"trailing data":   {`}}`, `}} {}`},
		"no object":       {requestJSON, `[]`},
		"too large":       {`"v":1`, `"v":1,"x":"` + strings.Repeat("x", transport.MaxBody) + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(requestJSON, change[0], change[1], 1)
			require.NotEqual(t, requestJSON, bad)
			_, err := decodeCall(transport.Request{ID: "c1", Command: "stock", Body: []byte(bad)})
			require.Error(t, err)
		})
	}
	_, err = decodeCall(transport.Request{Command: "stock", Body: body})
	require.Error(t, err, "no id")
	newer := strings.Replace(requestJSON, `"v":1`, `"v":1,"locale":"de"`, 1)
	_, err = decodeCall(transport.Request{ID: "c1", Command: "stock", Body: []byte(newer)})
	require.NoError(t, err, "unknown fields are ignored")
}

func TestResultBody(t *testing.T) {
	broken := Reply{Err: Fail("The bot's answer can't be shown.")}
	for name, c := range map[string]struct {
		body string
		want Reply
		bad  bool
	}{
		"parts":             {body: `{"v":1,"parts":[{"text":"a"},{"text":"b","ephemeral":true}]}`, want: Reply{Parts: []Part{{Text: "a"}, {Text: "b", Ephemeral: true}}}},
		"error":             {body: `{"v":1,"error":{"code":"usage","message":"m"}}`, want: Reply{Err: &Error{CodeUsage, "m"}}},
		"silence":           {body: `{"v":1}`},
		"error beats parts": {body: `{"v":1,"parts":[{"text":"a"}],"error":{"code":"usage","message":"m"}}`, want: Reply{Err: &Error{CodeUsage, "m"}}},
		"empty part":        {body: `{"v":1,"parts":[{"text":"a"},{"text":" "}]}`, want: broken},
		"control character": {body: `{"v":1,"parts":[{"text":"\u0000"}]}`, want: broken},
		"long part":         {body: `{"v":1,"parts":[{"text":"` + strings.Repeat("a", 4001) + `"}]}`, want: broken},
		"too many parts":    {body: `{"v":1,"parts":[` + strings.Repeat(`{"text":"a"},`, MaxParts) + `{"text":"a"}]}`, want: broken},
		"too much":          {body: `{"v":1,"parts":[` + strings.Repeat(`{"text":"`+strings.Repeat("😀", 3900)+`"},`, 4) + `{"text":"` + strings.Repeat("😀", 3900) + `"}]}`, want: broken},
		"bad code":          {body: `{"v":1,"error":{"code":"X","message":"m"}}`, want: Reply{Err: Fail("m")}},
		"empty error":       {body: `{"v":1,"error":{}}`, want: Reply{Err: Fail("The command failed.")}},
		"version":           {body: `{"v":2}`, bad: true},
		"garbage":           {body: `nonsense`, bad: true},
		"null":              {body: `null`, bad: true},
		"bad UTF-8":         {body: "{\"v\":1,\"parts\":[{\"text\":\"\xff\"}]}", bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeReply([]byte(c.body))
			require.Equal(t, c.bad, err != nil, "%v", err)
			require.Equal(t, c.want, got)
		})
	}
}

// The longest answer that may be given always fits into a result, or becomes
// an error that does.
func TestReplyFits(t *testing.T) {
	for text, fits := range map[string]bool{strings.Repeat("a", 4000): true, strings.Repeat("<&>\u2028", 1000): true, strings.Repeat(`\"`, 2000): true} {
		r := Execute(t.Context(), HandlerFunc(func(_ context.Context, c *Call) error {
			for range MaxParts {
				_ = c.Say(text)
			}
			return nil
		}), Call{}, nil)
		require.NotEmpty(t, r.Parts)
		body, err := encodeReply("go", r)
		require.NoError(t, err)
		require.LessOrEqual(t, len(body), transport.MaxBody)
		back, err := decodeReply(body)
		require.NoError(t, err)
		require.Equal(t, fits, back.Err == nil, "%.10s", text)
		if fits {
			require.Equal(t, r, back)
		}
	}
	body, err := encodeReply("go", Reply{Parts: []Part{{Text: strings.Repeat("\"", transport.MaxBody)}}})
	require.NoError(t, err)
	back, err := decodeReply(body)
	require.NoError(t, err)
	require.Equal(t, Reply{Err: Fail("/go answered too much.")}, back)
}

func TestAnnouncementBody(t *testing.T) {
	b := NewBot("stock", nil)
	HandleSpec(b, Spec{Name: "stock", Summary: "Price", Timeout: 5 * time.Second}, func(_ context.Context, _ *Call, _ struct {
		Symbol string `cmd:"symbol,required"`
	}) error {
		return nil
	})
	body, err := encodeSpecs(b.Specs())
	require.NoError(t, err)
	const text = `{"v":1,"commands":[{"name":"stock","summary":"Price","usage":"/stock <symbol>",` +
		`"args":[{"name":"symbol","type":"string","required":true}],"timeout_ms":5000}]}`
	require.Equal(t, text, string(body))
	got, err := decodeSpecs("stock", body)
	require.NoError(t, err)
	require.Equal(t, b.Specs(), got)

	for name, change := range map[string][2]string{
		"version":       {`"v":1`, `"v":0`},
		"command name":  {`"name":"stock"`, `"name":"Stock"`},
		"help":          {`"name":"stock"`, `"name":"help"`},
		"argument name": {`"symbol","type"`, `"Symbol","type"`},
		"argument type": {`"type":"string"`, `"type":"float"`},
		"summary":       {`"Price"`, `"a\nb"`},
		"usage":         {`<symbol>`, strings.Repeat("u", 500)},
		"endless time":  {`5000`, `9223372036854775807`},
		"too many":      {`"commands":[`, `"commands":[` + strings.Repeat(`{"name":"a"},`, maxCommands)},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(text, change[0], change[1], 1)
			require.NotEqual(t, text, bad)
			_, err := decodeSpecs("stock", []byte(bad))
			require.Error(t, err)
		})
	}
	_, err = decodeSpecs("Stock", body)
	require.Error(t, err)
	foreign := strings.Replace(text, `{"name":"stock"`, `{"bot":"other","name":"stock"`, 1)
	got, err = decodeSpecs("stock", []byte(foreign))
	require.NoError(t, err)
	require.Equal(t, "stock", got[0].Bot, "a bot speaks for itself only")
}

func TestParseProgress(t *testing.T) {
	good := transport.Event{Key: "progress:c1", Body: []byte(`{"v":1,"id":"c1","n":3,"text":"90 %"}`)}
	p, ok, err := ParseProgress(good)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, Progress{"c1", 3, "90 %"}, p)

	_, ok, err = ParseProgress(transport.Event{Key: "room:r1", Body: good.Body})
	require.False(t, ok)
	require.NoError(t, err)
	for _, body := range []string{`{"v":1,"id":"c2","n":3,"text":"a"}`, `{"v":1,"id":"c1","n":0,"text":"a"}`, `{"v":1,"id":"c1","n":1,"text":""}`, `{"v":2,"id":"c1","n":1,"text":"a"}`, `x`} {
		_, ok, err := ParseProgress(transport.Event{Key: good.Key, Body: []byte(body)})
		require.True(t, ok)
		require.Error(t, err, body)
	}
}

func FuzzBodies(f *testing.F) {
	f.Add([]byte(requestJSON))
	f.Add([]byte(`{"v":1,"parts":[{"text":"a"}],"error":{"code":"usage","message":"m"}}`))
	f.Add([]byte(`{"v":1,"commands":[{"name":"a","args":[{"name":"b","type":"enum","choices":["c"]}],"timeout_ms":5000,"roles":["admin"]}]}`))
	f.Add([]byte(`{"v":1,"id":"c1","n":3,"text":"90 %"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if r, err := decodeReply(body); err == nil {
			bytes := 0
			for _, p := range r.Parts {
				bytes += len(p.Text)
				require.NoError(t, checkText(p.Text))
			}
			require.LessOrEqual(t, bytes, MaxReplyBytes)
			require.LessOrEqual(t, len(r.Parts), MaxParts)
			if r.Err != nil {
				require.Empty(t, r.Parts)
				require.NoError(t, checkText(r.Err.Message))
			}
		}
		if c, err := decodeCall(transport.Request{ID: "c1", Command: "stock", Body: body}); err == nil {
			require.Equal(t, "stock", c.Name)
			require.NoError(t, checkText(c.Line))
		}
		if all, err := decodeSpecs("bot", body); err == nil {
			for _, s := range all {
				require.NoError(t, s.check())
				require.Positive(t, s.Timeout)
				text, herr := Help(all, s.Name)
				require.Nil(t, herr)
				require.NoError(t, checkText(text))
			}
		}
		if p, _, err := ParseProgress(transport.Event{Key: "progress:c1", Body: body}); err == nil {
			require.NoError(t, checkText(p.Text))
		}
	})
}
