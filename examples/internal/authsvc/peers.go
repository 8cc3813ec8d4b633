package authsvc

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/carlware/gochat/examples/internal/httpsvc"
)

// The routes of other services, under /internal/. They exist only where a
// secret is configured; a proxy in front should not let them through.

const (
	maxIDs    = 500 // users asked for at once
	minSecret = 32  // bytes
)

// secret is what services show each other.
type secret [sha256.Size]byte

// readSecret reads a secret from a file: one line of at least 32 bytes, as
// "openssl rand -hex 32" makes it.
func readSecret(path string) (text string, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("authsvc: secret: %w", err)
	}
	text = strings.TrimSpace(string(b))
	if len(text) < minSecret || len(text) > 1024 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("authsvc: %s must hold one line of at least %d printable characters, such as openssl rand -hex 32 makes", path, minSecret)
	}
	return text, nil
}

// matches takes the same time whatever differs.
func (s secret) matches(text string) bool {
	sum := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(s[:], sum[:]) == 1
}

// peer lets only those through who show the secret.
func (s *Service) peer(own secret, f func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		text, err := httpsvc.Bearer(r)
		if err != nil {
			return err
		}
		if !own.matches(text) {
			s.logger.WarnContext(r.Context(), "a service showed a wrong secret", "addr", httpsvc.ClientAddr(r, s.config.TrustedProxies))
			return httpsvc.Unauthorized("invalid_token")
		}
		return f(w, r)
	}
}

func (s *Service) peerRoutes(m mux) error {
	if s.config.SecretFile == "" {
		return nil
	}
	text, err := readSecret(s.config.SecretFile)
	if err != nil {
		return err
	}
	own := secret(sha256.Sum256([]byte(text)))
	m.Func("POST /internal/users", s.peer(own, s.tellUsers))
	m.Func("GET /internal/revocations", s.peer(own, s.tellRevocations))
	return nil
}

func (s *Service) tellUsers(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		IDs []string `json:"ids"`
	}
	if err := httpsvc.Decode(w, r, &req); err != nil {
		return err
	}
	if len(req.IDs) > maxIDs {
		return tooLong("ids", "has more than 500 elements")
	}
	found, err := s.Users(r.Context(), req.IDs)
	if err != nil {
		return err
	}
	return httpsvc.WriteJSON(w, http.StatusOK, usersAnswer{found})
}

func (s *Service) tellRevocations(w http.ResponseWriter, r *http.Request) error {
	after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	if err != nil || after < 0 {
		return httpsvc.BadRequest("after", "must be a position")
	}
	news, next, err := s.Revocations(r.Context(), after)
	if err != nil {
		return err
	}
	return httpsvc.WriteJSON(w, http.StatusOK, revocationsAnswer{news, next})
}

type usersAnswer struct {
	Users []User `json:"users"`
}

type revocationsAnswer struct {
	Revocations []Revocation `json:"revocations,omitempty"`
	Next        int64        `json:"next"`
}
