package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// connect connects to the server of a URL. Whatever is waited for ends when it
// takes too long. The caller closes the connection.
func (g *target) connect(url string) net.Conn {
	g.t.Helper()
	host, _, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	c, err := net.Dial("tcp", host)
	require.NoError(g.t, err)
	require.NoError(g.t, c.SetDeadline(time.Now().Add(tooLong)))
	return c
}

// tcp is connect until the end of the test.
func (g *target) tcp(url string) net.Conn {
	g.t.Helper()
	c := g.connect(url)
	g.t.Cleanup(func() { c.Close() })
	return c
}

// bytes sends what no HTTP client would, and returns the answer.
func (g *target) bytes(url, sent string) *http.Response {
	g.t.Helper()
	c := g.tcp(url)
	go io.WriteString(c, sent) //nolint:errcheck // the answer tells
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(g.t, err, "%.80q", sent)
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(g.t, err)
	return resp
}

// refusal says that an answer is a problem and tells nothing of the inside.
func (g *target) refusal(a answer, status int, what string) {
	g.t.Helper()
	require.Equal(g.t, status, a.status, "%.80q: %s", what, a.body)
	require.Equal(g.t, "application/problem+json", a.header.Get("Content-Type"), what)
	var p struct {
		Status int
		Code   string
	}
	require.NoError(g.t, json.Unmarshal([]byte(a.body), &p), a.body)
	require.Equal(g.t, status, p.Status)
	require.NotEmpty(g.t, p.Code)
	for _, inside := range []string{".go:", "goroutine", "sql", "SQL", "panic"} {
		require.NotContains(g.t, a.body, inside)
	}
}

// requests are 1 to 20: bodies, paths and headers.
func (g *target) requests() map[int]func() {
	p := g.user()
	room := strings.TrimPrefix(g.room(p), g.chat)
	long := strings.Repeat("x", 70<<10)
	// Each body goes to the login and to the messages of a room.
	post := func(login, message string, header ...string) []answer {
		bearer := append([]string{"Authorization", "Bearer " + p.token}, header...)
		return []answer{
			g.send("POST", g.auth+"/auth/login", login, header...),
			g.send("POST", g.chat+room+"/messages", message, bearer...),
		}
	}
	refused := func(status int, login, message string, header ...string) {
		g.t.Helper()
		for _, a := range post(login, message, header...) {
			g.refusal(a, status, login)
		}
	}
	login := `{"username":"carlos","password":"1234"}`
	message := func() string { return `{"id":"` + chat.NewID() + `","text":"x"}` }
	raw := func(status int, sent string) {
		g.t.Helper()
		for _, url := range []string{g.auth, g.chat} {
			require.Equal(g.t, status, g.bytes(url, sent).StatusCode, "%.80q", sent)
		}
	}
	head := "POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	return map[int]func(){
		1: func() { refused(400, `{`, `{`); refused(400, `{"username":}`, `{"text":}`) },
		2: func() { refused(400, " ", " ") },
		3: func() {
			for _, body := range []string{`[]`, `1`, `null`, `"x"`, `true`} {
				refused(400, body, body)
			}
		},
		4: func() { refused(400, login+login, message()+"{}") },
		5: func() {
			refused(400, `{"username":"carlos","username":"john","password":"1234"}`, `{"id":"`+chat.NewID()+`","text":"x","text":"y"}`)
			refused(400, `{"Username":"carlos","password":"1234"}`, `{"id":"`+chat.NewID()+`","TEXT":"x"}`)
		},
		6: func() {
			refused(400, `{"username":7,"password":"1234"}`, `{"id":"`+chat.NewID()+`","text":7}`)
			refused(400, `{"username":null,"password":["1234"]}`, `{"id":"`+chat.NewID()+`","text":{"a":1}}`)
		},
		7: func() {
			refused(400, "{\"username\":\"\xff\",\"password\":\"1\"}", `{"id":"`+chat.NewID()+"\",\"text\":\"\xff\"}")
		},
		8: func() {
			refused(413, `{"username":"`+long+`"}`, `{"text":"`+long+`"}`)
			sent := head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(long), long)
			require.Equal(g.t, 413, g.bytes(g.auth, sent).StatusCode)
		},
		9: func() {
			for _, kind := range []string{"text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", ""} {
				refused(415, login, message(), "Content-Type", kind)
			}
		},
		10: func() { refused(400, `{`, `{`, "Accept", "text/html") },
		11: func() { refused(415, login, message(), "Content-Encoding", "gzip") },
		12: func() {
			g.refusal(g.send("GET", g.auth+"/auth/nothing", ""), 404, "auth")
			g.refusal(g.as(p, "GET", g.chat+"/api/nothing", ""), 404, "api")
		},
		13: func() {
			for _, a := range []answer{g.send("DELETE", g.auth+"/auth/login", ""), g.as(p, "PUT", g.chat+"/api/rooms", "{}")} {
				g.refusal(a, 405, "method")
				require.Contains(g.t, a.header.Get("Allow"), "POST")
			}
		},
		14: func() {
			for _, path := range []string{"/auth/../auth/config", "//auth/config", "/api/rooms/../rooms", "//evil.example/%2e%2e"} {
				for _, url := range []string{g.auth, g.chat} {
					resp := g.bytes(url, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "+p.token+"\r\nConnection: close\r\n\r\n")
					require.Contains(g.t, []int{301, 307, 401, 404}, resp.StatusCode, path)
					if to := resp.Header.Get("Location"); to != "" {
						require.Regexp(g.t, `^/[^/]`, to, "never another host")
					}
				}
			}
		},
		15: func() {
			for _, id := range []string{"%2e%2e", "%2e%2e%2frooms", "%2F", "%00", "%ff", "%0d%0a", "a%00b", "..%5c", "'%20OR%201=1", strings.Repeat("a", 65)} {
				for _, of := range []string{"/api/rooms/" + id, "/api/rooms/" + id + "/messages", "/api/rooms/" + id + "/members"} {
					g.refusal(g.as(p, "GET", g.chat+of, ""), 404, of)
				}
				require.Contains(g.t, []int{400, 404}, g.as(p, "DELETE", g.auth+"/auth/sessions/"+id, "").status, id)
				require.Contains(g.t, []int{400, 404}, g.as(p, "DELETE", g.chat+room+"/messages/"+id+"?id="+chat.NewID(), "").status, id)
			}
		},
		16: func() { raw(400, "GET /api/rooms/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n") },
		17: func() {
			raw(421, "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
			raw(421, "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n")
		},
		18: func() {
			raw(400, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
			raw(400, "GET /healthz HTTP/1.1\r\n\r\n")
			raw(400, "G@T /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
			raw(400, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n")
			raw(400, head+"Content-Length: -1\r\n\r\n")
			raw(501, head+"Transfer-Encoding: gzip\r\n\r\n")
		},
		19: func() {
			// Chunks count, and the length does not: nothing is left over for a
			// second request.
			for _, url := range []string{g.auth, g.chat} {
				resp := g.bytes(url, head+"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
				require.Contains(g.t, []int{400, 404}, resp.StatusCode)
			}
		},
		20: func() { raw(431, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "+long+"\r\n\r\n") },
	}
}

// waits are 21 to 24: who is slow, or does nothing. They begin at once and are
// looked at when all else is done.
func (g *target) waits() map[int]func() {
	closed := func(c net.Conn) func() {
		return func() {
			g.t.Helper()
			// Its deadline may be over by now, and its end unread.
			require.NoError(g.t, c.SetReadDeadline(time.Now().Add(tooLong)))
			_, err := io.Copy(io.Discard, c)
			require.False(g.t, isTimeout(err), "the server ends it")
		}
	}
	each := func(sent string, drip time.Duration) func() {
		var all []func()
		for _, url := range []string{g.auth, g.chat} {
			c := g.tcp(url)
			_, err := io.WriteString(c, sent)
			require.NoError(g.t, err)
			if drip > 0 {
				go func() {
					for {
						time.Sleep(drip)
						if _, err := io.WriteString(c, "x"); err != nil {
							return
						}
					}
				}()
			}
			all = append(all, closed(c))
		}
		return func() {
			for _, f := range all {
				f()
			}
		}
	}
	var idle []func()
	for range 200 {
		idle = append(idle, each("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 0))
	}
	slow := func() func() { // 23: asks for much and reads nothing
		c := g.tcp(g.chat)
		ended := make(chan error, 1)
		go func() {
			var err error
			for n := 0; err == nil && n < 1<<20; n++ {
				_, err = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
			}
			ended <- err
		}()
		return func() {
			err := <-ended
			require.Error(g.t, err, "the server has ended it")
			require.False(g.t, isTimeout(err), "the server has ended it")
		}
	}()
	return map[int]func(){
		21: each("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", time.Second),
		22: each("POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", time.Second),
		23: slow,
		24: func() {
			for _, f := range idle {
				f()
			}
		},
	}
}
