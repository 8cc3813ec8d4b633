package httpsvc

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/carlware/gochat/examples/internal/token"
)

// Bearer returns the token of the Authorization header (RFC 6750, section 2.1).
// No token, or another scheme, is 401. A token in the query of the address ends
// up in logs and histories: 400, as are two Authorization headers.
func Bearer(r *http.Request) (string, error) {
	query := r.URL.Query()
	if query.Has("access_token") || query.Has("token") {
		return "", BadRequest("", "a token does not belong into the address")
	}
	values := r.Header.Values("Authorization")
	if len(values) > 1 {
		return "", BadRequest("", "more than one Authorization header")
	}
	if len(values) == 0 {
		return "", Unauthorized("")
	}
	scheme, text, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || text == "" {
		return "", Unauthorized("")
	}
	return text, nil
}

// Unauthorized says that the request lacks a good access token. fault is the
// error code of RFC 6750, section 3.1, or empty where no token was sent.
func Unauthorized(fault string) *Problem {
	p := &Problem{Status: http.StatusUnauthorized, Code: "unauthorized", Challenge: "Bearer"}
	if fault != "" {
		p.Challenge = `Bearer error="` + fault + `"`
	}
	return p
}

// Authenticate verifies the token of [Bearer]. The answer to a bad token is the
// same whatever is wrong with it; only an expired one has a code of its own,
// token_expired, which tells the client to refresh. It is 503 where the keys
// cannot be read.
func Authenticate(r *http.Request, v *token.Verifier) (token.Claims, error) {
	text, err := Bearer(r)
	if err != nil {
		return token.Claims{}, err
	}
	claims, err := v.Verify(r.Context(), text)
	switch {
	case err == nil:
		return claims, nil
	case errors.Is(err, token.ErrExpired):
		p := Unauthorized("invalid_token")
		p.Code = "token_expired"
		return token.Claims{}, p
	case errors.Is(err, token.ErrInvalid):
		return token.Claims{}, Unauthorized("invalid_token")
	}
	return token.Claims{}, Unavailable(time.Second)
}
