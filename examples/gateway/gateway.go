package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/carlware/gochat/examples/internal/httpsvc"
	"github.com/carlware/gochat/examples/internal/web"
)

type gateway struct {
	auth   *httputil.ReverseProxy
	rooms  *httputil.ReverseProxy
	nodes  *pool
	ready  func(context.Context) error // of the auth service
	logger *slog.Logger
}

const dialTimeout = 2 * time.Second

func newGateway(auth string, rooms []string, logger *slog.Logger) (*gateway, error) {
	if len(rooms) == 0 {
		return nil, errors.New("no chatroom services: name them with -chatrooms")
	}
	at, err := parseURL(auth)
	if err != nil {
		return nil, err
	}
	g := &gateway{logger: logger, nodes: &pool{logger: logger}}
	for _, room := range rooms {
		u, err := parseURL(room)
		if err != nil {
			return nil, err
		}
		g.nodes.nodes = append(g.nodes.nodes, &node{url: u})
	}
	direct := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		MaxIdleConnsPerHost: 32, IdleConnTimeout: 30 * time.Second,
	}
	g.auth = g.proxy(at, direct)
	// Connections are not used again, so that each request asks the pool.
	g.rooms = g.proxy(&url.URL{Scheme: "http", Host: "chatrooms"}, &http.Transport{DisableKeepAlives: true, DialContext: g.nodes.dial})
	g.ready = func(ctx context.Context) error { return ask(ctx, &http.Client{Transport: direct}, at) }
	return g, nil
}

func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("%q is not the address of a service, such as http://127.0.0.1:8082", text)
	}
	u.Path = ""
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), "80")
	}
	return u, nil
}

// proxy passes requests on under the name that they came for: services check
// that name, and the origin of a page against it.
func (g *gateway) proxy(to *url.URL, transport http.RoundTripper) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		Transport: transport,
		ErrorLog:  slog.NewLogLogger(g.logger.Handler(), slog.LevelDebug),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				g.logger.WarnContext(r.Context(), "request not passed on", "err", err)
			}
			httpsvc.Unavailable(time.Second).Write(w)
		},
	}
}

func (g *gateway) handler() http.Handler {
	mux := httpsvc.NewMux(g.logger)
	mux.Handle("/auth/", g.auth)
	mux.Handle("/.well-known/jwks.json", g.auth)
	mux.Handle("/api/", g.rooms)
	mux.Handle("/ws", g.rooms)
	page := httpsvc.NewMux(g.logger)
	page.Handle("/", web.Handler(nil))
	page.Health(func(ctx context.Context) error { return errors.Join(g.ready(ctx), g.nodes.ready()) })
	mux.Handle("/", httpsvc.Headers(page)) // the services set their own
	return mux
}
