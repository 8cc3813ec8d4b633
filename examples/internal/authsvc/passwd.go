package authsvc

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/carlware/gochat/examples/internal/httpsvc"
)

// changePassword sets a new password for who knows the one of today, and ends
// the other sessions of the user: whoever had learned the old password is out.
func (s *Service) changePassword(w http.ResponseWriter, r *http.Request) error {
	claims, err := s.bearer(r)
	if err != nil {
		return err
	}
	var req struct {
		Current string `json:"current"`
		New     string `json:"new"`
	}
	if err := httpsvc.Decode(w, r, &req); err != nil {
		return err
	}
	user, err := s.db.userByID(r.Context(), claims.Subject.ID)
	switch {
	case err != nil:
		return err
	case user.demo:
		return &httpsvc.Problem{Status: http.StatusForbidden, Code: "forbidden", Detail: "demo users keep their password"}
	case req.Current == "":
		return httpsvc.BadRequest("current", "must not be empty")
	case len(req.Current) > maxPassword:
		return tooLong("current", "is longer than 256 bytes")
	}
	if p := acceptable("new", req.New, user.name); p != nil {
		return p
	}
	// The limits of a login hold here too: a stolen token is no way round.
	user, err = s.authenticate(r, user.name, req.Current)
	if p, ok := errors.AsType[*httpsvc.Problem](err); ok && p.Code == "invalid_credentials" {
		// Not 401: the token is good.
		return &httpsvc.Problem{Status: http.StatusForbidden, Code: p.Code, Field: "current", Detail: "the password is wrong"}
	}
	if err != nil {
		return err
	}
	hash, err := s.hasher.hash(r.Context(), req.New)
	if errors.Is(err, errBusy) {
		return httpsvc.Unavailable(time.Second)
	}
	if err != nil {
		return err
	}
	over, err := s.db.changePassword(r.Context(), user, hash, claims.Session)
	if errors.Is(err, errNone) { // somebody has changed it meanwhile
		return &httpsvc.Problem{Status: http.StatusConflict, Code: "conflict", Detail: "the password was changed meanwhile"}
	}
	if err != nil {
		return err
	}
	s.logger.InfoContext(r.Context(), "password changed", "user", user.id, "session", claims.Session, "sessions", len(over))
	s.ended()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// changePassword replaces the hash that u was found with and ends all sessions
// of the user but one, or returns errNone if the hash is another by now. A
// password of its own makes a demo user one like others.
func (d *database) changePassword(ctx context.Context, u account, hash, keep string) (over []session, err error) {
	err = d.write(ctx, func(t tx) error {
		n, err := t.exec(`UPDATE users SET hash = $1, demo = 0 WHERE id = $2 AND hash = $3`, hash, u.id, u.hash)
		if err == nil && n == 0 {
			err = errNone
		}
		if err == nil {
			over, err = t.end(`"user" = $1 AND id <> $2`, u.id, keep)
		}
		return err
	})
	return over, err
}
