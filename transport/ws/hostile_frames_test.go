package ws

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
	for _, poll := range []bool{false, true} {
		t.Run(fmt.Sprint("poll=", poll), func(t *testing.T) { hostileFrames(t, poll) })
	}
}

func hostileFrames(t *testing.T, poll bool) {
	s := start(t, nil, &Options{Poll: poll, Limits: Limits{PerUser: -1}})
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
		{"pings and pongs before", join(raw(0x89, nil), raw(0x8a, []byte("x")), raw(0x89, bytes.Repeat([]byte("y"), 125)), raw(0x89, bytes.Repeat([]byte("z"), 125)), raw(0x81, ping)), 0},
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
		{"67 close with a reason", raw(0x88, []byte("\x03\xe8grüße")), codeNormal},
		{"67 close with a reason that is not UTF-8", raw(0x88, []byte("\x03\xe8gr\xfc\xdfe")), codeBadText},
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
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
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
	runtime.ReadMemStats(&after)
	// 256 KiB are read, into a buffer that grows.
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
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
