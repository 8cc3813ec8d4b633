// Package rawws is the client's side of WebSocket (RFC 6455) reduced to what a
// generator of load needs: a handshake that leaves nothing behind but the
// connection, and frames in the caller's own buffers. It has no goroutines, and
// leaves to the caller what a client owes: pings are to be answered, and a
// message of several frames is to be put together.
package rawws

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// The opcodes of frames.
const (
	Continuation = 0
	Text         = 1
	Binary       = 2
	Close        = 8
	Ping         = 9
	Pong         = 10
)

// DialOptions are the options of [Dial]. nil means all defaults.
type DialOptions struct {
	// Protocols are the subprotocols that are offered.
	Protocols []string
	// Header is sent with the handshake.
	Header http.Header
	// TLS is used for wss. nil means the defaults.
	TLS *tls.Config
}

// StatusError is a handshake that the server has refused.
type StatusError struct {
	Status     int
	Body       string // the first KiB
	RetryAfter string // the header
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("rawws: the server answers %d %s: %s", e.Status, http.StatusText(e.Status), strings.TrimSpace(e.Body))
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

// Dial opens a WebSocket at a ws, wss, http or https address. ctx bounds the
// handshake. What the server has sent behind it already is rest. A refusal is a
// [*StatusError].
func Dial(ctx context.Context, address string, o *DialOptions) (conn net.Conn, rest []byte, err error) {
	if o == nil {
		o = &DialOptions{}
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, nil, fmt.Errorf("rawws: %w", err)
	}
	secure, port := false, "80"
	switch u.Scheme {
	case "ws", "http":
	case "wss", "https":
		secure, port = true, "443"
	default:
		return nil, nil, fmt.Errorf("rawws: %s is no WebSocket address", address)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	host := net.JoinHostPort(u.Hostname(), port)
	if secure {
		conn, err = (&tls.Dialer{Config: o.TLS}).DialContext(ctx, "tcp", host)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", host)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("rawws: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	rest, err = handshake(conn, u, o)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return conn, rest, nil
}

func handshake(conn net.Conn, u *url.URL, o *DialOptions) ([]byte, error) {
	var nonce [16]byte
	rand.Read(nonce[:])
	key := base64.StdEncoding.EncodeToString(nonce[:])
	r := &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: http.Header{}}
	for name, values := range o.Header {
		r.Header[name] = values
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", key)
	if len(o.Protocols) > 0 {
		r.Header.Set("Sec-WebSocket-Protocol", strings.Join(o.Protocols, ", "))
	}
	if err := r.Write(conn); err != nil {
		return nil, fmt.Errorf("rawws: handshake: %w", err)
	}
	br := readers.Get().(*bufio.Reader)
	defer func() {
		br.Reset(nil)
		readers.Put(br)
	}()
	br.Reset(conn)
	resp, err := http.ReadResponse(br, r) //nolint:bodyclose // the body is the connection's
	if err != nil {
		return nil, fmt.Errorf("rawws: handshake: %w", err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // what can be read of it
		return nil, &StatusError{resp.StatusCode, string(body), resp.Header.Get("Retry-After")}
	}
	if resp.Header.Get("Sec-WebSocket-Accept") != accept(key) {
		return nil, errors.New("rawws: handshake: the server does not speak WebSocket")
	}
	rest, _ := br.Peek(br.Buffered()) // what is buffered is there
	return bytes.Clone(rest), nil
}

func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// AppendFrame appends a final frame of a client to dst.
func AppendFrame(dst []byte, opcode byte, payload []byte) []byte {
	dst = append(dst, 0x80|opcode)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	var mask [4]byte
	binary.BigEndian.PutUint32(mask[:], mrand.Uint32())
	dst = append(dst, mask[:]...)
	for i, b := range payload {
		dst = append(dst, b^mask[i&3])
	}
	return dst
}

// Frame is one frame of a server.
type Frame struct {
	Opcode  byte
	Final   bool
	Payload []byte // of the buffer that was given
}

// CloseCode returns what a close frame says; 1005 when it says nothing.
func (f Frame) CloseCode() (code int, reason string) {
	if len(f.Payload) < 2 {
		return 1005, ""
	}
	return int(binary.BigEndian.Uint16(f.Payload)), string(f.Payload[2:])
}

var errFrame = errors.New("rawws: the server's framing is broken, or a frame is too long")

// Next returns the frame at the beginning of b and its length in b. A length of
// 0 means that b does not hold all of it. Frames whose payload is longer than
// limit are errors, as are those that no server may send.
func Next(b []byte, limit int) (f Frame, n int, err error) {
	if len(b) < 2 {
		return f, 0, nil
	}
	if b[0]&0x70 != 0 || b[1]&0x80 != 0 {
		return f, 0, errFrame
	}
	f.Opcode, f.Final = b[0]&15, b[0]&0x80 != 0
	size, head := uint64(b[1]), 2
	switch size {
	case 126:
		if len(b) < 4 {
			return f, 0, nil
		}
		size, head = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		if len(b) < 10 {
			return f, 0, nil
		}
		size, head = binary.BigEndian.Uint64(b[2:]), 10
	}
	if size > uint64(limit) || f.Opcode >= Close && (size > 125 || !f.Final) {
		return f, 0, errFrame
	}
	if uint64(len(b)-head) < size {
		return f, 0, nil
	}
	n = head + int(size)
	f.Payload = b[head:n]
	return f, n, nil
}
