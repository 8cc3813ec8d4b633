package ws

import (
	"unicode/utf8"

	"github.com/carlware/gochat/chat"
)

// quick decodes what nearly all frames are: a message, command, read marker,
// typing or ping of plain fields, without escapes. Everything else, faulty or
// not, is for decode to look at closely; then it returns false. Whatever quick
// takes, decode would take alike.
func quick(data []byte) (frame, bool) {
	v, ok := plainFields(data)
	if !ok {
		return frame{}, false
	}
	k := kinds[string(v.typ)]
	if k == nil {
		return frame{}, false
	}
	f := frame{typ: k.name, kind: k}
	if v.id == nil && !k.silent || v.id != nil && !validID(string(v.id)) || k.stores && len(v.id) < minKey {
		return frame{}, false
	}
	switch k.name {
	case "message":
		if v.room == nil || v.text == nil {
			return frame{}, false
		}
		b := &struct {
			messageRequest
			text string
		}{text: string(v.text)}
		b.Room, b.Text = chat.RoomID(v.room), &b.text
		f.body = &b.messageRequest
	case "command":
		if v.room == nil || v.text == nil {
			return frame{}, false
		}
		b := &struct {
			commandRequest
			text string
		}{text: string(v.text)}
		b.Room, b.Text = chat.RoomID(v.room), &b.text
		f.body = &b.commandRequest
	case "read":
		f.body = &readRequest{Room: chat.RoomID(v.room), Seq: v.seq}
	case "typing":
		f.body = &typingRequest{Room: chat.RoomID(v.room)}
	case "ping":
		f.body = &pingRequest{}
	default:
		return frame{}, false
	}
	if f.body.check() != nil {
		return frame{}, false
	}
	f.id = string(v.id)
	return f, true
}

// fields are the members of a frame that quick knows; nil is not there. They
// point into it.
type fields struct {
	typ, id, room, text []byte
	seq                 chat.Seq
}

// plainFields reads a flat object of these fields, each at most once.
func plainFields(b []byte) (v fields, ok bool) {
	s := plain{b}
	if !s.skip('{') {
		return v, false
	}
	seqs := 0
	for {
		key, ok := s.str()
		if !ok || !s.skip(':') {
			return v, false
		}
		var to *[]byte
		switch string(key) {
		case "type":
			to = &v.typ
		case "id":
			to = &v.id
		case "room":
			to = &v.room
		case "text":
			to = &v.text
		case "seq":
			if v.seq, ok = s.number(); !ok || seqs > 0 {
				return v, false
			}
			seqs++
		default:
			return v, false
		}
		if to != nil {
			if *to != nil {
				return v, false
			}
			if *to, ok = s.str(); !ok {
				return v, false
			}
		}
		switch {
		case s.skip(','):
		case s.skip('}'):
			s.space()
			return v, len(s.b) == 0
		default:
			return v, false
		}
	}
}

// plain is what is left of some JSON.
type plain struct{ b []byte }

func (s *plain) space() {
	for len(s.b) > 0 && (s.b[0] == ' ' || s.b[0] == '\t' || s.b[0] == '\r' || s.b[0] == '\n') {
		s.b = s.b[1:]
	}
}

// skip takes c, and space before it.
func (s *plain) skip(c byte) bool {
	s.space()
	if len(s.b) == 0 || s.b[0] != c {
		return false
	}
	s.b = s.b[1:]
	return true
}

// str takes a string without escapes. The result is not nil.
func (s *plain) str() ([]byte, bool) {
	if !s.skip('"') {
		return nil, false
	}
	ascii := true
	for i, c := range s.b {
		switch {
		case c == '"':
			v := s.b[:i:i]
			s.b = s.b[i+1:]
			return v, ascii || utf8.Valid(v)
		case c < ' ' || c == '\\':
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, false
}

// number takes a whole number of at most 15 digits.
func (s *plain) number() (chat.Seq, bool) {
	s.space()
	n, i := chat.Seq(0), 0
	for i < len(s.b) && '0' <= s.b[i] && s.b[i] <= '9' {
		n = n*10 + chat.Seq(s.b[i]-'0')
		i++
	}
	if i == 0 || i > 15 || i > 1 && s.b[0] == '0' {
		return 0, false
	}
	s.b = s.b[i:]
	return n, true // what follows must be "," or "}", so there is no fraction
}
