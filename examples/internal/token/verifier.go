package token

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/carlware/gochat/internal/strictjson"
)

// maxTime bounds exp, nbf and iat so that no sum of them overflows: the year
// 36812.
const maxTime = 1 << 40

// VerifierOptions are the optional settings of a [Verifier].
type VerifierOptions struct {
	// MaxTTL is the longest life, exp − iat, that is believed. 0: 15 minutes.
	// It bounds how long a session that was ended can go on.
	MaxTTL time.Duration
}

// Verifier checks tokens. It may be used concurrently.
type Verifier struct {
	keys     KeySet
	iss, aud string
	maxTTL   time.Duration
}

// NewVerifier returns a Verifier that accepts tokens of exactly this issuer for
// exactly this audience, signed with a key of keys. opts may be nil.
func NewVerifier(keys KeySet, issuer, audience string, opts *VerifierOptions) *Verifier {
	v := &Verifier{keys: keys, iss: issuer, aud: audience, maxTTL: 15 * time.Minute}
	if opts != nil && opts.MaxTTL > 0 {
		v.maxTTL = opts.MaxTTL
	}
	return v
}

// Verify returns what the token says if every check holds, and otherwise
// [ErrInvalid], [ErrExpired] or [ErrUnavailable], wrapped. Only a key that is
// not known yet makes it wait, for at most two seconds or until ctx ends. The
// error never repeats anything of the token.
func (v *Verifier) Verify(ctx context.Context, text string) (Claims, error) {
	kid, err := header(text)
	if err != nil {
		return Claims{}, err
	}
	key, err := v.keys.Key(ctx, kid)
	if errors.Is(err, ErrUnknownKey) {
		return Claims{}, invalid("key is not in the set")
	}
	if err != nil {
		return Claims{}, err
	}
	// The parser is given one algorithm, so that a token cannot choose, and
	// the key has a type that fits no other.
	jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || len(jws.Signatures) != 1 {
		return Claims{}, invalid("not a JWS")
	}
	body, err := jws.Verify(key)
	if err != nil {
		return Claims{}, invalid("signature")
	}
	var p payload
	if err := strictjson.Unmarshal(body, &p); err != nil {
		return Claims{}, invalid("claims are malformed")
	}
	return v.claims(p)
}

// header checks the form of the token and of its header, before anything is
// spent on it, and returns the key id.
func header(text string) (kid string, err error) {
	if len(text) > MaxLength {
		return "", invalid("too long")
	}
	parts := strings.SplitN(text, ".", 4)
	if len(parts) != 3 {
		return "", invalid("not three parts")
	}
	var raw []byte
	for i, part := range parts {
		// Strict also refuses stray bits at the end, by which one token
		// would have several spellings, and the parser skips line breaks.
		if strings.ContainsAny(part, "\r\n") {
			return "", invalid("not base64url")
		}
		b, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || len(b) == 0 {
			return "", invalid("not base64url")
		}
		if i == 0 {
			raw = b
		}
	}
	var h map[string]string
	if err := strictjson.Unmarshal(raw, &h); err != nil {
		return "", invalid("header is malformed")
	}
	switch {
	case len(h) != 3:
		return "", invalid("header must hold alg, kid and typ only")
	case h["alg"] != string(jose.EdDSA):
		return "", invalid("algorithm")
	case h["typ"] != mediaType:
		return "", invalid("type")
	case !keyIDFits(h["kid"]):
		return "", invalid("key id")
	}
	return h["kid"], nil
}

// keyIDFits limits key ids to what thumbprints are made of; they are looked up
// in a map and nowhere else.
func keyIDFits(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for _, c := range []byte(id) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

func (v *Verifier) claims(p payload) (Claims, error) {
	for _, t := range []int64{p.IssuedAt, p.Expires} {
		if t <= 0 || t > maxTime {
			return Claims{}, invalid("exp or iat is missing or absurd")
		}
	}
	c := Claims{
		Subject:  Subject{ID: p.Subject, Name: p.Name, Session: p.Session},
		ID:       p.ID,
		IssuedAt: time.Unix(p.IssuedAt, 0),
		Expires:  time.Unix(p.Expires, 0),
	}
	if p.LoggedIn != 0 {
		c.Since = time.Unix(p.LoggedIn, 0)
	}
	now := time.Now()
	soon := now.Add(Leeway).Unix()
	switch life := c.Expires.Sub(c.IssuedAt); {
	case p.Issuer != v.iss:
		return Claims{}, invalid("issuer")
	case len(p.Audience) != 1 || p.Audience[0] != v.aud:
		return Claims{}, invalid("audience")
	case !c.Subject.valid() || c.ID == "" || !fit(c.ID):
		return Claims{}, invalid("sub, name, sid or jti")
	case life <= 0 || life > v.maxTTL:
		return Claims{}, invalid("lives too long")
	case p.LoggedIn < 0 || p.LoggedIn > p.IssuedAt:
		return Claims{}, invalid("issued before its login")
	case p.IssuedAt > soon || p.NotBefore > soon:
		return Claims{}, invalid("not valid yet")
	case !now.Before(c.Expires.Add(Leeway)):
		return Claims{}, fmt.Errorf("%w at %v", ErrExpired, c.Expires.UTC())
	}
	return c, nil
}

func invalid(why string) error { return fmt.Errorf("%w: %s", ErrInvalid, why) }
