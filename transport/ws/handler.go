package ws

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/carlware/gochat/chat"
)

// Options are the options of [NewHandler]. nil means all defaults.
type Options struct {
	// Origins are the origins of other hosts whose pages may connect, such as
	// "https://app.example". The first label may be any, as in
	// "https://*.app.example", and so may the port, as in
	// "http://localhost:*". Pages of the host that serves the handler always
	// may, and programs that send no Origin. A pattern without a scheme, or
	// for all hosts, makes NewHandler panic.
	Origins []string

	// Reauthenticate checks a new token that a client sends on its connection
	// because the old one is about to end. The result must be the same user
	// and login. ctx ends after 15 s. nil means that clients have to connect
	// again.
	Reauthenticate func(ctx context.Context, token string) (chat.Principal, error)

	// Limits bound the connections.
	Limits Limits

	// Address tells which address a request comes from, for the limits that
	// are per address. Behind a proxy RemoteAddr is the proxy's, and a header
	// such as X-Forwarded-For is worth only what the proxy that you run makes
	// of it, so the handler does not guess: nil means no limits per address.
	// So does an invalid Addr for that request. Of IPv6, what shares a /64
	// counts as one. It may be called concurrently.
	Address func(*http.Request) netip.Addr

	// Compress lets clients that offer it, as browsers do, use compression
	// (permessage-deflate without context takeover): about half the bytes, for
	// some microseconds more of each event, whoever gets it, and of each long
	// reply. It is of use where the network is dear and events are long; a
	// client that sends compressed messages costs 43 KiB while one is read.
	Compress bool

	// Poll makes idle connections do without a goroutine, on Linux: 5 KiB of
	// memory instead of 8, for a little more work when something comes. It has
	// no effect on connections that are TLS in this process, and elsewhere.
	Poll bool

	// PingInterval is how often the server pings a client; 25 s.
	PingInterval time.Duration
	// PongTimeout is how long the client may take to answer; 10 s.
	PongTimeout time.Duration
	// HelloTimeout is how long a client may take to say hello; 10 s.
	HelloTimeout time.Duration
	// StallTimeout is how long a client may take nothing of what is sent to
	// it, and how long it may take to send one message; 10 s.
	StallTimeout time.Duration

	// Logger receives what needs an operator. nil means [slog.Default].
	Logger *slog.Logger
}

func (o *Options) withDefaults() Options {
	var c Options
	if o != nil {
		c = *o
	}
	def := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	c.Limits = c.Limits.withDefaults()
	def(&c.PingInterval, 25*time.Second)
	def(&c.PongTimeout, 10*time.Second)
	def(&c.HelloTimeout, 10*time.Second)
	def(&c.StallTimeout, 10*time.Second)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Handler serves a [chat.Hub] over WebSocket. It is safe for concurrent use.
type Handler struct {
	hub          chat.Hub
	authenticate func(*http.Request) (chat.Principal, error)
	o            Options
	origins      origins
	shards       []shard
	poller       *poller // nil: none
	compression  websocket.CompressionMode
	gate         gate
	made         atomic.Uint32 // connections, ever
	told         atomic.Int64  // when the log was told last that connections are refused, in Unix seconds

	mu       sync.Mutex
	conns    map[*conn]struct{}
	draining bool
	tasks    sync.WaitGroup // one for each connection, and the workers of shards
}

// NewHandler returns a handler for hub. authenticate says who a request comes
// from; it runs before the upgrade and may be called concurrently. Its error
// means 401, unless it wraps [chat.ErrForbidden] (403) or
// [chat.ErrUnavailable] (503). With tokens, [BearerToken] finds them.
//
// End it with Shutdown, before the hub: [http.Server.Shutdown] knows nothing of
// connections that were upgraded. NewHandler panics when hub or authenticate is
// nil, and on Options.Origins that can't be right.
func NewHandler(hub chat.Hub, authenticate func(*http.Request) (chat.Principal, error), o *Options) *Handler {
	if hub == nil || authenticate == nil {
		panic("ws: NewHandler needs a hub and a function that authenticates")
	}
	c := o.withDefaults()
	h := &Handler{
		hub: hub, authenticate: authenticate, o: c, origins: parseOrigins(c.Origins),
		gate: gate{limits: c.Limits}, conns: map[*conn]struct{}{},
	}
	encode := encodeDelivery
	h.compression = websocket.CompressionDisabled
	if c.Compress {
		h.compression, encode = websocket.CompressionNoContextTakeover, encodeBoth
	}
	h.shards = newShards(runtime.GOMAXPROCS(0), &h.tasks, encode)
	if c.Poll {
		h.poller = newPoller()
	}
	return h
}

// ServeHTTP upgrades the request to a connection, or refuses it with problem
// details. It returns after the upgrade; the connection lives on until its
// client leaves, something ends it, or Shutdown.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.begin() {
		refuseDraining.write(w)
		return
	}
	if c, f := h.accept(w, r); c == nil {
		if f != nil {
			f.write(w)
		}
		h.tasks.Done()
	}
}

// begin counts a connection to come, unless the handler is draining.
func (h *Handler) begin() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.draining {
		h.tasks.Add(1)
	}
	return !h.draining
}

// accept makes the connection, which then leaves h.tasks by itself. Without one
// it returns what to answer; nil is that it was answered.
func (h *Handler) accept(w http.ResponseWriter, r *http.Request) (made *conn, _ *refusal) {
	if f := h.verify(r); f != nil {
		return nil, f
	}
	var addr netip.Addr
	if h.o.Address != nil {
		addr = block(h.o.Address(r))
	}
	if f := h.gate.arrive(addr, time.Now()); f != nil {
		return nil, f
	}
	defer func() {
		if made == nil {
			h.gate.leave()
		}
	}()
	p, err := h.authenticate(r)
	switch {
	case err != nil || p.User.ID == "":
		f := refusalFor(err)
		if now := time.Now().Unix(); f == refuseStore && h.told.Swap(now) != now { // once a second will do
			h.o.Logger.Warn("ws: connections are refused", "err", err)
		}
		return nil, f
	case !p.Expires.IsZero() && !time.Now().Before(p.Expires):
		return nil, refuseLogin
	case !canHijack(w):
		h.o.Logger.Error("ws: the http.ResponseWriter can't hand over its connection; some middleware hides http.Hijacker, or it is not HTTP/1.1")
		return nil, refuseInternal
	}
	bye, f := h.gate.enter(p.User.ID, addr, time.Now())
	if f != nil {
		return nil, f
	}
	c := newConn(h, p)
	c.addr = addr
	// The library would answer with the client's spelling of the subprotocol,
	// and its check of the origin knows less than ours.
	w.Header().Set("Sec-WebSocket-Protocol", Protocol)
	hj := &hijacker{ResponseWriter: w, wire: &c.wire}
	c.ws, err = websocket.Accept(hj, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true,
		CompressionMode:    h.compression,
		OnPingReceived:     c.pinged,
		OnPongReceived:     c.ponged,
	})
	if err != nil {
		h.gate.exit(p.User.ID, addr)
		h.o.Logger.Warn("ws: upgrade failed", "err", err) // Accept has answered
		return nil, nil
	}
	c.br = hj.br
	c.deflates = w.Header().Get("Sec-WebSocket-Extensions") != ""
	c.ws.SetReadLimit(maxHello)
	h.live(c, bye)
	return c, nil
}

// live begins the life of a connection, or its end at once.
func (h *Handler) live(c *conn, bye *farewell) {
	h.mu.Lock()
	h.conns[c] = struct{}{}
	if h.draining && bye == nil {
		f := restart(1)
		bye = &f
	}
	h.mu.Unlock()
	c.begin()
	if bye != nil {
		c.end(*bye)
	}
	c.live()
}

// gone forgets a connection that has ended.
func (h *Handler) gone(c *conn) {
	h.mu.Lock()
	delete(h.conns, c)
	h.mu.Unlock()
	h.gate.exit(c.who.User.ID, c.addr)
	h.gate.leave()
	h.tasks.Done()
}

// pace is how many connections are closed at a time, and paceTime what is
// waited in between: 10,000 take less than a second.
const (
	pace     = 64
	paceTime = 5 * time.Millisecond
)

// Shutdown refuses new connections with 503 and ends the others: each finishes
// the request it is at, sends what is queued and closes with 1012 and a hint
// when to come back, spread so that not all come at once. A client that does not
// answer is cut after 2 s. When ctx ends first, all are cut and ctx's error is
// returned. Calling it again is safe.
func (h *Handler) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.draining = true
	conns := slices.Collect(maps.Keys(h.conns))
	h.mu.Unlock()

	ended := make(chan struct{})
	go func() {
		h.tasks.Wait()
		close(ended)
	}()
	for i, c := range conns {
		c.drain(restart(len(conns)))
		if i%pace == pace-1 && ctx.Err() == nil {
			time.Sleep(paceTime)
		}
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	h.mu.Lock()
	conns = slices.Collect(maps.Keys(h.conns))
	h.mu.Unlock()
	for _, c := range conns {
		c.cut()
	}
	<-ended // requests to the hub end with the connection
	return ctx.Err()
}
