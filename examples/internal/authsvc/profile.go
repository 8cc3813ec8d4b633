package authsvc

import (
	"errors"
	"net/http"
	"strings"

	"golang.org/x/text/secure/precis"

	"github.com/carlware/gochat/examples/internal/httpsvc"
	"github.com/carlware/gochat/internal/text"
)

// maxDisplay is how long a name may be in a token, in bytes.
const maxDisplay = 64

func (s *Service) profile(w http.ResponseWriter, r *http.Request) error {
	claims, err := s.bearer(r)
	if err != nil {
		return err
	}
	user, err := s.db.userByID(r.Context(), claims.Subject.ID) // the name may be newer than the token
	if err != nil {
		return err
	}
	return httpsvc.WriteJSON(w, http.StatusOK, map[string]any{"user": user.user(), "session": claims.Session})
}

// rename changes the name that others see. The chat learns of it from the next
// token.
func (s *Service) rename(w http.ResponseWriter, r *http.Request) error {
	claims, err := s.bearer(r)
	if err != nil {
		return err
	}
	var req struct {
		Name string `json:"name"`
	}
	if err := httpsvc.Decode(w, r, &req); err != nil {
		return err
	}
	name := strings.TrimSpace(req.Name)
	if name == "" {
		return httpsvc.BadRequest("name", "must not be empty")
	}
	if len(name) > maxDisplay {
		return tooLong("name", "is longer than 64 bytes")
	}
	key, err := precis.Nickname.CompareKey(name)
	if err != nil || text.CheckName(name) != nil {
		return httpsvc.BadRequest("name", "has characters that can't be seen")
	}
	err = s.db.setDisplay(r.Context(), claims.Subject.ID, name, key)
	if errors.Is(err, errTaken) {
		return &httpsvc.Problem{Status: http.StatusConflict, Code: "conflict", Field: "name", Detail: "it can be mistaken for somebody else's name"}
	}
	if err != nil {
		return err
	}
	return s.profile(w, r)
}
