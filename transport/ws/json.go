package ws

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// maxHeader is the longest header of a frame that a server sends: RFC 6455,
// section 5.2, without a mask.
const maxHeader = 10

// object writes JSON in the order of its calls. The zero value is of no use:
// begin with [begin]. Strings are not escaped for HTML, because what is sent is
// never part of a page.
type object struct{ b []byte }

// begin starts a frame of a type, behind space for its header.
func begin(typ string) object {
	o := object{make([]byte, maxHeader, 256)}
	o.b = append(o.b, '{')
	o.str("type", typ)
	return o
}

// frame closes the object and returns it as a WebSocket text frame.
func (o *object) frame() []byte {
	o.b = append(o.b, '}')
	return addHeader(o.b)
}

// addHeader writes the header of a final text frame in front of a payload
// that begins at maxHeader, and returns the frame.
func addHeader(b []byte) []byte {
	const final, text = 0x80, 0x01
	n := len(b) - maxHeader
	switch {
	case n < 126:
		b = b[maxHeader-2:]
		b[1] = byte(n)
	case n < 1<<16:
		b = b[maxHeader-4:]
		b[1], b[2], b[3] = 126, byte(n>>8), byte(n)
	default:
		b = b[maxHeader-10:]
		b[1] = 127
		for i := range 8 {
			b[2+i] = byte(uint64(n) >> (56 - 8*i))
		}
	}
	b[0] = final | text
	return b
}

func (o *object) key(name string) {
	o.comma()
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, '"', ':')
}

func (o *object) comma() {
	switch o.b[len(o.b)-1] {
	case '{', '[', ':':
	default:
		o.b = append(o.b, ',')
	}
}

func (o *object) open(name string) {
	o.key(name)
	o.b = append(o.b, '{')
}

func (o *object) close() { o.b = append(o.b, '}') }

func (o *object) list(name string) {
	o.key(name)
	o.b = append(o.b, '[')
}

func (o *object) item() {
	o.comma()
	o.b = append(o.b, '{')
}

func (o *object) end() { o.b = append(o.b, ']') }

func (o *object) str(name, v string) {
	o.key(name)
	o.b = appendString(o.b, v)
}

// text is str for a value that is left out when empty.
func (o *object) text(name, v string) {
	if v != "" {
		o.str(name, v)
	}
}

func (o *object) num(name string, v int64) {
	o.key(name)
	o.b = strconv.AppendInt(o.b, v, 10)
}

// count is num for a value that is left out when 0.
func (o *object) count(name string, v int64) {
	if v != 0 {
		o.num(name, v)
	}
}

// flag writes true, or nothing.
func (o *object) flag(name string, v bool) {
	if v {
		o.key(name)
		o.b = append(o.b, "true"...)
	}
}

// bool writes true or false, which flag leaves out.
func (o *object) bool(name string, v bool) {
	o.key(name)
	o.b = strconv.AppendBool(o.b, v)
}

// raw writes JSON as it is, or nothing.
func (o *object) raw(name string, v []byte) {
	if len(v) > 0 {
		o.key(name)
		o.b = append(o.b, v...)
	}
}

// time writes RFC 3339 in UTC with milliseconds: always 24 characters for the
// years 0 to 9999.
func (o *object) time(name string, t time.Time) {
	o.key(name)
	o.b = append(o.b, '"')
	o.b = t.UTC().AppendFormat(o.b, time.RFC3339) // any other layout takes three times as long
	ms := t.Nanosecond() / int(time.Millisecond)
	o.b = append(o.b[:len(o.b)-1], '.', '0'+byte(ms/100), '0'+byte(ms/10%10), '0'+byte(ms%10), 'Z')
	o.b = append(o.b, '"')
}

const hexDigits = "0123456789abcdef"

// appendString writes s as a JSON string: quotes, backslashes and control
// characters are escaped (RFC 8259, section 7), bytes that are not UTF-8 become
// U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	done := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(b, s[done:i]...)
				b = append(b, "\uFFFD"...)
				done = i + 1
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[done:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		done = i
	}
	b = append(b, s[done:]...)
	return append(b, '"')
}
