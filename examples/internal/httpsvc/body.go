package httpsvc

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/carlware/gochat/internal/strictjson"
)

// MaxBody is the longest request body that [Decode] reads, in bytes.
const MaxBody = 64 << 10

// JSONOnly refuses a request whose body is not declared as plain JSON: 415.
// A page of another origin cannot send that type without asking first, which
// makes it a second lock against forged requests (the Fetch standard,
// "CORS-safelisted request-header"). A compressed body is refused unread.
func JSONOnly(r *http.Request) error {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, given := params["charset"]
	if err != nil || media != "application/json" || given && !strings.EqualFold(charset, "utf-8") ||
		len(r.Header.Values("Content-Type")) > 1 || r.Header.Get("Content-Encoding") != "" {
		return &Problem{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type",
			Detail: "send application/json in UTF-8, without Content-Encoding"}
	}
	return nil
}

// Decode reads the body, one JSON object of at most [MaxBody] bytes, into v by
// the rules of strictjson. The error is a [*Problem]: 415 for another type,
// 413 for a longer body, 400 for anything wrong in it.
func Decode(w http.ResponseWriter, r *http.Request, v any) error {
	if err := JSONOnly(r); err != nil {
		return err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &Problem{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Detail: "the body is longer than 64 KiB"}
	}
	if err != nil {
		return BadRequest("", "the body ended early or took too long")
	}
	err = strictjson.Unmarshal(body, v)
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
		if e.Field == "" {
			return BadRequest("", "the body "+e.Msg)
		}
		return BadRequest(e.Field, e.Msg)
	}
	return err
}
