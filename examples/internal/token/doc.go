// Package token signs and checks the access tokens of the example services.
//
// The auth service holds the private [Keys] and an [Issuer]; every other
// service holds a [Verifier] over a [KeySet], which is either the same Keys, in
// one process, or a [RemoteKeys] that reads the key set document of the auth
// service:
//
//	keys, err := token.LoadOrCreateKeys("auth.key")
//	issuer, err := token.NewIssuer(keys, "https://chat.example", "gochat", nil)
//	signed, claims, err := issuer.Sign(token.Subject{ID: "u1", Name: "ann", Session: "s1"})
//
//	remote, err := token.OpenRemote("http://auth:8081/.well-known/jwks.json", nil)
//	verifier := token.NewVerifier(remote, "https://chat.example", "gochat", nil)
//	claims, err := verifier.Verify(ctx, signed)
//
// A token is a JWS in compact form (RFC 7515, section 7.1) with Ed25519
// (RFC 8037) and the media type and claims of RFC 9068, less client_id: there
// are no OAuth clients here. It lives minutes and cannot be taken back, so
// sessions are ended elsewhere: at the refresh, and by closing sockets.
//
// The Verifier reads tokens of this issuer and no others, and so is stricter
// than the RFCs ask (see RFC 8725 for what happens otherwise): a header holds
// alg, kid and typ and nothing else, which leaves no place for jku, x5u, jwk,
// crit or b64; the key comes from the configured set alone; duplicate names,
// wrong types and base64 with stray bits are refused.
package token

import (
	"errors"
	"time"
)

const (
	// MaxLength is the longest token that is looked at, in bytes.
	MaxLength = 4096
	// DefaultTTL is how long a token is good for.
	DefaultTTL = 10 * time.Minute
	// Leeway is how far the clocks of two machines may differ.
	Leeway = 30 * time.Second

	mediaType = "at+jwt" // RFC 9068, section 2.1
)

var (
	// ErrInvalid is returned for everything that is not a token of the
	// configured issuer for the configured audience. The text behind it says
	// why, for a log; it repeats nothing of the token, and whoever sent the
	// token has no right to know more than that it is not accepted.
	ErrInvalid = errors.New("token: invalid")
	// ErrExpired is returned for a token that was good and is too old.
	ErrExpired = errors.New("token: expired")
	// ErrUnknownKey is returned by a [KeySet] that has no key of that id.
	ErrUnknownKey = errors.New("token: unknown key")
	// ErrUnavailable is returned where the keys cannot be read at the moment,
	// so that it is not known whether the token is good. Try again later.
	ErrUnavailable = errors.New("token: keys unavailable")
)

// Subject is whom a token speaks for.
type Subject struct {
	ID      string // claim sub: opaque and stable, 1 to 64 bytes
	Name    string // claim name: for display, at most 64 bytes
	Session string // claim sid: the login that the token came from, 1 to 64 bytes

	// Since is when that login was made, in whole seconds: claim auth_time
	// (RFC 9068, section 2.2.1). Zero: not said.
	Since time.Time
}

func (s Subject) valid() bool {
	return s.ID != "" && s.Session != "" && fit(s.ID) && fit(s.Name) && fit(s.Session)
}

// fit reports whether s can be used as an id or a name: short and free of
// control characters.
func fit(s string) bool {
	for _, r := range s {
		if r < ' ' || 0x7f <= r && r < 0xa0 {
			return false
		}
	}
	return len(s) <= 64
}

// Claims is what a good token says.
type Claims struct {
	Subject
	ID       string // claim jti: unique per token
	IssuedAt time.Time
	Expires  time.Time
}
