package authsvc

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/carlware/gochat/examples/internal/httpsvc"
	"github.com/carlware/gochat/examples/internal/token"
)

// maxUsername is more than any name has, so that a mistyped one is answered as
// a wrong one is.
const maxUsername = 64

// grant is the answer to a login and to a refresh (the members of RFC 6749,
// section 5.1, and the user).
type grant struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
	User        User   `json:"user"`
}

func refused(code, detail string) *httpsvc.Problem {
	p := httpsvc.Unauthorized("") // RFC 9110, section 15.5.2, asks for a challenge with every 401
	p.Code, p.Detail = code, detail
	return p
}

func tooLong(field, detail string) *httpsvc.Problem {
	p := httpsvc.BadRequest(field, detail)
	p.Code = "too_long"
	return p
}

func (s *Service) login(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}
	if err := httpsvc.Decode(w, r, &req); err != nil {
		return err
	}
	switch {
	case req.Username == "":
		return httpsvc.BadRequest("username", "must not be empty")
	case req.Password == "":
		return httpsvc.BadRequest("password", "must not be empty")
	case len(req.Username) > maxUsername:
		return tooLong("username", "is longer than 64 bytes")
	case len(req.Password) > maxPassword:
		return tooLong("password", "is longer than 256 bytes")
	}
	user, err := s.authenticate(r, strings.ToLower(req.Username), req.Password)
	if err != nil {
		return err
	}
	return s.begin(w, r, user, http.StatusOK)
}

// begin makes a session of the user, who has just proved who it is.
func (s *Service) begin(w http.ResponseWriter, r *http.Request, user account, status int) error {
	refresh := newRefreshToken()
	session, dropped, err := s.db.addSession(r.Context(), user, refresh)
	if errors.Is(err, errNone) { // the password was changed, or its hash renewed, at this very moment
		return httpsvc.Unavailable(time.Second)
	}
	if err != nil {
		return err
	}
	if len(dropped) > 0 {
		s.ended()
	}
	s.logger.InfoContext(r.Context(), "login", "user", user.id, "session", session.id)
	return s.grant(w, status, session, &refresh)
}

// authenticate returns the user of that name if the password is right. From the
// moment the attempt is admitted, whether there is such a user shows in nothing
// but the outcome.
func (s *Service) authenticate(r *http.Request, name, password string) (account, error) {
	ctx := r.Context()
	addr := httpsvc.ClientAddr(r, s.config.TrustedProxies)
	if wait := s.throttle.admit(addr, name); wait > 0 {
		s.logger.DebugContext(ctx, "login throttled", "addr", addr)
		return account{}, httpsvc.RateLimited(wait)
	}
	user, err := s.db.userByName(ctx, name)
	if err != nil && !errors.Is(err, errNone) {
		s.throttle.void(addr, name)
		return account{}, err
	}
	match, outdated, err := s.hasher.verify(ctx, password, user.hash)
	if err != nil {
		s.throttle.void(addr, name)
		if errors.Is(err, errBusy) {
			return account{}, httpsvc.Unavailable(time.Second)
		}
		return account{}, err
	}
	if !match || !s.admits(user) {
		s.logger.InfoContext(ctx, "login refused", "addr", addr, "user", user.id)
		return account{}, refused("invalid_credentials", "The name or the password is wrong.")
	}
	s.throttle.good(addr, name)
	if outdated {
		if err := s.renew(ctx, &user, password); err != nil { // the next login tries again
			s.logger.WarnContext(ctx, "password hash not renewed", "user", user.id, "err", err)
		}
	}
	return user, nil
}

// renew stores a hash of today's cost.
func (s *Service) renew(ctx context.Context, user *account, password string) error {
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	err = s.db.setHash(ctx, user.id, user.hash, hash)
	if err == nil {
		user.hash = hash
	}
	return err
}

// admits reports whether the user may have a session: demo users only in demo
// mode.
func (s *Service) admits(u account) bool { return !u.demo || s.config.Demo }

// grant answers with an access token for the session and, unless next is nil,
// with a refresh cookie.
func (s *Service) grant(w http.ResponseWriter, status int, of session, next *refreshToken) error {
	signed, claims, err := s.issuer.Sign(token.Subject{ID: of.user.id, Name: of.user.display, Session: of.id, Since: of.since})
	if err != nil {
		return err
	}
	if next != nil {
		s.setCookie(w, next.text(), time.Until(of.idle))
	}
	return httpsvc.WriteJSON(w, status, grant{
		AccessToken: signed,
		TokenType:   "Bearer",
		ExpiresIn:   int64(claims.Expires.Sub(claims.IssuedAt) / time.Second),
		User:        of.user.user(),
	})
}
