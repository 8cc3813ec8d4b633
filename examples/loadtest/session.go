package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/carlware/gochat/internal/rawws"
)

const (
	bufferSize   = 2 << 10 // of a session; a longer frame makes it grow for a while
	maxFrame     = 1 << 20
	silence      = 60 * time.Second // the server pings every 25 s
	writeTimeout = 10 * time.Second
	dialTimeout  = 30 * time.Second
	backoffMin   = 500 * time.Millisecond
	backoffMax   = 30 * time.Second
)

// session is one client: a goroutine that reads, and little else, because there
// are thousands. It does what the protocol asks of a client: it resumes, sends
// again what has no answer, answers pings and renews its login.
type session struct {
	g       *generator
	n       int
	account *account

	writing sync.Mutex // held while a frame is written

	mu      sync.Mutex
	conn    net.Conn // nil while there is none
	online  bool     // welcomed
	was     bool     // online before
	token   string   // that the connection lives by
	spent   string   // that the server does not take any more
	user    string
	epoch   string
	places  []*place
	pending []int // messages without an answer, in the order in which they are to be sent
}

// ended is a connection that the server does not want back.
type ended struct {
	code   int
	reason string
}

func (e *ended) Error() string { return fmt.Sprintf("closed with %d %s", e.code, e.reason) }

// run is the life of the session. It returns an error when the session can't
// come back, and nil when ctx has ended.
func (s *session) run(ctx context.Context) error {
	for failures := 0; ; failures++ {
		began := time.Now()
		wait, err := s.connect(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			panic("a connection that ends has a reason")
		}
		s.g.broke(err)
		if e, final := errors.AsType[*ended](err); final && !comesBack(e.code) {
			return err
		}
		if time.Since(began) > 10*time.Second {
			failures = 0
		}
		if wait == 0 {
			wait = rand.N(min(backoffMin<<min(failures, 10), backoffMax))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// comesBack is section 10 of the protocol.
func comesBack(code int) bool {
	if code >= 4000 {
		return code < 4500
	}
	return slices.Contains([]int{1001, 1005, 1006, 1011, 1012, 1013}, code)
}

// connect is one connection, from the dial to its end. wait is when the server
// wants the next, if it says so.
func (s *session) connect(ctx context.Context) (wait time.Duration, err error) {
	s.mu.Lock()
	spent := s.spent
	s.mu.Unlock()
	token, err := s.account.get(ctx, spent)
	if err != nil {
		return 0, fmt.Errorf("no token: %w", err)
	}
	dial, cancel := context.WithTimeout(ctx, dialTimeout)
	conn, b, err := s.g.dial(dial, token)
	cancel()
	if err != nil {
		if e, ok := errors.AsType[*rawws.StatusError](err); ok {
			if e.Status == http.StatusUnauthorized {
				s.spend(token)
			}
			seconds, _ := strconv.Atoi(e.RetryAfter)
			return time.Duration(seconds) * time.Second, fmt.Errorf("refused with %d", e.Status)
		}
		return 0, errors.New("the dial failed: " + brief(err))
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		stop()
		s.mu.Lock()
		s.g.left(s.online)
		s.online, s.conn = false, nil
		s.mu.Unlock()
		_ = conn.Close()
	}()
	s.mu.Lock()
	s.conn, s.token = conn, token
	hello := s.hello()
	s.mu.Unlock()
	if err := s.write(conn, hello); err != nil {
		return 0, err
	}
	err = s.read(conn, b)
	if e, ok := errors.AsType[*ended](err); ok {
		switch e.code {
		case 1012:
			ms, _ := strconv.Atoi(strings.TrimPrefix(e.reason, "retry_after_ms="))
			wait = min(time.Duration(ms)*time.Millisecond, backoffMax)
		case 4001:
			s.spend(s.using())
		}
	}
	return wait, err
}

// brief is the end of an error, without addresses, so that equal ones can be
// counted.
func brief(err error) string {
	text := err.Error()
	return strings.TrimSpace(text[strings.LastIndex(text, ": ")+1:])
}

// spend says that the server does not take the token any more.
func (s *session) spend(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spent = token
}

// hello says what the session has. s.mu is held.
func (s *session) hello() []byte {
	if s.epoch == "" {
		return []byte(`{"type":"hello","id":"h"}`)
	}
	b := fmt.Appendf(nil, `{"type":"hello","id":"h","epoch":%q,"rooms":{`, s.epoch)
	for i, p := range s.places[max(len(s.places)-2000, 0):] {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "%q:%d", p.room.id, p.last)
	}
	return append(b, "}}"...)
}

// write writes one frame.
func (s *session) write(conn net.Conn, payload []byte) error {
	return s.writeFrame(conn, rawws.Text, payload)
}

func (s *session) writeFrame(conn net.Conn, opcode byte, payload []byte) error {
	b := rawws.AppendFrame(nil, opcode, payload)
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := conn.Write(b)
	return err
}

// read handles what comes until the connection ends; b has come already.
func (s *session) read(conn net.Conn, b []byte) error {
	buf := make([]byte, bufferSize)
	have := copy(buf, b)
	if len(b) > have {
		buf, have = slices.Clone(b), len(b)
	}
	var heard time.Time
	for {
		used, err := s.frames(conn, buf[:have])
		if err != nil {
			return err
		}
		have = copy(buf, buf[used:have])
		switch {
		case have == len(buf):
			buf = append(buf, make([]byte, len(buf))...)
		case have == 0 && len(buf) > 8*bufferSize:
			buf = make([]byte, bufferSize)
		}
		if now := time.Now(); now.Sub(heard) > silence/6 { // not for every read
			_ = conn.SetReadDeadline(now.Add(silence))
			heard = now
		}
		n, err := conn.Read(buf[have:])
		if have += n; err != nil && n == 0 {
			return errors.New("the connection broke: " + brief(err))
		}
	}
}

// frames handles the whole frames in b and says how long they are.
func (s *session) frames(conn net.Conn, b []byte) (used int, err error) {
	now := time.Now()
	for {
		f, n, err := rawws.Next(b[used:], maxFrame)
		if err != nil || n == 0 {
			return used, err
		}
		used += n
		switch {
		case f.Opcode == rawws.Text && f.Final:
			err = s.said(conn, f.Payload, now)
		case f.Opcode == rawws.Ping:
			err = s.writeFrame(conn, rawws.Pong, f.Payload)
		case f.Opcode == rawws.Close:
			code, reason := f.CloseCode()
			err = &ended{code, reason}
		case f.Opcode != rawws.Pong:
			err = errors.New("the server sent a fragment or a binary message")
		}
		if err != nil {
			return used, err
		}
	}
}

// using is the token that the connection lives by.
func (s *session) using() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// renew sends a new token on the connection, which the old one is about to end.
func (s *session) renew(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	token, err := s.account.get(ctx, s.using())
	if err != nil {
		return // the server will close the connection, and the next dial tells
	}
	frame, err := json.Marshal(map[string]string{"type": "auth", "id": "auth", "token": token})
	if err != nil || s.write(conn, frame) != nil {
		return // as above
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}
