// Package strictjson decodes JSON that comes from somebody else: frames,
// request bodies, messages from a broker.
//
// [encoding/json] is lenient where two readers of one document can disagree:
// it takes the last of two equal keys, matches keys without regard to case,
// replaces bad UTF-8 by U+FFFD in silence and lets null through everywhere.
// [Unmarshal] refuses all of that, and otherwise decodes exactly as
// encoding/json does:
//
//	var req struct {
//		Room string `json:"room"`
//		Text string `json:"text"`
//	}
//	if err := strictjson.Unmarshal(body, &req); err != nil {
//		if e, ok := errors.AsType[*strictjson.Error](err); ok {
//			// e.Field and e.Msg may be shown to whoever sent body.
//		}
//	}
//
// Refused:
//
//   - a document that is not one object, or has anything but white space
//     around it (a byte order mark included: RFC 8259, section 8.1);
//   - the same key twice in one object (RFC 8259, section 4, calls the result
//     unpredictable), compared after escapes are decoded;
//   - a key that equals a field of the target struct only when case is ignored;
//   - a value of another JSON type than the target, which includes null for
//     anything but a pointer, an interface or a [json.RawMessage];
//   - bytes that are not UTF-8, and \u escapes that are half of a surrogate
//     pair (RFC 8259, section 8.2);
//   - more than [MaxDepth] nested objects and arrays.
//
// Unknown keys are ignored, so that old programs understand new ones; inside
// them only the type check is left out. Control characters in strings are
// legal JSON when escaped and are left to the caller, as is the length of the
// document: limit it while reading.
package strictjson

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxDepth is the number of objects and arrays that may be open at once, the
// outermost object included.
const MaxDepth = 32

// maxField limits what Error.Field repeats of the sender's own keys, in bytes.
const maxField = 64

// Error says what is wrong with a document. Both fields are meant for whoever
// sent it: they name no Go types and repeat nothing of the document but its
// keys, printable and cut.
type Error struct {
	Field string // path such as "user.name" or "ids[3]", at most 64 bytes; empty where it is the whole document
	Msg   string // for example "must be a string"

	cause error // what a type's own UnmarshalJSON or UnmarshalText returned
}

// Error returns the field and the message in one line.
func (e *Error) Error() string {
	if e.Field == "" {
		return "json: " + e.Msg
	}
	return "json: " + strconv.Quote(e.Field) + " " + e.Msg
}

// Unwrap returns the error of the target's own UnmarshalJSON or UnmarshalText,
// if that is what refused the document. It is not meant for the sender.
func (e *Error) Unwrap() error { return e.cause }

// Unmarshal decodes data, one JSON object, into v, which must be a pointer as
// for [json.Unmarshal]. A faulty document gives an [*Error]; any other error
// is a mistake in the call. After an error v may be partly filled and must not
// be used. Unmarshal keeps nothing of data and may be called concurrently.
func Unmarshal(data []byte, v any) error {
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer || reflect.ValueOf(v).IsNil() {
		return &json.InvalidUnmarshalError{Type: t}
	}
	s := scanner{data: data}
	if err := s.document(planOf(t.Elem())); err != nil {
		err.Field = cut(err.Field)
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return translate(err)
	}
	return nil
}

// translate turns what is left for encoding/json to find (the grammar and the
// range of numbers, and types that decode themselves) into an Error.
func translate(err error) error {
	if e, ok := errors.AsType[*json.InvalidUnmarshalError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return syntax(int(e.Offset))
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		msg := "has a value of the wrong type"
		switch e.Type.Kind() {
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
			msg = "must be a whole number in range"
		case reflect.Float32, reflect.Float64:
			msg = "must be a number in range"
		}
		return &Error{Field: cut(e.Field), Msg: msg}
	}
	return &Error{Msg: "has a value that is not allowed", cause: err}
}

func syntax(offset int) *Error {
	return &Error{Msg: "is not valid JSON at byte " + strconv.Itoa(offset)}
}

// within puts the name of the enclosing member in front of the path.
func (e *Error) within(key string) *Error {
	switch {
	case e.Field == "":
		e.Field = printable(key)
	case e.Field[0] == '[':
		e.Field = printable(key) + e.Field
	default:
		e.Field = printable(key) + "." + e.Field
	}
	return e
}

// at puts an array index in front of the path.
func (e *Error) at(i int) *Error {
	if e.Field != "" && e.Field[0] != '[' {
		e.Field = "." + e.Field
	}
	e.Field = "[" + strconv.Itoa(i) + "]" + e.Field
	return e
}

// printable makes a key of the sender fit for a message and a log line.
func printable(key string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, cut(key))
}

func cut(s string) string {
	if len(s) <= maxField {
		return s
	}
	return strings.ToValidUTF8(s[:maxField], "")
}
