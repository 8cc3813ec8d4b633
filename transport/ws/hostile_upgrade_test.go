package ws

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
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
	var hub panicHub // nobody calls it
	nobody := func(*http.Request) (chat.Principal, error) { return chat.Principal{}, chat.ErrForbidden }
	for _, o := range []string{
		"*", "app.example", "https://", "https://*", "https://*:*", "https://*.", "https://*example.com", "https://a.*.com",
		"ftp://app.example", "https://app.example/", "https://user@app.example", "https://app.example:4*", "null", "",
	} {
		require.Panics(t, func() { NewHandler(hub, nobody, &Options{Origins: []string{o}}) }, "%q", o)
	}
	for _, o := range []string{"https://app.example", "http://[::1]:8080", "http://127.0.0.1:*", "https://*.app.example:8443"} {
		require.NotPanics(t, func() { NewHandler(hub, nobody, &Options{Origins: []string{o}}) }, "%q", o)
	}
	require.Panics(t, func() { NewHandler(nil, nobody, nil) }, "no hub")
	require.Panics(t, func() { NewHandler(hub, nil, nil) }, "nobody says who a request comes from")
}
