package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// said handles what the server says.
func (s *session) said(conn net.Conn, b []byte, now time.Time) error {
	var f frame
	if !f.scan(b) {
		return errors.New("the server sent a frame that is no JSON object")
	}
	switch string(f.typ) {
	case "event":
		return s.event(&f, b, now)
	case "ok":
		s.ok(&f, now)
	case "error":
		return s.refused(conn, b)
	case "welcome":
		return s.welcome(conn, b)
	case "gap":
		s.gap(&f)
	case "notice":
		if string(f.kind) == "auth_expiring" {
			s.g.tasks.Go(func() { s.renew(s.g.ctx, conn) })
		}
	}
	return nil
}

// find returns the place in a room, or nil.
func (s *session) find(room []byte) *place {
	for _, p := range s.places {
		if p.room.id == string(room) {
			return p
		}
	}
	return nil
}

func (s *session) event(f *frame, b []byte, now time.Time) error {
	if len(f.room) == 0 || f.seq < 1 || len(f.id) == 0 {
		return errors.New("the server sent an event without room, seq or id")
	}
	c := s.g.checker
	joined, left := false, false
	if kind := string(f.kind); kind == "joined" || kind == "left" || kind == "banned" {
		var e struct {
			Target struct{ ID string }
			Off    bool
		}
		if err := json.Unmarshal(b, &e); err != nil {
			return err
		}
		joined = kind == "joined" && e.Target.ID == s.user
		left = kind != "joined" && e.Target.ID == s.user && !e.Off
	}
	s.mu.Lock()
	p := s.find(f.room)
	if p == nil { // a room that is new to the user
		p = &place{room: c.room(f.room), last: f.seq - 1}
		s.places = append(s.places, p)
	}
	first := c.came(s.n, p, f, joined || left)
	if left {
		s.places = slices.DeleteFunc(s.places, func(q *place) bool { return q == p })
	}
	s.mu.Unlock()
	if n, ours := c.number(f.id); ours {
		c.at(n, f.seq)
		if first {
			c.latency.Add(c.late(n, now))
		}
	}
	return nil
}

// ok is an answer. To a message it means that it is stored.
func (s *session) ok(f *frame, now time.Time) {
	c := s.g.checker
	n, ours := c.number(f.re)
	if !ours || !s.answered(n) {
		return
	}
	s.g.acked.Add(1)
	c.stored.Add(c.late(n, now))
	c.at(n, f.seq)
	r := c.msgs[n].room
	raise(&r.head, f.seq)
	if !r.agree(f.seq, f.re) {
		c.violation(&c.clashes, 1, "message %s was acknowledged as %d, which is another event for a session", f.re, f.seq)
	}
}

// answered takes message n off what is pending, and reports whether it was.
func (s *session) answered(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.pending, n)
	if i >= 0 {
		s.pending = slices.Delete(s.pending, i, i+1)
	}
	return i >= 0
}

// refused handles an error: either the message is to be sent again, or it is
// certain that it is not stored.
func (s *session) refused(conn net.Conn, b []byte) error {
	var e struct {
		Re    string
		Error struct {
			Code    string
			Message string
			After   int64 `json:"retry_after_ms"`
		}
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return err
	}
	if e.Re == "h" {
		return fmt.Errorf("the hello was refused: %s", e.Error.Code)
	}
	n, ours := s.g.checker.number([]byte(e.Re))
	if !ours {
		return nil
	}
	if e.Error.Code == "unavailable" {
		after := max(time.Duration(e.Error.After)*time.Millisecond, backoffMin)
		s.g.tasks.Go(func() {
			select {
			case <-time.After(after):
				_ = s.write(conn, s.g.frame(n)) // a broken connection is found by the reader
			case <-s.g.ctx.Done():
			}
		})
		return nil
	}
	if s.answered(n) {
		s.g.refused(e.Error.Code)
	}
	return nil
}

func (s *session) welcome(conn net.Conn, b []byte) error {
	var w struct {
		User  struct{ ID string }
		Epoch string
		Rooms []struct {
			ID   string
			Head int64
		}
		More bool
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	c := s.g.checker
	s.mu.Lock()
	fresh := s.epoch == ""
	s.epoch, s.user = w.Epoch, w.User.ID
	var places []*place
	for _, r := range w.Rooms {
		p := s.find([]byte(r.ID))
		if p == nil {
			p = &place{room: c.room([]byte(r.ID)), last: r.Head}
		}
		raise(&p.room.head, r.Head)
		places = append(places, p)
	}
	if !w.More || fresh {
		s.places = places
	}
	again := s.was
	s.online, s.was = true, true
	pending := slices.Clone(s.pending)
	s.mu.Unlock()
	s.g.entered(again)
	for _, n := range pending {
		if err := s.write(conn, s.g.frame(n)); err != nil {
			return err
		}
	}
	return nil
}

// gap is what the server will not push: the session goes on behind it, and a
// real client would read it from the history.
func (s *session) gap(f *frame) {
	c := s.g.checker
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.find(f.room)
	if p == nil || f.head < 0 {
		return
	}
	if f.reset {
		c.violation(&c.lost, max(p.last, 1), "session %d, room %s: the server says that what was told up to %d is void", s.n, p.room.id, p.last)
		p.last, p.missing = f.head, nil
		return
	}
	if f.head > p.last {
		c.gapped.Add(f.head - p.last)
		p.last = f.head
	}
}

// post sends message n, now or when there is a connection.
func (s *session) post(n int) {
	s.mu.Lock()
	s.pending = append(s.pending, n)
	conn := s.conn
	if !s.online {
		conn = nil
	}
	s.mu.Unlock()
	if conn != nil {
		_ = s.write(conn, s.g.frame(n)) // a broken connection is found by the reader
	}
}

// settled reports whether the session has everything that is known.
func (s *session) settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.online || len(s.pending) > 0 {
		return false
	}
	for _, p := range s.places {
		if len(p.missing) > 0 || p.last < p.room.head.Load() {
			return false
		}
	}
	return true
}

// cut breaks the connection, as a network does.
func (s *session) cut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.online {
		return false
	}
	if tcp, ok := s.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = s.conn.Close()
	return true
}
