package authsvc

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"github.com/carlware/gochat/examples/internal/httpsvc"
)

// minPassword is the least length of a password that is set, in code points
// (ASVS 5.0, 6.2.1). There is no rule for what it consists of.
const minPassword = 8

// acceptable says why a password must not be set, or nil.
func acceptable(field, password, name string) *httpsvc.Problem {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return httpsvc.BadRequest(field, "must have at least 8 characters")
	case len(password) > maxPassword:
		return tooLong(field, "is longer than 256 bytes")
	case strings.EqualFold(password, name):
		return httpsvc.BadRequest(field, "must not be the name")
	}
	if _, err := precis.OpaqueString.String(password); err != nil {
		return httpsvc.BadRequest(field, "must not have control characters")
	}
	return nil
}

// register makes an account and logs it in. That a name is taken can't be
// hidden here; how many can be tried from one address is limited, whatever the
// outcome.
func (s *Service) register(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}
	if err := httpsvc.Decode(w, r, &req); err != nil {
		return err
	}
	name := strings.ToLower(req.Username)
	if !namePattern.MatchString(name) {
		return httpsvc.BadRequest("username", "must have 2 to 32 of a-z, 0-9, _ and -")
	}
	if p := acceptable("password", req.Password, name); p != nil {
		return p
	}
	addr := httpsvc.ClientAddr(r, s.config.TrustedProxies)
	if wait := s.throttle.admitNew(addr); wait > 0 {
		s.logger.DebugContext(r.Context(), "registration throttled", "addr", addr)
		return httpsvc.RateLimited(wait)
	}
	user, err := s.add(r.Context(), name, req.Password)
	switch {
	case errors.Is(err, errBusy):
		return httpsvc.Unavailable(time.Second)
	case errors.Is(err, errTaken):
		return &httpsvc.Problem{Status: http.StatusConflict, Code: "conflict", Field: "username", Detail: "somebody has that name"}
	case err != nil:
		return err
	}
	s.logger.InfoContext(r.Context(), "registered", "user", user.id, "addr", addr)
	return s.begin(w, r, user, http.StatusCreated)
}

// add stores a new user.
func (s *Service) add(ctx context.Context, name, password string) (account, error) {
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return account{}, err
	}
	user := account{id: rand.Text(), name: name, hash: hash, display: name}
	return user, s.db.addUser(ctx, user)
}
