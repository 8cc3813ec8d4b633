package chat

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/carlware/gochat/internal/strictjson"
	"github.com/carlware/gochat/internal/text"
)

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// input makes an InputError of a fault that package text found.
func input(field, what string, err error) error {
	if e, ok := errors.AsType[*text.Error](err); ok {
		return &InputError{Code: e.Code, Field: field, Message: what + " " + e.Message + "."}
	}
	return err
}

func badRequest(field, format string, args ...any) error {
	return &InputError{Code: text.CodeBadRequest, Field: field, Message: fmt.Sprintf(format, args...)}
}

// checkKey checks an idempotency key: 16 to 64 of A-Za-z0-9_-.
func checkKey(id string) error {
	if len(id) < 16 || len(id) > 64 {
		return badRequest("id", "The id of a request that stores something has 16 to 64 characters.")
	}
	for i := range len(id) {
		if !keyBytes[id[i]] {
			return badRequest("id", "An id is made of letters, digits, _ and -.")
		}
	}
	return nil
}

// keyBytes is what idempotency keys are made of.
var keyBytes = func() (ok [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") {
		ok[c] = true
	}
	return ok
}()

// checkUserID checks an id that the host made.
func checkUserID(id UserID) error {
	if id == "" || len(id) > 64 || !utf8.ValidString(string(id)) {
		return badRequest("user", "A user id has 1 to 64 bytes of UTF-8.")
	}
	for _, r := range string(id) {
		if unicode.IsControl(r) {
			return badRequest("user", "A user id has no control characters.")
		}
	}
	return nil
}

func (n *Node) checkText(s string) error {
	return input("text", "The text", text.Check(s, n.limits.TextRunes, n.limits.TextBytes))
}

func (n *Node) checkMessage(text string, data json.RawMessage) error {
	if err := n.checkText(text); err != nil {
		return err
	}
	return n.checkData(data)
}

// checkData checks that data is nothing or one JSON object within the limit.
func (n *Node) checkData(data json.RawMessage) error {
	if data == nil {
		return nil
	}
	if len(data) > n.limits.DataBytes {
		return &InputError{Code: text.CodeTooLong, Field: "data", Message: fmt.Sprintf("The data is longer than %d bytes.", n.limits.DataBytes)}
	}
	if d := bytes.TrimLeft(data, " \t\r\n"); len(d) == 0 || d[0] != '{' {
		return badRequest("data", "The data is not a JSON object.")
	}
	var any struct{}
	if err := strictjson.Unmarshal(data, &any); err != nil {
		return badRequest("data", "The data is not a valid JSON object.")
	}
	return nil
}

// digest collects what the sender of a request chose, so that requests with
// the same id can be told apart. Each part is preceded by its length.
type digest []byte

func (d digest) str(s string) digest {
	return append(binary.AppendUvarint(d, uint64(len(s))), s...)
}

func (d digest) seq(s Seq) digest { return binary.AppendUvarint(d, uint64(s)) }

func (d digest) flag(v bool) digest {
	if v {
		return d.seq(1)
	}
	return d.seq(0)
}

func (d digest) users(ids []UserID) digest {
	d = d.seq(Seq(len(ids)))
	for _, id := range ids {
		d = d.str(string(id))
	}
	return d
}

func (d digest) sum() [16]byte {
	sum := sha256.Sum256(d)
	return [16]byte(sum[:16])
}
