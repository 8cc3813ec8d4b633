package authsvc

import (
	"errors"
	"net/http"
	"time"

	"github.com/carlware/gochat/examples/internal/httpsvc"
)

// The routes of the refresh cookie. A browser adds the cookie by itself, so
// these are the ones that another site could try to use: SameSite=Strict keeps
// the cookie at home, the check for the origin covers what counts as the same
// site but is not the same origin (another port), and the content type is one
// that a form can't have.

func (s *Service) refresh(w http.ResponseWriter, r *http.Request) error {
	if err := httpsvc.JSONOnly(r); err != nil {
		return err
	}
	presented, ok := s.cookie(r)
	if !ok {
		return s.over(w)
	}
	next := presented.next()
	of, outcome, err := s.db.refresh(r.Context(), presented, next)
	switch {
	case err != nil:
		return err // the cookie stays: the next try may succeed
	case outcome == reused:
		s.logger.WarnContext(r.Context(), "refresh token used again: session ended", "user", of.user.id, "session", of.id,
			"addr", httpsvc.ClientAddr(r, s.config.TrustedProxies))
		s.ended()
		return s.over(w)
	case outcome == unknown || !s.admits(of.user):
		return s.over(w)
	case outcome == grace:
		return s.grant(w, http.StatusOK, of, nil) // whoever was first has got the next cookie
	}
	return s.grant(w, http.StatusOK, of, &next)
}

// over says that there is no session any more, and takes the cookie back.
func (s *Service) over(w http.ResponseWriter) error {
	s.setCookie(w, "", -1)
	return refused("unauthorized", "You are not logged in.")
}

func (s *Service) logout(w http.ResponseWriter, r *http.Request) error {
	if err := httpsvc.JSONOnly(r); err != nil {
		return err
	}
	if presented, ok := s.cookie(r); ok {
		of, err := s.db.endSession(r.Context(), presented)
		if err != nil && !errors.Is(err, errNone) {
			return err
		}
		if err == nil {
			s.logger.InfoContext(r.Context(), "logout", "user", of.user.id, "session", of.id)
			s.ended()
		}
	}
	s.setCookie(w, "", -1)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// cookieName has the prefix by which a browser takes care that the cookie came
// from this host over TLS, or from this machine, and is sent to it alone (RFC
// 6265bis, section 4.1.3.2).
func (s *Service) cookieName() string {
	if s.config.InsecureCookie {
		return "gochat_rt"
	}
	return "__Host-gochat_rt"
}

// cookie returns the refresh token of a request that has exactly one.
func (s *Service) cookie(r *http.Request) (refreshToken, bool) {
	cookies := r.CookiesNamed(s.cookieName())
	if len(cookies) != 1 {
		return refreshToken{}, false
	}
	return parseRefreshToken(cookies[0].Value)
}

// setCookie sets the refresh cookie for a while, or deletes it.
func (s *Service) setCookie(w http.ResponseWriter, value string, life time.Duration) {
	age := int(life / time.Second)
	if life < 0 {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: !s.config.InsecureCookie, SameSite: http.SameSiteStrictMode,
	})
}
