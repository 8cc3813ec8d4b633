package ws

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The numbers in the names of these tests are those of the project's catalogue
// of hostile inputs.

// handshake sends an upgrade request of these header lines, and returns the
// answer and the connection.
func (s *testServer) handshake(t *testing.T, first string, lines ...string) (*http.Response, net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", s.ln.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	_, err = fmt.Fprintf(c, "%s\r\n%s\r\n\r\n", first, strings.Join(lines, "\r\n"))
	require.NoError(t, err)
	br := bufio.NewReader(c)
	resp, err := http.ReadResponse(br, nil)
	require.NoError(t, err)
	return resp, c, br
}

const get = "GET / HTTP/1.1"

// good are the header lines of a handshake that succeeds.
func good(s *testServer) []string {
	return []string{
		"Host: " + s.ln.Addr().String(),
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
		"Sec-WebSocket-Protocol: gochat.v1", "Authorization: Bearer ann",
	}
}

// but changes the lines whose names are those of changes; a line without value
// is left out.
func but(lines []string, changes ...string) []string {
	out := append([]string{}, lines...)
	for _, ch := range changes {
		name, value, _ := strings.Cut(ch, ":")
		i := 0
		for _, l := range out {
			if n, _, _ := strings.Cut(l, ":"); !strings.EqualFold(n, name) {
				out[i] = l
				i++
			}
		}
		out = out[:i]
		for v := range strings.SplitSeq(value, "\n") {
			if v != "" {
				out = append(out, name+":"+v)
			}
		}
	}
	return out
}

func TestHostileUpgrades(t *testing.T) {
	s := start(t, nil, &Options{Origins: []string{"https://app.example", "https://*.wild.example", "http://localhost:*"}})
	host := s.ln.Addr().String()
	tests := []struct {
		name   string
		first  string
		change []string
		status int
		header [2]string
	}{
		{"good", get, nil, 101, [2]string{"Sec-WebSocket-Protocol", "gochat.v1"}},
		{"52 same host", get, []string{"Origin: http://" + host}, 101, [2]string{}},
		{"52 same host by TLS", get, []string{"Origin: https://" + host}, 101, [2]string{}},
		{"52 allowed", get, []string{"Origin: https://app.example"}, 101, [2]string{}},
		{"52 allowed in other case", get, []string{"Origin: https://APP.example"}, 101, [2]string{}},
		{"52 allowed by label", get, []string{"Origin: https://a.wild.example"}, 101, [2]string{}},
		{"52 allowed by port", get, []string{"Origin: http://localhost:3000"}, 101, [2]string{}},
		{"52 other scheme", get, []string{"Origin: http://app.example"}, 403, [2]string{}},
		{"52 other port", get, []string{"Origin: https://app.example:8443"}, 403, [2]string{}},
		{"52 without label", get, []string{"Origin: https://wild.example"}, 403, [2]string{}},
		{"52 dot only", get, []string{"Origin: https://.wild.example"}, 403, [2]string{}},
		{"52 glued label", get, []string{"Origin: https://evilwild.example"}, 403, [2]string{}},
		{"52 foreign", get, []string{"Origin: https://evil.example"}, 403, [2]string{}},
		{"52 null", get, []string{"Origin: null"}, 403, [2]string{}},
		{"52 suffix", get, []string{"Origin: http://" + host + ".evil.example"}, 403, [2]string{}},
		{"52 user", get, []string{"Origin: http://" + host + "@evil.example"}, 403, [2]string{}},
		{"52 user of the host", get, []string{"Origin: http://evil.example@" + host}, 403, [2]string{}},
		{"52 escape", get, []string{"Origin: http://%zz"}, 403, [2]string{}},
		{"52 path", get, []string{"Origin: http://" + host + "/"}, 403, [2]string{}},
		{"52 other scheme altogether", get, []string{"Origin: file://" + host}, 403, [2]string{}},
		{"52 empty", get, []string{"Origin: \n "}, 403, [2]string{}},
		{"52 two", get, []string{"Origin: http://" + host + "\n https://evil.example"}, 403, [2]string{}},
		{"54 no token", get, []string{"Authorization:"}, 401, [2]string{"WWW-Authenticate", "Bearer"}},
		{"54 bad token", get, []string{"Authorization: Bearer nobody"}, 401, [2]string{"WWW-Authenticate", "Bearer"}},
		{"54 expired", get, []string{"Authorization: Bearer ann|-1s"}, 401, [2]string{"WWW-Authenticate", "Bearer"}},
		{"54 other scheme", get, []string{"Authorization: Basic YTpi"}, 401, [2]string{}},
		{"54 two tokens", get, []string{"Authorization: Bearer ann\n Bearer bob"}, 401, [2]string{}},
		{"54 two kinds of token", get, []string{"Sec-WebSocket-Protocol: gochat.v1, bearer.bob"}, 401, [2]string{}},
		{"54 token in the query", "GET /?access_token=ann HTTP/1.1", []string{"Authorization:"}, 401, [2]string{}},
		{"54 browser", get, []string{"Authorization:", "Sec-WebSocket-Protocol: gochat.v1, bearer.ann"}, 101, [2]string{"Sec-WebSocket-Protocol", "gochat.v1"}},
		{"54 browser with two", get, []string{"Authorization:", "Sec-WebSocket-Protocol: gochat.v1, bearer.ann, bearer.bob"}, 401, [2]string{}},
		{"54 refused user", get, []string{"Authorization: Bearer banned"}, 403, [2]string{}},
		{"54 login service away", get, []string{"Authorization: Bearer away"}, 503, [2]string{"Retry-After", "1"}},
		{"55 no subprotocol", get, []string{"Sec-WebSocket-Protocol:"}, 400, [2]string{}},
		{"55 unknown subprotocol", get, []string{"Sec-WebSocket-Protocol: gochat.v2"}, 400, [2]string{}},
		{"55 other case", get, []string{"Sec-WebSocket-Protocol: GoChat.v1"}, 400, [2]string{}},
		{"55 other case first", get, []string{"Sec-WebSocket-Protocol: GOCHAT.V1, gochat.v1"}, 101, [2]string{"Sec-WebSocket-Protocol", "gochat.v1"}},
		{"55 only a token", get, []string{"Authorization:", "Sec-WebSocket-Protocol: bearer.ann"}, 400, [2]string{}},
		{"56 version 8", get, []string{"Sec-WebSocket-Version: 8"}, 400, [2]string{"Sec-WebSocket-Version", "13"}},
		{"56 no version", get, []string{"Sec-WebSocket-Version:"}, 400, [2]string{"Sec-WebSocket-Version", "13"}},
		{"56 no key", get, []string{"Sec-WebSocket-Key:"}, 400, [2]string{}},
		{"56 short key", get, []string{"Sec-WebSocket-Key: AAAA"}, 400, [2]string{}},
		{"56 two keys", get, []string{"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n BBBBBBBBBBBBBBBBBBBBBB=="}, 400, [2]string{}},
		{"56 plain GET", get, []string{"Connection:", "Upgrade:"}, 426, [2]string{"Upgrade", "websocket"}},
		{"56 other upgrade", get, []string{"Upgrade: h2c"}, 426, [2]string{"Upgrade", "websocket"}},
		{"57 POST", "POST / HTTP/1.1", []string{"Content-Length: 0"}, 405, [2]string{"Allow", "GET"}},
		{"57 HTTP/1.0", "GET / HTTP/1.0", nil, 426, [2]string{"Upgrade", "websocket"}},
		{"60 compression", get, []string{"Sec-WebSocket-Extensions: permessage-deflate"}, 101, [2]string{"Sec-WebSocket-Extensions", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, _, _ := s.handshake(t, tt.first, but(good(s), tt.change...)...)
			require.Equal(t, tt.status, resp.StatusCode)
			if tt.header[0] != "" {
				require.Equal(t, tt.header[1], resp.Header.Get(tt.header[0]))
			}
			if tt.status == 101 {
				return
			}
			require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
			b, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			m := members(t, b)
			require.EqualValues(t, tt.status, m["status"])
			require.NotEmpty(t, m["detail"])
			require.NotEmpty(t, m["code"])
			require.NotContains(t, string(b), "nobody")
		})
	}
	require.NoError(t, s.h.Shutdown(t.Context()))
	t.Run("59 during shutdown", func(t *testing.T) {
		resp, _, _ := s.handshake(t, get, good(s)...)
		require.Equal(t, 503, resp.StatusCode)
		require.Equal(t, "1", resp.Header.Get("Retry-After"))
	})
}

func TestBadOriginsPanic(t *testing.T) {
	for _, o := range []string{
		"*", "app.example", "https://", "https://*", "https://*:*", "https://*.", "https://*example.com", "https://a.*.com",
		"ftp://app.example", "https://app.example/", "https://user@app.example", "https://app.example:4*", "null", "",
	} {
		require.Panics(t, func() { NewHandler(nil, nil, &Options{Origins: []string{o}}) }, "%q", o)
	}
	for _, o := range []string{"https://app.example", "http://[::1]:8080", "http://127.0.0.1:*", "https://*.app.example:8443"} {
		require.NotPanics(t, func() { NewHandler(nil, nil, &Options{Origins: []string{o}}) }, "%q", o)
	}
}

// raw encodes a frame as a client sends it.
func raw(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, 0, 0, 0, 0) // a mask that changes nothing
	return append(b, payload...)
}

func text(s string) []byte { return raw(0x81, []byte(s)) }

// readFrame reads one frame of the server.
func readFrame(br *bufio.Reader) (op byte, payload []byte, err error) {
	var h [2]byte
	if _, err := io.ReadFull(br, h[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(h[1])
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(br, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(br, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(br, payload)
	return h[0] & 0xf, payload, err
}

// ending reads to the close frame and answers it; 1006 is the end without one.
func ending(c net.Conn, br *bufio.Reader) int {
	for {
		op, payload, err := readFrame(br)
		if err != nil {
			return codeAbnormal
		}
		if op == 8 {
			c.Write(raw(0x88, payload))
			return int(binary.BigEndian.Uint16(payload))
		}
	}
}

// session opens a connection over plain TCP and says hello.
func (s *testServer) session(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	resp, c, br := s.handshake(t, get, good(s)...)
	require.Equal(t, 101, resp.StatusCode)
	_, err := c.Write(text(`{"type":"hello","id":"h1"}`))
	require.NoError(t, err)
	_, b, err := readFrame(br)
	require.NoError(t, err)
	require.Contains(t, string(b), `"type":"welcome"`)
	return c, br
}

func TestHostileFrames(t *testing.T) {
	s := start(t, nil, nil)
	ping := []byte(`{"type":"ping","id":"q1"}`)
	join := func(frames ...[]byte) []byte { return bytes.Join(frames, nil) }
	tests := []struct {
		name string
		in   []byte
		want int // close code; 0: a reply to the ping
	}{
		{"good", raw(0x81, ping), 0},
		{"in pieces", join(raw(0x01, ping[:5]), raw(0x00, ping[5:9]), raw(0x80, ping[9:])), 0},
		{"ping between pieces", join(raw(0x01, ping[:5]), raw(0x89, []byte("x")), raw(0x80, ping[5:])), 0},
		{"empty pieces", join(raw(0x01, nil), raw(0x00, nil), raw(0x00, ping), raw(0x80, nil)), 0},
		{"61 unmasked", append([]byte{0x81, byte(len(ping))}, ping...), codeProtocol},
		{"62 RSV1", raw(0xc1, ping), codeProtocol},
		{"62 RSV2", raw(0xa1, ping), codeProtocol},
		{"62 RSV3", raw(0x91, ping), codeProtocol},
		{"62 opcode 3", raw(0x83, ping), codeProtocol},
		{"62 opcode 7", raw(0x87, ping), codeProtocol},
		{"62 opcode 11", raw(0x8b, ping), codeProtocol},
		{"62 opcode 15", raw(0x8f, ping), codeProtocol},
		{"63 long ping", raw(0x89, make([]byte, 126)), codeProtocol},
		{"63 ping in pieces", raw(0x09, []byte("x")), codeProtocol},
		{"64 continuation first", raw(0x80, ping), codeProtocol},
		{"64 data inside a message", join(raw(0x01, ping[:5]), raw(0x81, ping)), codeProtocol},
		{"65 length with the top bit", []byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, codeProtocol},
		{"67 close 1005", raw(0x88, []byte{0x03, 0xed}), codeProtocol},
		{"67 close 999", raw(0x88, []byte{0x03, 0xe7}), codeProtocol},
		{"67 close of one byte", raw(0x88, []byte{0x03}), codeProtocol},
		{"67 good close", raw(0x88, []byte{0x03, 0xe8}), codeNormal},
		{"68 bad UTF-8", text("{\"type\":\"ping\",\"id\":\"\xff\"}"), codeBadText},
		{"68 bad UTF-8 in an unknown field", text("{\"type\":\"ping\",\"id\":\"q1\",\"x\":\"\xc3\x28\"}"), codeBadText},
		{"68 surrogate in UTF-8", text("\"\xed\xa0\x80\""), codeBadText},
		{"69 binary", raw(0x82, ping), codeUnsupported},
		{"70 over 64 KiB", text(`{"type":"ping","id":"q1","x":"` + strings.Repeat("x", maxFrame) + `"}`), codeTooBig},
		{"70 over 256 KiB", text(`{"type":"hello","id":"q1","x":"` + strings.Repeat("x", maxHello) + `"}`), codeTooBig},
		{"70 exactly 64 KiB", text(padded(`{"type":"ping","id":"q1","x":"`, maxFrame)), 0},
		{"70 exactly 256 KiB", text(padded(`{"type":"hello","id":"q1","x":"`, maxHello)), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, br := s.session(t)
			go c.Write(tt.in)
			if tt.want != 0 {
				require.Equal(t, tt.want, ending(c, br))
				began := time.Now()
				_, err := br.ReadByte()
				require.Error(t, err, "the connection ends")
				require.Less(t, time.Since(began), time.Second, "and the server does not wait for its own end")
				return
			}
			for {
				op, b, err := readFrame(br)
				require.NoError(t, err)
				if op == 1 && bytes.Contains(b, []byte(`"re":"q1"`)) {
					return
				}
			}
		})
	}
	p, _ := s.hello("bob")
	require.Equal(t, "ok", p.ask("ping", nil)["type"], "nobody else was harmed")
}

// padded ends a frame that begins with s so that it has n bytes.
func padded(s string, n int) string { return s + strings.Repeat("x", n-len(s)-2) + `"}` }

// 65: a frame that says it has 2^62 bytes costs what was sent of it.
func TestHugeLength(t *testing.T) {
	s := start(t, nil, nil)
	c, br := s.session(t)
	head := []byte{0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	go func() {
		c.Write(head)
		junk := make([]byte, 1<<16)
		for range 10 {
			if _, err := c.Write(junk); err != nil {
				return
			}
		}
	}()
	require.Equal(t, codeTooBig, ending(c, br))
}

// 71: a message of very many empty pieces ends with its time, not with memory.
func TestEmptyPieces(t *testing.T) {
	s := start(t, nil, &Options{StallTimeout: 300 * time.Millisecond})
	c, br := s.session(t)
	go func() {
		c.Write(raw(0x01, nil))
		piece := bytes.Repeat(raw(0x00, nil), 1000)
		for {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
	}()
	require.Equal(t, codeSlow, ending(c, br))
}

// 73: pings are answered, the newest first of all, and too many end it, also
// when their sender reads nothing.
func TestPingFlood(t *testing.T) {
	s := start(t, nil, nil)
	c, br := s.session(t)
	for i := range 15 {
		c.Write(raw(0x89, []byte{byte(i)}))
	}
	for {
		op, b, err := readFrame(br)
		require.NoError(t, err)
		if op == 10 && b[0] == 14 {
			break
		}
	}
	go c.Write(bytes.Repeat(raw(0x89, []byte("x")), 1000))
	require.Equal(t, codeFlood, ending(c, br))
}

// 66: lengths that are not the shortest are harmless.
func TestLongLengths(t *testing.T) {
	s := start(t, nil, nil)
	c, br := s.session(t)
	b := []byte(`{"type":"ping","id":"q1"}`)
	c.Write(append(binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, uint64(len(b))), append(make([]byte, 4), b...)...))
	_, got, err := readFrame(br)
	require.NoError(t, err)
	require.Contains(t, string(got), `"re":"q1"`)
}

// A frame that comes in the same packet as the handshake is not lost.
func TestEarlyFrame(t *testing.T) {
	s := start(t, nil, nil)
	c, err := net.Dial("tcp", s.ln.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\r\n%s\r\n\r\n", get, strings.Join(good(s), "\r\n"))
	b.Write(text(`{"type":"hello","id":"h1"}`))
	b.Write(text(`{"type":"ping","id":"q1"}`))
	_, err = c.Write(b.Bytes())
	require.NoError(t, err)
	br := bufio.NewReader(c)
	resp, err := http.ReadResponse(br, nil)
	require.NoError(t, err)
	require.Equal(t, 101, resp.StatusCode)
	for _, want := range []string{"welcome", "ok"} {
		_, got, err := readFrame(br)
		require.NoError(t, err)
		require.Contains(t, string(got), `"type":"`+want+`"`)
	}
}
