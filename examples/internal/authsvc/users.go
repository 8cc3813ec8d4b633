package authsvc

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/carlware/gochat/examples/internal/httpsvc"
	"github.com/carlware/gochat/examples/internal/token"
)

const (
	defaultFound = 20 // users in one answer
	maxFound     = 50
)

// demoPassword is what everybody knows; it is shorter than a password may be
// otherwise.
const demoPassword = "1234"

var demoUsers = []string{"carlos", "john", "gerard"}

// Users returns those of the ids that exist, ordered by id.
func (s *Service) Users(ctx context.Context, ids []string) ([]User, error) {
	return s.db.usersByID(ctx, ids)
}

// Search returns up to limit users whose name begins with prefix, ordered by
// name. Users who can't log in are left out.
func (s *Service) Search(ctx context.Context, prefix string, limit int) ([]User, error) {
	return s.db.search(ctx, strings.ToLower(prefix), max(limit, 0), s.config.Demo)
}

// Alive reports whether a session, the sid of an access token, is not over.
func (s *Service) Alive(ctx context.Context, session string) (bool, error) {
	user, err := s.db.sessionUser(ctx, session)
	if errors.Is(err, errNone) {
		return false, nil
	}
	return err == nil && s.admits(user), err
}

// bearer returns the claims of a request with a good access token of a session
// that is not over.
func (s *Service) bearer(r *http.Request) (token.Claims, error) {
	claims, err := httpsvc.Authenticate(r, s.verifier)
	if err != nil {
		return claims, err
	}
	alive, err := s.Alive(r.Context(), claims.Session)
	if err == nil && !alive {
		err = httpsvc.Unauthorized("invalid_token")
	}
	return claims, err
}

func (s *Service) find(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.bearer(r); err != nil {
		return err
	}
	query, limit := r.URL.Query(), defaultFound
	if query.Has("limit") {
		n, err := strconv.Atoi(query.Get("limit"))
		if err != nil || n < 1 || n > maxFound {
			return httpsvc.BadRequest("limit", "must be a whole number from 1 to 50")
		}
		limit = n
	}
	prefix := query.Get("q")
	if len(prefix) > maxUsername {
		return tooLong("q", "is longer than 64 bytes")
	}
	found, err := s.Search(r.Context(), prefix, limit)
	if err != nil {
		return err
	}
	return httpsvc.WriteJSON(w, http.StatusOK, map[string]any{"users": found})
}

func (s *Service) describe(w http.ResponseWriter, _ *http.Request) error {
	answer := map[string]any{"demo": s.config.Demo, "register": s.config.Register}
	if s.config.Demo {
		answer["demo_users"] = s.demo
	}
	return httpsvc.WriteJSON(w, http.StatusOK, answer)
}

func (s *Service) jwks(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(s.keys.JWKS())
	return nil
}

// seedDemo makes the demo users that are missing. Those that are there keep
// their ids, and somebody who has registered such a name is left alone.
func (s *Service) seedDemo(ctx context.Context) error {
	s.demo = []string{}
	for _, name := range demoUsers {
		user, err := s.db.userByName(ctx, name)
		if errors.Is(err, errNone) {
			user, err = s.addDemo(ctx, name)
		}
		if err != nil {
			return err
		}
		if user.demo {
			s.demo = append(s.demo, name)
		}
	}
	s.logger.Warn("demo mode: these users have a password that everybody knows", "users", s.demo)
	return nil
}

func (s *Service) addDemo(ctx context.Context, name string) (account, error) {
	hash, err := s.hasher.hash(ctx, demoPassword)
	if err != nil {
		return account{}, err
	}
	user := account{id: rand.Text(), name: name, hash: hash, demo: true}
	err = s.db.addUser(ctx, user)
	if errors.Is(err, errTaken) { // by another process that starts
		return s.db.userByName(ctx, name)
	}
	return user, err
}
