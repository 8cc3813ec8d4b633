package strictjson

import (
	"encoding/json"
	"strings"
)

// key reads a string and returns it with its escapes decoded, and whether
// there were any.
func (s *scanner) key() (key []byte, escaped bool, err *Error) {
	from := s.pos
	key, escaped, err = s.str()
	if err != nil || !escaped {
		return key, false, err
	}
	var k string
	if json.Unmarshal(s.data[from:s.pos], &k) != nil {
		return nil, false, syntax(from)
	}
	return []byte(k), true, nil
}

// str reads the string at pos, quotes included, and returns what is between
// them and whether there are escapes in it.
func (s *scanner) str() (raw []byte, escaped bool, err *Error) {
	from := s.pos + 1
	for i := from; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.pos = i + 1
			return s.data[from:i], escaped, nil
		case c < ' ':
			return nil, false, syntax(i)
		case c == '\\':
			escaped = true
			n, err := s.escape(i)
			if err != nil {
				return nil, false, err
			}
			i += n - 1
		}
	}
	return nil, false, syntax(len(s.data))
}

// escape checks the escape sequence at i and returns its length; a surrogate
// pair is one sequence.
func (s *scanner) escape(i int) (int, *Error) {
	if i+1 == len(s.data) || strings.IndexByte(`"\/bfnrtu`, s.data[i+1]) < 0 {
		return 0, syntax(i)
	}
	if s.data[i+1] != 'u' {
		return 2, nil
	}
	unit, ok := s.hex4(i)
	if !ok {
		return 0, syntax(i)
	}
	if unit < 0xD800 || unit > 0xDFFF {
		return 6, nil
	}
	low, ok := s.hex4(i + 6)
	if unit > 0xDBFF || !ok || low < 0xDC00 || low > 0xDFFF {
		return 0, &Error{Msg: "has half of a surrogate pair in a string"}
	}
	return 12, nil
}

// hex4 reads the \uXXXX at i.
func (s *scanner) hex4(i int) (unit rune, ok bool) {
	if i+6 > len(s.data) || s.data[i] != '\\' || s.data[i+1] != 'u' {
		return 0, false
	}
	for _, c := range s.data[i+2 : i+6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | rune(c)
	}
	return unit, true
}
