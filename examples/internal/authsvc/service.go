package authsvc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/carlware/gochat/examples/internal/httpsvc"
	"github.com/carlware/gochat/examples/internal/token"
)

// User is what one user may know of another.
type User struct {
	ID       string `json:"id"`       // opaque; stays when the name changes
	Username string `json:"username"` // to log in: 2 to 32 of a-z, 0-9, "_" and "-"; unique
	Name     string `json:"name"`     // to be seen: at most 64 bytes; the same as Username at first
}

// Service is the auth service. All methods may be called concurrently.
type Service struct {
	config   Config
	logger   *slog.Logger
	db       *database
	hasher   *hasher
	throttle *throttle
	keys     *token.Keys
	issuer   *token.Issuer
	verifier *token.Verifier
	demo     []string // names of the demo users there are
	handler  http.Handler

	ending chan struct{} // closed when the service begins to end
	once   sync.Once

	mu   sync.Mutex
	news chan struct{} // closed and replaced when a session has ended
}

// New opens the database and the keys, which are created if they do not exist.
// ctx is for that alone. Close the service after use.
func New(ctx context.Context, c Config) (_ *Service, err error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	s := &Service{config: c, logger: c.Logger, hasher: newHasher(c.cost), throttle: newThrottle(),
		ending: make(chan struct{}), news: make(chan struct{})}
	if c.KeyFile == "" {
		s.logger.Warn("access tokens are signed with a key that ends with this process")
		s.keys, err = token.GenerateKeys()
	} else {
		s.keys, err = token.LoadOrCreateKeys(c.KeyFile)
	}
	if err != nil {
		return nil, fmt.Errorf("authsvc: %w", err)
	}
	if s.issuer, err = token.NewIssuer(s.keys, c.Issuer, c.Audience, &token.IssuerOptions{TTL: c.TokenTTL}); err != nil {
		return nil, fmt.Errorf("authsvc: %w", err)
	}
	s.verifier = token.NewVerifier(s.keys, c.Issuer, c.Audience, nil)
	if s.handler, err = s.routes(); err != nil {
		return nil, err
	}
	if s.db, err = openDatabase(ctx, c.Database); err != nil {
		return nil, err
	}
	if c.Demo {
		if err := s.seedDemo(ctx); err != nil {
			return nil, errors.Join(err, s.db.close())
		}
	}
	return s, nil
}

func (s *Service) routes() (http.Handler, error) {
	m := mux{httpsvc.NewMux(s.logger), s.logger}
	m.Func("POST /auth/login", s.login)
	m.Func("POST /auth/refresh", s.refresh)
	m.Func("POST /auth/logout", s.logout)
	m.Func("POST /auth/logout-all", s.logoutAll)
	if s.config.Register {
		m.Func("POST /auth/register", s.register)
	}
	m.Func("POST /auth/password", s.changePassword)
	m.Func("GET /auth/sessions", s.sessions)
	m.Func("DELETE /auth/sessions/{id}", s.endOne)
	m.Func("GET /auth/profile", s.profile)
	m.Func("PATCH /auth/profile", s.rename)
	m.Func("GET /auth/users", s.find)
	m.Func("GET /auth/config", s.describe)
	m.Func("GET /.well-known/jwks.json", s.jwks)
	if err := s.peerRoutes(m); err != nil {
		return nil, err
	}
	m.Health(s.Ready)

	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		(&httpsvc.Problem{Status: http.StatusForbidden, Code: "cross_origin", Detail: "pages of other origins may not ask for this"}).Write(w)
	}))
	h, err := httpsvc.Hosts(s.config.Hosts, sameOrigin.Handler(m))
	if err != nil {
		return nil, fmt.Errorf("authsvc: %w", err)
	}
	return httpsvc.Headers(h), nil
}

// mux tells clients to come back when the database is away.
type mux struct {
	*httpsvc.Mux
	logger *slog.Logger
}

func (m mux) Func(pattern string, f func(http.ResponseWriter, *http.Request) error) {
	m.Mux.Func(pattern, func(w http.ResponseWriter, r *http.Request) error {
		err := f(w, r)
		switch {
		case errors.Is(err, errClosed):
			return httpsvc.Unavailable(0)
		case errors.Is(err, errAway):
			m.logger.ErrorContext(r.Context(), "database is away", "route", r.Pattern, "err", err)
			return httpsvc.Unavailable(time.Second)
		}
		return err
	})
}

// Handler serves all paths of the package comment.
func (s *Service) Handler() http.Handler { return s.handler }

// KeySet returns the keys that access tokens are signed with, for a verifier in
// the same process.
func (s *Service) KeySet() token.KeySet { return s.keys }

// Ready returns nil while the service can do its work.
func (s *Service) Ready(ctx context.Context) error {
	return s.db.read(ctx, func(t tx) error { _, err := t.exists(`SELECT 1 FROM schema_version`); return err })
}

// Close closes the database. Requests under way that need it fail.
func (s *Service) Close() error {
	s.end()
	return s.db.close()
}

// end lets those go who wait for revocations.
func (s *Service) end() { s.once.Do(func() { close(s.ending) }) }

// stopGrace is how long requests under way may take at the end; a container that
// is stopped is killed after 10 s.
const stopGrace = 8 * time.Second

// Run makes a service and serves it until ctx ends, then lets the requests under
// way finish and returns nil.
func Run(ctx context.Context, c Config) error {
	// All that can be refused is refused before anybody can connect.
	if err := c.complete(); err != nil {
		return errors.Join(err, closeListener(c.Listener))
	}
	if c.Listener == nil {
		ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
		if err != nil {
			return fmt.Errorf("authsvc: %w", err)
		}
		c.Listener = ln
	}
	s, err := New(ctx, c) // judges the address that it really is
	if err != nil {
		return errors.Join(err, closeListener(c.Listener))
	}
	s.logger.Info("auth service listens", "addr", c.Listener.Addr().String(), "demo", c.Demo)
	err = httpsvc.Serve(ctx, c.Listener, s.Handler(), &httpsvc.Options{
		Logger: s.logger, Grace: stopGrace, Drain: func(context.Context) { s.end() },
	})
	return errors.Join(err, s.Close())
}

func closeListener(ln net.Listener) error {
	if ln == nil {
		return nil
	}
	return ln.Close()
}
