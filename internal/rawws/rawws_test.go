package rawws_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/rawws"
)

// echo is a server that says what it hears, with the subprotocol that it chose
// in front.
func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"b"}})
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(1 << 20)
	_ = c.Write(r.Context(), websocket.MessageText, []byte(c.Subprotocol()+r.Header.Get("Authorization")))
	for {
		typ, b, err := c.Read(r.Context())
		if err != nil {
			return
		}
		_ = c.Write(r.Context(), typ, b)
	}
}

// reader reads frames of a connection.
type reader struct {
	conn net.Conn
	b    []byte
}

func (r *reader) next(t *testing.T) rawws.Frame {
	t.Helper()
	for {
		f, n, err := rawws.Next(r.b, 1<<20)
		require.NoError(t, err)
		if n > 0 {
			r.b = r.b[n:]
			return f
		}
		var more [1000]byte
		n, err = r.conn.Read(more[:])
		require.NoError(t, err)
		r.b = append(r.b, more[:n]...)
	}
}

func TestAgainstALibrary(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(echo))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(echo))
	defer secure.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	for _, url := range []string{plain.URL, secure.URL, strings.Replace(plain.URL, "http", "ws", 1), strings.Replace(secure.URL, "http", "ws", 1)} {
		conn, rest, err := rawws.Dial(t.Context(), url+"/path?q=1", &rawws.DialOptions{
			Protocols: []string{"a", "b"}, Header: http.Header{"Authorization": {"Bearer x"}}, TLS: &tls.Config{RootCAs: roots},
		})
		require.NoError(t, err)
		r := &reader{conn, rest}
		require.Equal(t, "bBearer x", string(r.next(t).Payload))
		for _, size := range []int{0, 1, 125, 126, 65535, 65536, 300_000} {
			sent := bytes.Repeat([]byte("abcde"), size/5+1)[:size]
			_, err := conn.Write(rawws.AppendFrame(nil, rawws.Binary, sent))
			require.NoError(t, err)
			var got []byte
			for f := r.next(t); ; f = r.next(t) {
				got = append(got, f.Payload...)
				if f.Final {
					break
				}
			}
			require.Equal(t, string(sent), string(got))
		}
		_, err = conn.Write(rawws.AppendFrame(nil, rawws.Ping, []byte("hi")))
		require.NoError(t, err)
		pong := r.next(t)
		require.Equal(t, []any{byte(rawws.Pong), "hi"}, []any{pong.Opcode, string(pong.Payload)})
		_, err = conn.Write(rawws.AppendFrame(nil, rawws.Close, []byte{3, 232, 'b', 'y', 'e'}))
		require.NoError(t, err)
		code, reason := r.next(t).CloseCode()
		require.Equal(t, []any{1000, "bye"}, []any{code, reason})
		require.NoError(t, conn.Close())
	}
}

func TestRefusals(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fake" {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.WriteHeader(http.StatusSwitchingProtocols)
			return
		}
		w.Header().Set("Retry-After", "3")
		http.Error(w, "draining", http.StatusServiceUnavailable)
	}))
	defer srv.Close()
	_, _, err := rawws.Dial(t.Context(), srv.URL, nil)
	var refused *rawws.StatusError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, rawws.StatusError{Status: 503, Body: "draining\n", RetryAfter: "3"}, *refused)

	_, _, err = rawws.Dial(t.Context(), srv.URL+"/fake", nil)
	require.ErrorContains(t, err, "does not speak WebSocket")
	_, _, err = rawws.Dial(t.Context(), "ftp://x", nil)
	require.Error(t, err)

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		c, err := ln.Accept()
		if err == nil {
			cancel() // it accepts and says nothing
			defer c.Close()
			<-t.Context().Done()
		}
	}()
	_, _, err = rawws.Dial(ctx, "ws://"+ln.Addr().String(), nil)
	require.Error(t, err)
}

func FuzzNext(f *testing.F) {
	f.Add([]byte{0x81, 2, 'h', 'i'})
	f.Add([]byte{0x81, 126, 0, 200})
	f.Add([]byte{0x82, 127, 0, 0, 0, 0, 0, 0, 0, 1, 7})
	f.Add([]byte{0x88, 2, 3, 232})
	f.Add([]byte{0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, n, err := rawws.Next(b, 1000)
		switch {
		case err != nil:
			require.Zero(t, n)
		case n > 0:
			require.LessOrEqual(t, n, len(b))
			require.LessOrEqual(t, len(frame.Payload), 1000)
			for short := range n { // less of it is not all of it, nor an error
				_, m, err := rawws.Next(b[:short], 1000)
				require.NoError(t, err)
				require.Zero(t, m)
			}
		}
		frame.CloseCode()
	})
}
