package ws

import (
	"bytes"
	"encoding/json"

	"github.com/carlware/gochat/chat"
)

func first(faults ...*chat.Error) *chat.Error {
	for _, f := range faults {
		if f != nil {
			return f
		}
	}
	return nil
}

func required[T any](field string, v *T) *chat.Error {
	if v == nil {
		return bad(field, "This is needed.")
	}
	return nil
}

func checkRoom(id chat.RoomID) *chat.Error {
	if !validID(string(id)) {
		return bad("room", "A room id has 1 to 64 letters, digits, _ and -.")
	}
	return nil
}

func checkUser(id chat.UserID) *chat.Error {
	if id == "" || len(id) > 64 {
		return bad("user", "A user id has 1 to 64 bytes.")
	}
	return nil
}

func checkSeq(field string, s, least chat.Seq) *chat.Error {
	if s < least || s > maxSeq {
		return bad(field, "This is no position in a room.")
	}
	return nil
}

func checkLimit(limit *int) *chat.Error {
	if limit != nil && *limit < 1 {
		return bad("limit", "A limit is 1 to 200.")
	}
	return nil
}

func checkData(data json.RawMessage) *chat.Error {
	if data != nil && !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return bad("data", "The data is a JSON object.")
	}
	return nil
}
