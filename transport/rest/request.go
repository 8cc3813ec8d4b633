package rest

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/strictjson"
)

// maxBody is the longest request body in bytes.
const maxBody = 64 << 10

// Limits of a page.
const (
	defaultLimit = 50
	maxLimit     = 200
)

// maxSeq is the first number that is not a seq.
const maxSeq = 1 << 40

var roomID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// request is one authenticated request on its way through an endpoint.
type request struct {
	*Handler
	w         http.ResponseWriter
	r         *http.Request
	principal chat.Principal
	by        chat.UserID
}

func (q *request) reply(status int, v any) error {
	write(q.w, status, "application/json", v)
	return nil
}

// in returns the room of the path, as its user may know it.
func (q *request) in() (chat.Room, error) {
	id := q.r.PathValue("room")
	if !roomID.MatchString(id) {
		return nil, chat.ErrNotFound
	}
	return q.hub.Room(q.r.Context(), q.by, chat.RoomID(id))
}

// seq returns the number in the path.
func (q *request) seq() (chat.Seq, error) {
	n, ok := number(q.r.PathValue("seq"), maxSeq-1)
	if !ok || n == 0 {
		return 0, chat.ErrNotFound
	}
	return chat.Seq(n), nil
}

// user returns the user in the path. Ids are the host's: they may hold more
// than the ids of rooms, such as an e-mail address.
func (q *request) user() (chat.UserID, error) {
	id := q.r.PathValue("user")
	if len(id) > 64 || !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl) {
		return "", chat.ErrNotFound
	}
	return chat.UserID(id), nil
}

// body reads the request's body into v.
func (q *request) body(v any) error {
	if q.r.Header.Get("Content-Encoding") != "" {
		return errEncoding
	}
	kinds := q.r.Header.Values("Content-Type")
	if len(kinds) != 1 {
		return errMediaType
	}
	kind, params, err := mime.ParseMediaType(kinds[0])
	if err != nil || kind != "application/json" || !utf8Charset(params) {
		return errMediaType
	}
	if q.r.ContentLength > maxBody {
		return errTooLarge
	}
	data, err := io.ReadAll(http.MaxBytesReader(q.w, q.r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge
	}
	if err != nil {
		return badRequest("", "The body could not be read.")
	}
	err = strictjson.Unmarshal(data, v)
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
		return badRequest(e.Field, sentence(e.Field, e.Msg))
	}
	return err
}

func utf8Charset(params map[string]string) bool {
	c, given := params["charset"]
	return !given || strings.EqualFold(c, "utf-8")
}

// optionalBody reads the body if there is one.
func (q *request) optionalBody(v any) error {
	if q.r.ContentLength == 0 {
		return nil
	}
	return q.body(v)
}

// key returns the idempotency key: of the header, or inBody. The header is a
// structured string by the draft of the IETF, so quotes around it are taken
// off.
func (q *request) key(inBody string) (string, error) {
	values := q.r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		if inBody == "" {
			return "", badRequest("id", "An Idempotency-Key header, or id in the body, is needed.")
		}
		return inBody, nil
	}
	key := values[0]
	if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	if len(values) > 1 || key == "" || inBody != "" && inBody != key {
		return "", badRequest("id", "The request must have one idempotency key.")
	}
	return key, nil
}

// limit returns the number of entries that a page shall have.
func (q *request) limit() (int, error) {
	n, given, err := q.query("limit", maxLimit)
	switch {
	case err != nil || given && n == 0:
		return 0, badRequest("limit", "limit must be a number from 1 to 200.")
	case !given:
		return defaultLimit, nil
	}
	return int(n), nil
}

// page returns the part of the log that was asked for.
func (q *request) page() (chat.Range, error) {
	limit, err := q.limit()
	if err != nil {
		return chat.Range{}, err
	}
	before, hasBefore, err := q.query("before", maxSeq)
	if err != nil || hasBefore && before == 0 {
		return chat.Range{}, badRequest("before", "before must be a seq.")
	}
	after, hasAfter, err := q.query("after", maxSeq)
	if err != nil {
		return chat.Range{}, badRequest("after", "after must be a seq, or 0.")
	}
	around, hasAround, err := q.query("around", maxSeq)
	if err != nil || hasAround && around == 0 {
		return chat.Range{}, badRequest("around", "around must be a seq.")
	}
	if hasBefore && hasAfter {
		return chat.Range{}, badRequest("after", "before and after exclude each other.")
	}
	return chat.Range{
		Before: chat.Seq(before), After: chat.Seq(after), Around: chat.Seq(around), Limit: limit, Forward: hasAfter,
	}, nil
}

// query returns a number of the query.
func (q *request) query(name string, most uint64) (n uint64, given bool, err error) {
	values, given := q.r.URL.Query()[name]
	if !given {
		return 0, false, nil
	}
	n, ok := number(values[0], most)
	if !ok || len(values) > 1 {
		return 0, true, badRequest(name, "")
	}
	return n, true, nil
}

// number reads plain decimal digits.
func number(s string, most uint64) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && n <= most && (s == "0" || s[0] != '0')
}

func badRequest(field, message string) error {
	return &chat.InputError{Code: "bad_request", Field: field, Message: message}
}

func sentence(field, msg string) string {
	if field == "" {
		return "The body " + msg + "."
	}
	return field + " " + msg + "."
}
