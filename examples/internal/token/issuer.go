package token

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// payload is the claims as they travel. exp, nbf and iat are whole seconds
// (RFC 7519, section 2, NumericDate; fractions are refused).
type payload struct {
	Issuer    string       `json:"iss"`
	Audience  jwt.Audience `json:"aud"`
	Subject   string       `json:"sub"`
	Name      string       `json:"name"`
	Session   string       `json:"sid"`
	ID        string       `json:"jti"`
	LoggedIn  int64        `json:"auth_time,omitempty"`
	IssuedAt  int64        `json:"iat"`
	NotBefore int64        `json:"nbf,omitempty"`
	Expires   int64        `json:"exp"`
}

// IssuerOptions are the optional settings of an [Issuer].
type IssuerOptions struct {
	TTL time.Duration // how long a token is good for; 0: DefaultTTL
}

// Issuer signs tokens. It may be used concurrently.
type Issuer struct {
	signer jose.Signer
	iss    string
	aud    jwt.Audience
	ttl    time.Duration
}

// NewIssuer returns an Issuer that signs with the first key, as issuer, for
// audience. opts may be nil.
func NewIssuer(keys *Keys, issuer, audience string, opts *IssuerOptions) (*Issuer, error) {
	if issuer == "" || audience == "" {
		return nil, errors.New("token: an issuer needs its name and an audience")
	}
	var o IssuerOptions
	if opts != nil {
		o = *opts
	}
	if o.TTL == 0 {
		o.TTL = DefaultTTL
	}
	if o.TTL < time.Second {
		return nil, fmt.Errorf("token: life of %v is too short", o.TTL)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: keys.signer},
		(&jose.SignerOptions{}).WithType(mediaType))
	if err != nil {
		return nil, fmt.Errorf("token: signer: %w", err)
	}
	return &Issuer{signer: signer, iss: issuer, aud: jwt.Audience{audience}, ttl: o.TTL}, nil
}

// Sign returns a new token for s and what it says.
func (i *Issuer) Sign(s Subject) (string, Claims, error) {
	if !s.valid() {
		return "", Claims{}, errors.New("token: subject lacks an id or a session, or is too long")
	}
	now := time.Now().Truncate(time.Second)
	c := Claims{Subject: s, ID: rand.Text(), IssuedAt: now, Expires: now.Add(i.ttl)}
	p := payload{
		Issuer: i.iss, Audience: i.aud, Subject: s.ID, Name: s.Name, Session: s.Session,
		ID: c.ID, IssuedAt: c.IssuedAt.Unix(), Expires: c.Expires.Unix(),
	}
	if !s.Since.IsZero() {
		p.LoggedIn = s.Since.Unix()
	}
	body, err := json.Marshal(p)
	if err != nil {
		return "", Claims{}, fmt.Errorf("token: encode: %w", err)
	}
	signed, err := i.signer.Sign(body)
	if err != nil {
		return "", Claims{}, fmt.Errorf("token: sign: %w", err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		return "", Claims{}, fmt.Errorf("token: encode: %w", err)
	}
	if len(text) > MaxLength {
		return "", Claims{}, fmt.Errorf("token: %d bytes is longer than a verifier reads", len(text))
	}
	return text, c, nil
}
