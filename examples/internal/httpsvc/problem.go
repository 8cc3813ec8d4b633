package httpsvc

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Problem is an error as clients see it (RFC 9457). The type is always
// about:blank and therefore left out, and the title is the text of the status;
// programs go by Code. A handler returns one to end a request with it.
type Problem struct {
	Status     int           // HTTP status
	Code       string        // stable, for programs: "bad_request"
	Detail     string        // for people, in English; may be empty
	Field      string        // the member of the request that is wrong; may be empty
	RetryAfter time.Duration // when to try again; 0: not said. Sent in whole seconds as Retry-After too
	Challenge  string        // WWW-Authenticate; empty: none
}

// Error returns code and detail.
func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// The problems that need no more than their detail.

// BadRequest says that a part of the request is wrong. field may be empty.
func BadRequest(field, detail string) *Problem {
	return &Problem{Status: http.StatusBadRequest, Code: "bad_request", Field: field, Detail: detail}
}

// NotFound says that there is no such thing, or none that the caller may know of.
func NotFound() *Problem {
	return &Problem{Status: http.StatusNotFound, Code: "not_found"}
}

// Unavailable says that the service cannot do its work at the moment.
func Unavailable(retry time.Duration) *Problem {
	return &Problem{Status: http.StatusServiceUnavailable, Code: "unavailable", RetryAfter: retry}
}

// RateLimited says that the caller asks too often.
func RateLimited(retry time.Duration) *Problem {
	return &Problem{Status: http.StatusTooManyRequests, Code: "rate_limited", RetryAfter: retry}
}

// Write sends the problem. The header must not have been sent yet.
func (p *Problem) Write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.Challenge != "" {
		h.Set("WWW-Authenticate", p.Challenge)
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((p.RetryAfter+time.Second-1)/time.Second), 10))
	}
	body, err := json.Marshal(struct {
		Title      string `json:"title"`
		Status     int    `json:"status"`
		Code       string `json:"code"`
		Detail     string `json:"detail,omitempty"`
		Field      string `json:"field,omitempty"`
		RetryAfter int64  `json:"retry_after_ms,omitempty"`
	}{http.StatusText(p.Status), p.Status, p.Code, p.Detail, p.Field, p.RetryAfter.Milliseconds()})
	if err != nil { // strings and numbers always encode
		panic(err)
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

// WriteJSON sends v with the status. An error is one of encoding: nothing has
// been sent then.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode response: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
	return nil
}
