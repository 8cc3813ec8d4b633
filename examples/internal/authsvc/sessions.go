package authsvc

import (
	"net/http"
	"time"

	"github.com/carlware/gochat/examples/internal/httpsvc"
)

// The routes by which a user sees and ends his logins on other devices (ASVS
// 5.0, 7.5.2). They go by the access token, so no other site can use
// them.

func (s *Service) sessions(w http.ResponseWriter, r *http.Request) error {
	claims, err := s.bearer(r)
	if err != nil {
		return err
	}
	mine, err := s.db.sessionsOf(r.Context(), claims.Subject.ID)
	if err != nil {
		return err
	}
	type entry struct {
		ID      string    `json:"id"`
		Since   time.Time `json:"since"`
		Used    time.Time `json:"used"`    // refreshed last
		Expires time.Time `json:"expires"` // unless it is refreshed before
		Current bool      `json:"current"`
	}
	list := make([]entry, len(mine))
	for i, m := range mine {
		list[i] = entry{m.id, m.since.UTC(), m.used.UTC(), m.idle.UTC(), m.id == claims.Session}
	}
	return httpsvc.WriteJSON(w, http.StatusOK, map[string]any{"sessions": list})
}

// endOne ends one session of the caller. That of somebody else is not found.
func (s *Service) endOne(w http.ResponseWriter, r *http.Request) error {
	claims, err := s.bearer(r)
	if err != nil {
		return err
	}
	over, err := s.db.endSessions(r.Context(), `"user" = $1 AND id = $2`, claims.Subject.ID, r.PathValue("id"))
	if err != nil {
		return err
	}
	if len(over) == 0 {
		return httpsvc.NotFound()
	}
	s.logger.InfoContext(r.Context(), "session ended by its user", "user", claims.Subject.ID, "session", over[0].id)
	s.ended()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// logoutAll ends all sessions of the caller, this one too.
func (s *Service) logoutAll(w http.ResponseWriter, r *http.Request) error {
	claims, err := s.bearer(r)
	if err != nil {
		return err
	}
	if err := httpsvc.JSONOnly(r); err != nil {
		return err
	}
	over, err := s.db.endSessions(r.Context(), `"user" = $1`, claims.Subject.ID)
	if err != nil {
		return err
	}
	s.logger.InfoContext(r.Context(), "logout everywhere", "user", claims.Subject.ID, "sessions", len(over))
	s.ended()
	s.setCookie(w, "", -1)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
