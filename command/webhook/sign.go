package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The headers of a request.
const (
	HeaderTimestamp = "X-Gochat-Timestamp"
	HeaderSignature = "X-Gochat-Signature"
)

// Window is how far the timestamp of a request may be off the receiver's clock.
const Window = 5 * time.Minute

// MinSecret is the least length of a secret in bytes.
const MinSecret = 16

// ErrSignature says that a request was not signed with the secret, or not now.
var ErrSignature = errors.New("webhook: bad signature")

var errSecret = fmt.Errorf("webhook: the secret is shorter than %d bytes", MinSecret)

// Sign puts the time and the signature of body into h.
func Sign(h http.Header, secret string, body []byte, now time.Time) {
	at := strconv.FormatInt(now.Unix(), 10)
	h.Set(HeaderTimestamp, at)
	h.Set(HeaderSignature, signature(secret, at, body))
}

// Verify returns nil if body was signed with the secret within [Window] of now,
// else an error that wraps [ErrSignature]. It tells the sender nothing that
// could help to guess: answer any error by the same 401.
func Verify(h http.Header, secret string, body []byte, now time.Time) error {
	if len(secret) < MinSecret {
		return errSecret
	}
	at := h.Get(HeaderTimestamp)
	if !hmac.Equal([]byte(signature(secret, at, body)), []byte(h.Get(HeaderSignature))) {
		return ErrSignature
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: no timestamp", ErrSignature)
	}
	if off := now.Sub(time.Unix(seconds, 0)).Abs(); off > Window {
		return fmt.Errorf("%w: the clocks are more than %v apart, or it was sent before", ErrSignature, Window)
	}
	return nil
}

func signature(secret, at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v1:" + at + ":"))
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}
