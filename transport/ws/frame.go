package ws

import (
	"encoding/json"
	"errors"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/strictjson"
)

// Protocol is the WebSocket subprotocol that this package speaks. PROTOCOL.md
// describes it.
const Protocol = "gochat.v1"

// Limits on frames, in bytes, and on what is in them.
const (
	maxFrame      = 64 << 10  // from a client
	maxHello      = 256 << 10 // from a client, when it is a hello
	maxHelloRooms = 2000
	maxSeq        = 1<<40 - 1

	minKey = 16 // of the id of a request that stores something
	maxID  = 64
)

// envelope is what all frames of clients have in common. The members are raw
// so that a faulty one does not hide the other.
type envelope struct {
	Type json.RawMessage `json:"type"`
	ID   json.RawMessage `json:"id"`
}

// frame is one decoded request.
type frame struct {
	typ  string
	id   string // empty: none given, where that is allowed
	kind *kind
	body request // nil when err is set
}

// decode reads one frame of a client. On a fault, frame.id is still set if it
// could be read. data is not kept.
func decode(data []byte) (frame, *chat.Error) {
	if f, ok := quick(data); ok {
		return f, nil
	}
	return decodeClosely(data)
}

func decodeClosely(data []byte) (frame, *chat.Error) {
	var env envelope
	if err := strictjson.Unmarshal(data, &env); err != nil {
		return frame{}, badJSON(err)
	}
	id, fault := decodeID(env.ID)
	f := frame{id: id}
	if json.Unmarshal(env.Type, &f.typ) != nil || f.typ == "" {
		return f, bad("type", "A frame has a type, a string.")
	}
	if f.kind = kinds[f.typ]; f.kind == nil {
		return f, &chat.Error{Code: "unknown_type", Field: "type", Message: "This server has no requests of that type."}
	}
	switch {
	case fault != nil:
		return f, fault
	case id == "" && !f.kind.silent:
		return f, bad("id", "A request has an id.")
	case f.kind.stores && len(id) < minKey:
		return f, bad("id", "The id of a request that stores something has at least 16 characters.")
	}
	body := f.kind.make()
	if err := strictjson.Unmarshal(data, body); err != nil {
		return f, badJSON(err)
	}
	if fault := body.check(); fault != nil {
		return f, fault
	}
	f.body = body
	return f, nil
}

func decodeID(raw json.RawMessage) (string, *chat.Error) {
	if raw == nil {
		return "", nil
	}
	var id *string
	if json.Unmarshal(raw, &id) != nil || id == nil || !validID(*id) {
		return "", bad("id", "An id has 1 to 64 letters, digits, _ and -.")
	}
	return *id, nil
}

// validID reports whether s is 1 to 64 of A-Z, a-z, 0-9, "_" and "-".
func validID(s string) bool {
	if len(s) < 1 || len(s) > maxID {
		return false
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

func bad(field, message string) *chat.Error {
	return &chat.Error{Code: "bad_request", Field: field, Message: message}
}

func badJSON(err error) *chat.Error {
	e, ok := errors.AsType[*strictjson.Error](err)
	if !ok {
		return bad("", "The frame can't be read.")
	}
	if e.Field == "" {
		return bad("", "The frame "+e.Msg+".")
	}
	return bad(e.Field, "This "+e.Msg+".")
}

// encodeRequest is what a client sends: the fields of body behind type and id.
func encodeRequest(typ, id string, body any) ([]byte, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	o := object{[]byte{'{'}}
	o.str("type", typ)
	o.text("id", id)
	if len(b) > len("{}") {
		o.b = append(o.b, ',')
	}
	return append(o.b, b[1:]...), nil
}
