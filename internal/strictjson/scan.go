package strictjson

import (
	"bytes"
	"unicode/utf8"
)

// scanner walks the document once beside the plan of the target type. It
// checks everything that encoding/json does not. The exact grammar of numbers
// is left to encoding/json, which reads the document afterwards.
type scanner struct {
	data  []byte
	pos   int
	depth int
}

func (s *scanner) document(p *plan) *Error {
	if bytes.HasPrefix(s.data, []byte("\xef\xbb\xbf")) {
		return &Error{Msg: "starts with a byte order mark"}
	}
	if !utf8.Valid(s.data) {
		return &Error{Msg: "is not valid UTF-8"}
	}
	s.space()
	if s.pos == len(s.data) {
		return &Error{Msg: "is empty"}
	}
	if s.data[s.pos] != '{' {
		return &Error{Msg: "must be one JSON object"}
	}
	if err := s.value(p); err != nil {
		return err
	}
	s.space()
	if s.pos != len(s.data) {
		return &Error{Msg: "has data after the object"}
	}
	return nil
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

// next skips white space and returns the byte found, 0 at the end. A NUL byte
// in the document is a syntax error to every caller, so 0 is unambiguous.
func (s *scanner) next() byte {
	s.space()
	if s.pos == len(s.data) {
		return 0
	}
	return s.data[s.pos]
}

func (s *scanner) value(p *plan) *Error {
	null := false
	for p.want == pointer {
		null, p = true, p.elem
	}
	switch c := s.next(); {
	case c == 'n' && s.literal("null"):
		if null || p.null {
			return nil
		}
		return &Error{Msg: p.want.demand()}
	case c == '"':
		if err := p.accept(text); err != nil {
			return err
		}
		_, _, err := s.str()
		return err
	case c == '{':
		if err := p.accept(object); err != nil {
			return err
		}
		return s.object(p)
	case c == '[':
		if err := p.accept(array); err != nil {
			return err
		}
		return s.array(p)
	case c == 't' && s.literal("true"), c == 'f' && s.literal("false"):
		return p.accept(boolean)
	case c == '-' || '0' <= c && c <= '9':
		s.number()
		return p.accept(number)
	}
	return syntax(s.pos)
}

// open steps into the object or array at pos. Whoever called it must call
// close on the way out, unless there is an error.
func (s *scanner) open() *Error {
	if s.depth == MaxDepth {
		return &Error{Msg: "is nested too deeply"}
	}
	s.depth++
	s.pos++
	return nil
}

func (s *scanner) close() {
	s.depth--
	s.pos++
}

func (s *scanner) object(p *plan) *Error {
	if err := s.open(); err != nil {
		return err
	}
	if s.next() == '}' {
		s.close()
		return nil
	}
	var seen keySet
	for {
		if s.next() != '"' {
			return syntax(s.pos)
		}
		from := s.pos + 1
		key, escaped, err := s.key()
		if err != nil {
			return err
		}
		if escaped && seen.addDecoded(s.data, key) || !escaped && seen.add(s.data, from, len(key)) {
			return (&Error{Msg: "is given twice"}).within(string(key))
		}
		child, err := p.member(key)
		if err != nil {
			return err
		}
		if s.next() != ':' {
			return syntax(s.pos)
		}
		s.pos++
		if err := s.value(child); err != nil {
			return err.within(string(key))
		}
		switch s.next() {
		case ',':
			s.pos++
		case '}':
			s.close()
			return nil
		default:
			return syntax(s.pos)
		}
	}
}

func (s *scanner) array(p *plan) *Error {
	if err := s.open(); err != nil {
		return err
	}
	if s.next() == ']' {
		s.close()
		return nil
	}
	child := anything
	if p.want == array {
		child = p.elem
	}
	for i := 0; ; i++ {
		if err := s.value(child); err != nil {
			return err.at(i)
		}
		switch s.next() {
		case ',':
			s.pos++
		case ']':
			s.close()
			return nil
		default:
			return syntax(s.pos)
		}
	}
}

func (s *scanner) literal(word string) bool {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		return false
	}
	s.pos += len(word)
	return true
}

func (s *scanner) number() {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case '0' <= c && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			s.pos++
		default:
			return
		}
	}
}
