package ws

import (
	"bytes"
	"compress/flate"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// Who offered compression gets long events compressed, who did not gets them
// plain, and both the same.
func TestCompression(t *testing.T) {
	s := start(t, nil, &Options{Compress: true})
	dial := func(name string, mode websocket.CompressionMode) *peer {
		c, _, err := websocket.Dial(t.Context(), s.url, &websocket.DialOptions{
			HTTPHeader: http.Header{"Authorization": {"Bearer " + name}}, Subprotocols: []string{Protocol}, CompressionMode: mode,
		})
		require.NoError(t, err)
		c.SetReadLimit(1 << 20)
		t.Cleanup(func() { c.CloseNow() })
		return &peer{t: t, ws: c}
	}
	ann, bob := dial("ann", websocket.CompressionContextTakeover), dial("bob", websocket.CompressionDisabled)
	w := ann.hello(`{"type":"hello","id":"h1"}`)
	bob.hello(`{"type":"hello","id":"h1"}`)
	long := strings.Repeat("how is it going? ", 200)
	for _, text := range []string{long, "x", long} {
		reply := ann.ask("message", map[string]any{"room": w.Rooms[0].ID, "text": text})
		require.Equal(t, "ok", reply["type"], "%v", reply)
		require.Equal(t, text, ann.event(chat.Message).Text)
		require.Equal(t, text, bob.event(chat.Message).Text)
	}
	require.Len(t, ann.ask("history", map[string]any{"room": w.Rooms[0].ID, "limit": 3})["events"], 3)
}

func TestDeflated(t *testing.T) {
	d := &chat.Delivery{Event: &chat.Event{Room: "r1", Seq: 1, Text: strings.Repeat("ab ", 100_000)}}
	plain := encodeDelivery(d)
	both := encodeBoth(d)
	require.Equal(t, plain, formOf(both, false))
	require.Equal(t, plain, formOf(plain, true), "another handler of the node may have encoded it")
	z := formOf(both, true)
	require.Less(t, len(z), len(plain)/50)
	require.EqualValues(t, 0xc1, z[0])
	require.Len(t, z, frameLen(z))
	r := flate.NewReader(io.MultiReader(bytes.NewReader(z[headerLen(z):]), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, payload(t, plain), got)
	require.Nil(t, deflated(textFrameOf("short"), minDeflate))
	noise := make([]byte, 300)
	for i := range noise {
		noise[i] = byte(i * i * 7919 >> 3)
	}
	require.Nil(t, deflated(textFrameOf(string(noise)), minDeflate), "it would not get shorter")
}

func textFrameOf(s string) []byte { return addHeader(append(make([]byte, maxHeader), s...)) }

// 60, 70: what a compressed message may become is limited like any other.
func TestCompressionBomb(t *testing.T) {
	s := start(t, nil, &Options{Compress: true})
	resp, c, br := s.handshake(t, get, append(good(s), "Sec-WebSocket-Extensions: permessage-deflate")...)
	require.Equal(t, "permessage-deflate; client_no_context_takeover; server_no_context_takeover", resp.Header.Get("Sec-WebSocket-Extensions"))
	bomb := deflated(textFrameOf(strings.Repeat(" ", 20<<20)), 0)
	require.Less(t, len(bomb), 1<<17)
	go c.Write(raw(0xc1, bomb[headerLen(bomb):]))
	require.Equal(t, codeTooBig, ending(c, br))
}
