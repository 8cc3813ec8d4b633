// Package chatsvc is the chatroom service: rooms, history and live sockets over
// a store, for users whom somebody else has logged in.
//
//	svc, err := chatsvc.New(ctx, chatsvc.Config{
//		Store:    "gochat.db",
//		Broker:   broker,
//		Verifier: token.NewVerifier(keys, issuer, audience, nil),
//	})
//	mux.Handle("/api/", svc.API())
//	mux.Handle("/ws", svc.Socket())
//	...
//	err = svc.Shutdown(ctx)
//
// [Run] does all of it, as the program chatroom needs it. The service never
// sees a password: it verifies tokens (package token), which come in the
// Authorization header or, from browsers, as a WebSocket subprotocol. One in
// the address is refused, because addresses end up in logs.
package chatsvc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/examples/internal/admin"
	"github.com/carlware/gochat/examples/internal/httpsvc"
	"github.com/carlware/gochat/examples/internal/token"
	"github.com/carlware/gochat/metrics"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/rest"
	"github.com/carlware/gochat/transport/ws"
)

// Config says what a service is made of.
type Config struct {
	// Store is the path of a SQLite file, "memory", or the URL of a PostgreSQL
	// database: see [OpenStore].
	Store string

	// Broker reaches bots and other nodes. The caller closes it, after
	// Shutdown. nil: neither.
	Broker transport.Broker

	// Verifier tells whom a token speaks for.
	Verifier *token.Verifier

	// Users is the directory of users, see [chat.Options]. nil: only those
	// are known who have been here.
	Users func(ctx context.Context, ids []chat.UserID) ([]chat.User, error)

	// Revocations tells which logins have ended before their time: their
	// sockets are closed on every node, and their tokens refused. nil: a token
	// is good until it expires.
	Revocations Feed

	// Alive reports whether the login that a token came from, its session, is
	// not over. It is asked for every request and every new socket, so it is
	// for an auth service in the same process: there a token is good for
	// nothing from the moment of the logout, and not only when the feed has
	// told. nil: the feed has to do.
	Alive func(ctx context.Context, session string) (bool, error)

	// Origins are pages of other hosts that may connect, see [ws.Options].
	Origins []string

	// Sockets bounds the sockets of this process, see [ws.Limits]. Those that
	// come from this machine itself, a proxy or a tool, count for no address.
	Sockets ws.Limits

	// TrustedProxies may say in X-Forwarded-For whom they speak for. Without
	// them all that comes through a proxy on another machine counts as one
	// address.
	TrustedProxies []netip.Prefix

	// Lobby is the room that everybody is let into. Empty: "general".
	Lobby string

	// Logger gets what needs an operator. nil: [slog.Default].
	Logger *slog.Logger

	// Listener, Hosts and Admin are for [Run]: where it serves, the names of
	// this server besides localhost, and the address for operators, see
	// [admin.Start]. Run closes Listener.
	Listener net.Listener
	Hosts    []string
	Admin    string
}

// Service is a running chatroom service.
type Service struct {
	store    chat.Store
	where    string // the store is, as operators may see it
	broker   transport.Broker
	events   *metrics.Events
	node     *chat.Node
	sockets  *ws.Handler
	api      http.Handler
	verifier *token.Verifier
	alive    func(ctx context.Context, session string) (bool, error)
	logger   *slog.Logger
	draining atomic.Bool

	unfollow  context.CancelFunc
	following sync.WaitGroup
}

// New opens the store and begins a node over it. It returns a service that is
// ready to serve; end it with Shutdown.
func New(ctx context.Context, c Config) (*Service, error) {
	if c.Verifier == nil {
		return nil, errors.New("chatsvc: no verifier")
	}
	if err := checkOrigins(c.Origins); err != nil {
		return nil, err
	}
	c.Lobby = cmp.Or(c.Lobby, "general")
	c.Logger = cmp.Or(c.Logger, slog.Default())
	store, err := OpenStore(ctx, c.Store, c.Logger)
	if err != nil {
		return nil, err
	}
	events := metrics.NewEvents()
	node, err := chat.New(&chat.Options{
		Store: store, Broker: c.Broker, Lobby: c.Lobby, Users: c.Users, Trace: events.Trace(), Logger: c.Logger,
	})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	s := &Service{
		store: store, where: StoreName(c.Store), broker: c.Broker, events: events, node: node,
		verifier: c.Verifier, alive: c.Alive, logger: c.Logger,
	}
	s.sockets = ws.NewHandler(node, s.ofSocket, &ws.Options{
		Origins: c.Origins, Reauthenticate: s.principal, Logger: c.Logger,
		Limits: c.Sockets, Address: func(r *http.Request) netip.Addr { return address(r, c.TrustedProxies) },
	})
	s.api = http.StripPrefix("/api", rest.NewHandler(node, authenticated, &rest.Options{Logger: c.Logger}))
	// Not the caller's, which is for opening alone.
	following, unfollow := context.WithCancel(context.WithoutCancel(ctx))
	s.unfollow = unfollow
	if c.Revocations != nil {
		s.following.Go(func() { s.follow(following, c.Revocations) })
	}
	return s, nil
}

// checkOrigins makes an error of the panic that is right for origins in a
// program; these come from its user.
func checkOrigins(origins []string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("chatsvc: %v", p)
		}
	}()
	nobody := func(*http.Request) (chat.Principal, error) { return chat.Principal{}, chat.ErrForbidden }
	ws.NewHandler(new(chat.Node), nobody, &ws.Options{Origins: origins}) // which serves nothing
	return nil
}

// API returns the handler of /api/.
func (s *Service) API() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, err := httpsvc.Authenticate(r, s.verifier)
		if p, ok := errors.AsType[*httpsvc.Problem](err); ok {
			p.Write(w)
			return
		}
		p := principalOf(claims)
		err = s.check(r.Context(), p)
		if err == nil && errors.Is(s.node.Admit(r.Context(), p), chat.ErrRevoked) {
			err = chat.ErrRevoked // so that the answer is that to any bad token
		}
		switch {
		case err == nil:
			ctx := context.WithValue(r.Context(), principalKey{}, p)
			s.api.ServeHTTP(w, r.WithContext(ctx))
		case errors.Is(err, chat.ErrRevoked):
			httpsvc.Unauthorized("invalid_token").Write(w)
		default:
			httpsvc.Unavailable(time.Second).Write(w)
		}
	})
}

// Socket returns the handler of /ws.
func (s *Service) Socket() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch q := r.URL.Query(); {
		case q.Has("access_token") || q.Has("token"):
			httpsvc.BadRequest("", "a token does not belong into the address").Write(w)
		case s.draining.Load():
			httpsvc.Unavailable(time.Second).Write(w)
		default:
			s.sockets.ServeHTTP(w, r)
		}
	})
}

// Ready returns nil while the service can do its work.
func (s *Service) Ready(ctx context.Context) error {
	if s.draining.Load() {
		return errors.New("chatsvc: shutting down")
	}
	return s.node.Ready(ctx)
}

// Drain makes the service say that it is not ready and refuse new sockets. What
// is connected goes on: bots in the same process can still answer.
func (s *Service) Drain() { s.draining.Store(true) }

// Shutdown ends the service: sockets are told to come back later, commands are
// settled, and what was accepted is in the store when it returns. When ctx ends
// first the rest is cut short; nothing that was acknowledged is lost then.
func (s *Service) Shutdown(ctx context.Context) error {
	s.Drain()
	s.unfollow()
	s.following.Wait()
	err := errors.Join(s.sockets.Shutdown(ctx), s.node.Shutdown(ctx), s.store.Close())
	if err != nil {
		return fmt.Errorf("chatsvc: shutdown: %w", err)
	}
	return nil
}

// Grace is how long the end of a service may take; a container that is stopped
// is killed after 10 s.
const Grace = 8 * time.Second

// Run serves on c.Listener until ctx ends, then shuts down and returns nil.
func Run(ctx context.Context, c Config) error {
	defer c.Listener.Close() //nolint:errcheck // the server has closed it
	c.Logger = cmp.Or(c.Logger, slog.Default())
	svc, err := New(ctx, c)
	if err != nil {
		return err
	}
	mux := httpsvc.NewMux(c.Logger)
	mux.Handle("/api/", svc.API())
	mux.Handle("/ws", svc.Socket())
	mux.Health(svc.Ready)
	h, err := httpsvc.Hosts(c.Hosts, httpsvc.Headers(mux))
	if err != nil {
		return errors.Join(err, svc.Shutdown(ctx))
	}
	stop, err := admin.Start(ctx, c.Admin, c.Hosts, svc.Admin("chatroom"))
	if err != nil {
		return errors.Join(err, svc.Shutdown(ctx))
	}
	defer stop()
	var ended error
	err = httpsvc.Serve(ctx, c.Listener, h, &httpsvc.Options{
		Logger: c.Logger,
		Grace:  Grace,
		Drain:  func(ctx context.Context) { ended = svc.Shutdown(ctx) },
	})
	return errors.Join(err, ended)
}
