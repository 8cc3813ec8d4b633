package main

// frame is what a session looks at in most frames: the fields of the outermost
// object, as they are on the wire. They are of the buffer that was scanned, and
// empty when missing.
type frame struct {
	typ, re, room, id, kind []byte
	seq, head               int64
	dup, reset              bool
}

// scan reads a frame of the server without making anything: with thousands of
// sessions that is most of what this program does. It returns false for what is
// no JSON object. It is lenient; who wants to be strict reads the frame again.
func (f *frame) scan(b []byte) bool {
	*f = frame{}
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '{' {
		return false
	}
	i = skipSpace(b, i+1)
	for i < len(b) && b[i] == '"' {
		end := skipString(b, i)
		if end < 0 {
			return false
		}
		name := b[i+1 : end-1]
		i = skipSpace(b, end)
		if i >= len(b) || b[i] != ':' {
			return false
		}
		i = skipSpace(b, i+1)
		if end = skipValue(b, i); end < 0 {
			return false
		}
		f.set(name, b[i:end])
		i = skipSpace(b, end)
		if i < len(b) && b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
	return i < len(b) && b[i] == '}' && skipSpace(b, i+1) == len(b)
}

func (f *frame) set(name, value []byte) {
	text := func() []byte {
		if len(value) >= 2 && value[0] == '"' {
			return value[1 : len(value)-1]
		}
		return nil
	}
	switch string(name) {
	case "type":
		f.typ = text()
	case "re":
		f.re = text()
	case "room":
		f.room = text()
	case "id":
		f.id = text()
	case "kind":
		f.kind = text()
	case "seq":
		f.seq = number(value)
	case "head":
		f.head = number(value)
	case "dup":
		f.dup = string(value) == "true"
	case "reset":
		f.reset = string(value) == "true"
	}
}

// number returns a whole number, or -1.
func number(b []byte) int64 {
	if len(b) == 0 || len(b) > 15 {
		return -1
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipString returns the place behind the string at i, or -1.
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return -1
}

// skipValue returns the place behind the value at i, or -1.
func skipValue(b []byte, i int) int {
	depth, start := 0, i
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = skipString(b, i); i < 0 {
				return -1
			}
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // of what the value is in
				return endOf(b, start, i)
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return endOf(b, start, i)
			}
		}
		i++
	}
	return -1
}

// endOf returns the end of a number or word that begins at start and is followed
// by the byte at i, or -1 if there is none.
func endOf(b []byte, start, i int) int {
	for i > start && skipSpace(b[:i], i-1) == i {
		i--
	}
	if i == start {
		return -1
	}
	return i
}
