package rest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/carlware/gochat/chat"
)

// statuses is the only place where a code becomes an HTTP status. A code that
// is not here is one that a bot made up for its own failures.
var statuses = map[string]int{
	"bad_request":     http.StatusBadRequest,
	"unknown_type":    http.StatusBadRequest,
	"unauthorized":    http.StatusUnauthorized,
	"forbidden":       http.StatusForbidden,
	"not_found":       http.StatusNotFound,
	"conflict":        http.StatusConflict,
	"id_reused":       http.StatusUnprocessableEntity, // as draft-ietf-httpapi-idempotency-key-header, section 2.7
	"too_long":        http.StatusUnprocessableEntity,
	"empty":           http.StatusUnprocessableEntity,
	"usage":           http.StatusUnprocessableEntity,
	"unknown_command": http.StatusUnprocessableEntity,
	"rate_limited":    http.StatusTooManyRequests,
	"overloaded":      http.StatusServiceUnavailable,
	"unavailable":     http.StatusServiceUnavailable,
	"no_bot":          http.StatusServiceUnavailable,
	"bot_error":       http.StatusBadGateway,
	"timeout":         http.StatusGatewayTimeout,
	"internal":        http.StatusInternalServerError,
}

// status returns the HTTP status of a code.
func status(code string) int { return cmp.Or(statuses[code], http.StatusUnprocessableEntity) }

// problem is an error document, RFC 9457, section 3. It has no "type", which
// means about:blank: then the title is the one of the status.
type problem struct {
	Title      string      `json:"title"`
	Status     int         `json:"status"`
	Code       string      `json:"code"`
	Detail     string      `json:"detail"`
	Field      string      `json:"field,omitempty"`
	RetryAfter int64       `json:"retry_after_ms,omitempty"`
	Call       string      `json:"call,omitempty"` // the command that failed
	Room       chat.RoomID `json:"room,omitempty"`
}

func (p *problem) Error() string { return "rest: " + p.Code + ": " + p.Detail }

// The faults of HTTP itself.
var (
	errNoRoute      = &problem{Status: http.StatusNotFound, Code: "not_found", Detail: "There is nothing at this path."}
	errMethod       = &problem{Status: http.StatusMethodNotAllowed, Code: "bad_request", Detail: "The method is not allowed here."}
	errUnauthorized = &problem{Status: http.StatusUnauthorized, Code: "unauthorized", Detail: "A valid credential is needed."}
	errTooLarge     = &problem{Status: http.StatusRequestEntityTooLarge, Code: "too_long", Detail: "The body is longer than 64 KiB."}
	errMediaType    = &problem{Status: http.StatusUnsupportedMediaType, Code: "bad_request", Detail: "The body must be application/json in UTF-8."}
	errEncoding     = &problem{Status: http.StatusUnsupportedMediaType, Code: "bad_request", Detail: "The body must not be compressed."}
)

func problemOf(e *chat.Error) *problem {
	return &problem{Status: status(e.Code), Code: e.Code, Detail: e.Message, Field: e.Field, RetryAfter: e.RetryAfter}
}

// fail answers with err. Nothing of an error that is the server's own fault is
// told but that it happened.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	p, ok := errors.AsType[*problem](err)
	if !ok {
		p = problemOf(chat.AsError(err))
	}
	if p.Code == "internal" {
		h.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "err", err)
	}
	answer := *p
	answer.Title = http.StatusText(p.Status)
	header := w.Header()
	switch p.Status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", "Bearer")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		seconds := (p.RetryAfter + 999) / 1000
		header.Set("Retry-After", strconv.FormatInt(max(1, seconds), 10))
	case http.StatusRequestEntityTooLarge:
		header.Set("Connection", "close") // the rest of the body is not read
	}
	write(w, p.Status, "application/problem+json", answer)
}

func write(w http.ResponseWriter, status int, contentType string, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it is not HTML, and nosniff says so
	if err := e.Encode(v); err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	w.Write(b.Bytes()) //nolint:errcheck // the client has gone, and there is nobody to tell
}
