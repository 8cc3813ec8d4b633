package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// rawSocket is a WebSocket by hand, which can break every rule.
type rawSocket struct {
	g  *target
	c  net.Conn
	br *bufio.Reader
}

// upgrade sends a handshake. changes are header lines that replace those of a
// good one; a line without a value leaves one out.
func (g *target) upgrade(p person, first string, changes ...string) (*http.Response, *rawSocket) {
	g.t.Helper()
	lines := []string{"Host: localhost", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: gochat.v1", "Authorization: Bearer " + p.token}
	for _, change := range changes {
		name, value, _ := strings.Cut(change, ":")
		kept := []string{first}[:0]
		for _, line := range lines {
			if !strings.HasPrefix(line, name+":") {
				kept = append(kept, line)
			}
		}
		if lines = kept; value != "" {
			lines = append(lines, change)
		}
	}
	c := g.tcp(g.chat)
	_, err := fmt.Fprintf(c, "%s\r\n%s\r\n\r\n", first, strings.Join(lines, "\r\n"))
	require.NoError(g.t, err)
	br := bufio.NewReader(c)
	resp, err := http.ReadResponse(br, nil)
	require.NoError(g.t, err)
	return resp, &rawSocket{g, c, br}
}

const upgradeLine = "GET /ws HTTP/1.1"

// raw opens a socket and says hello.
func (g *target) raw(p person) *rawSocket {
	g.t.Helper()
	resp, s := g.upgrade(p, upgradeLine)
	require.Equal(g.t, 101, resp.StatusCode)
	s.write(textFrame(`{"type":"hello","id":"h"}`))
	require.Contains(g.t, s.text(), `"welcome"`)
	return s
}

// frame encodes a frame as a client sends it, with a mask that changes nothing.
func frame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

func textFrame(s string) []byte { return frame(0x81, []byte(s)) }

func (s *rawSocket) write(b ...[]byte) {
	go s.c.Write(bytes.Join(b, nil)) //nolint:errcheck // what comes back tells
}

// next reads one frame of the server.
func (s *rawSocket) next() (op byte, payload []byte, err error) {
	var h [2]byte
	if _, err := io.ReadFull(s.br, h[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(h[1])
	var long []byte
	switch n {
	case 126:
		long = make([]byte, 2)
	case 127:
		long = make([]byte, 8)
	}
	if long != nil {
		if _, err := io.ReadFull(s.br, long); err != nil {
			return 0, nil, err
		}
		n = 0
		for _, b := range long {
			n = n<<8 | uint64(b)
		}
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(s.br, payload)
	return h[0] & 0xf, payload, err
}

// text returns the next text frame.
func (s *rawSocket) text() string {
	s.g.t.Helper()
	for {
		op, payload, err := s.next()
		require.NoError(s.g.t, err)
		if op == 1 {
			return string(payload)
		}
		require.NotEqual(s.g.t, byte(8), op, "closed: %x", payload)
	}
}

// reply returns what answers the request of that id, or a request whose id
// can't be read.
func (s *rawSocket) reply(id string) map[string]any {
	s.g.t.Helper()
	for {
		var m map[string]any
		require.NoError(s.g.t, json.Unmarshal([]byte(s.text()), &m))
		if m["re"] == id || m["re"] == nil && m["type"] == "error" {
			return m
		}
	}
}

// ask sends a request and returns the code of its error, or "ok".
func (s *rawSocket) ask(request string) string {
	s.g.t.Helper()
	var m struct{ ID string }
	_ = json.Unmarshal([]byte(request), &m) // an id that can't be read is answered to nobody
	s.write(textFrame(request))
	return codeOf(s.reply(m.ID))
}

func codeOf(reply map[string]any) string {
	if e, ok := reply["error"].(map[string]any); ok {
		return e["code"].(string)
	}
	return reply["type"].(string)
}

const lost = 1006 // the end without a close frame

// ending reads to the end, which the server makes, and returns the code of the
// close frame.
func (s *rawSocket) ending() int {
	s.g.t.Helper()
	code := s.end()
	require.NotZero(s.g.t, code, "the server does not end it")
	return code
}

// end is ending, or 0 if there is none.
func (s *rawSocket) end() int {
	for {
		op, payload, err := s.next()
		if isTimeout(err) {
			return 0
		}
		if err != nil {
			return lost
		}
		if op == 8 && len(payload) >= 2 {
			s.write(frame(0x88, payload))
			return int(binary.BigEndian.Uint16(payload))
		}
	}
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// upgrades are 52 to 60, but for 59, which is at the end of all.
func (g *target) upgrades() map[int]func() {
	p := g.user()
	refused := func(status int, first string, changes ...string) *http.Response {
		g.t.Helper()
		resp, s := g.upgrade(p, first, changes...)
		require.Equal(g.t, status, resp.StatusCode, "%s %q", first, changes)
		s.c.Close()
		return resp
	}
	return map[int]func(){
		52: func() {
			for _, origin := range []string{"http://evil.example", "null", "http://localhost.evil.example", "http://localhost@evil.example", "http://%zz", "file://localhost"} {
				refused(403, upgradeLine, "Origin: "+origin)
			}
			refused(101, upgradeLine, "Origin: http://localhost")
		},
		53: func() { refused(421, upgradeLine, "Host: evil.example", "Origin: http://evil.example") },
		54: func() {
			require.NotEmpty(g.t, refused(401, upgradeLine, "Authorization:").Header.Get("WWW-Authenticate"))
			refused(401, upgradeLine, "Authorization: Bearer x")
			refused(401, upgradeLine, "Sec-WebSocket-Protocol: gochat.v1, bearer."+p.token) // two
			refused(401, upgradeLine, "Authorization:", "Cookie: "+cookieName+"="+p.cookie)
		},
		55: func() {
			refused(400, upgradeLine, "Sec-WebSocket-Protocol:")
			refused(400, upgradeLine, "Sec-WebSocket-Protocol: gochat.v9")
		},
		56: func() {
			require.Equal(g.t, "13", refused(400, upgradeLine, "Sec-WebSocket-Version: 8").Header.Get("Sec-WebSocket-Version"))
			refused(400, upgradeLine, "Sec-WebSocket-Key: AAAA")
			refused(426, upgradeLine, "Upgrade:", "Connection:")
		},
		57: func() {
			refused(426, "GET /ws HTTP/1.0")
			refused(405, "POST /ws HTTP/1.1", "Content-Length: 0")
		},
		58: func() {
			many := g.user()
			for range 32 {
				g.raw(many)
			}
			resp, one := g.upgrade(many, upgradeLine)
			require.Equal(g.t, 101, resp.StatusCode, "so that a page can tell")
			require.Equal(g.t, 4505, one.ending())
		},
		60: func() {
			resp := refused(101, upgradeLine, "Sec-WebSocket-Extensions: permessage-deflate")
			require.Empty(g.t, resp.Header.Get("Sec-WebSocket-Extensions"))
		},
	}
}

// frames are 61 to 70, 73 and 78.
func (g *target) frames() map[int]func() {
	p := g.user()
	ping := []byte(`{"type":"ping","id":"q1"}`)
	ends := func(want int, sent ...[]byte) {
		g.t.Helper()
		s := g.raw(p)
		s.write(sent...)
		require.Equal(g.t, want, s.ending())
		s.c.Close()
	}
	lives := func(sent ...[]byte) {
		g.t.Helper()
		s := g.raw(p)
		s.write(sent...)
		require.Equal(g.t, "ok", codeOf(s.reply("q1")))
		s.c.Close()
	}
	return map[int]func(){
		61: func() { ends(1002, append([]byte{0x81, byte(len(ping))}, ping...)) },
		62: func() {
			for _, first := range []byte{0xc1, 0xa1, 0x91, 0x83, 0x87, 0x8b, 0x8f} {
				ends(1002, frame(first, ping))
			}
		},
		63: func() { ends(1002, frame(0x89, make([]byte, 126))); ends(1002, frame(0x09, []byte("x"))) },
		64: func() { ends(1002, frame(0x80, ping)); ends(1002, frame(0x01, ping[:5]), frame(0x81, ping)) },
		65: func() {
			ends(1002, []byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
			ends(1009, []byte{0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 300<<10))
		},
		66: func() {
			lives(binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, uint64(len(ping))), make([]byte, 4), ping)
		},
		67: func() {
			for _, reason := range [][]byte{{0x03, 0xed}, {0x03, 0xe7}, {0x03}} {
				ends(1002, frame(0x88, reason))
			}
		},
		68: func() {
			ends(1007, textFrame("{\"type\":\"ping\",\"id\":\"\xff\"}"))
			ends(1007, textFrame("\"\xed\xa0\x80\""))
		},
		69: func() { ends(1003, frame(0x82, ping)) },
		70: func() { ends(1009, textFrame(`{"type":"ping","id":"q1","x":"`+strings.Repeat("x", 64<<10)+`"}`)) },
		78: func() {
			restless := g.user()
			g.limited(300, func() bool { // 60 at once, 2 a second
				resp, s := g.upgrade(restless, upgradeLine)
				s.c.Close()
				if resp.StatusCode != http.StatusTooManyRequests {
					return false
				}
				require.NotEmpty(g.t, resp.Header.Get("Retry-After"))
				return true
			})
		},
		73: func() { ends(4029, bytes.Repeat(frame(0x89, []byte("x")), 1000)) },
	}
}

// patience are 71, 72, 74, 75, 77: what ends by time. They begin at once and are
// looked at when all else is done.
func (g *target) patience() map[int]func() {
	ends := func(s *rawSocket, want int) func() {
		got := make(chan int, 1)
		go func() { got <- s.end() }()
		return func() {
			g.t.Helper()
			require.Equal(g.t, want, <-got)
		}
	}
	forever := func(s *rawSocket, first, piece []byte, pause time.Duration) *rawSocket {
		go func() {
			_, err := s.c.Write(first)
			for err == nil {
				time.Sleep(pause)
				_, err = s.c.Write(piece)
			}
		}()
		return s
	}
	// All of them are read from the start.
	empty := ends(forever(g.raw(g.user()), frame(0x01, nil), bytes.Repeat(frame(0x00, nil), 1000), time.Millisecond), 4002)
	drip := ends(forever(g.raw(g.user()), frame(0x01, []byte("{")), frame(0x00, []byte(" ")), time.Second), 4002)
	flood := ends(forever(g.raw(g.user()), nil, bytes.Repeat(textFrame(`{"type":"rooms","id":"r"}`), 20), 20*time.Millisecond), 4029)
	quiet := ends(g.raw(g.user()), 4003) // 74: reads, and answers no ping

	reader := g.user() // 75: asks for much and reads nothing
	room := g.room(reader)
	for range 18 {
		g.read(g.as(reader, "POST", room+"/messages", `{"id":"`+newID()+`","text":"`+strings.Repeat("ü", 4000)+`"}`), new(any))
	}
	deaf := g.raw(reader)
	asked := make(chan error, 1)
	go func() {
		request := textFrame(`{"type":"history","id":"h","room":"` + roomID(room) + `","limit":200}`)
		var err error
		for ; err == nil; time.Sleep(50 * time.Millisecond) {
			_, err = deaf.c.Write(request)
		}
		asked <- err
	}()
	return map[int]func(){
		71: empty,
		72: drip,
		74: quiet,
		75: func() {
			require.False(g.t, isTimeout(<-asked), "the server ends it")
			// What it is told comes behind what it never read, if it still comes.
			require.Contains(g.t, []int{4002, lost}, deaf.end())
		},
		77: flood,
	}
}
