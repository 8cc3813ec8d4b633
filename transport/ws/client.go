package ws

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"

	"github.com/carlware/gochat/chat"
)

// DialOptions are the options of [Dial]. nil means all defaults.
type DialOptions struct {
	// Token returns the token to log in with. It is called before each dial,
	// so that the token is never an old one, and when the server says that
	// the login is about to end; one call at a time. ctx ends after 30 s. An
	// error means "not now", and the client tries again, unless it wraps
	// [ErrNoLogin]. nil means that Header or HTTPClient authenticate.
	Token func(ctx context.Context) (string, error)

	// Header is sent with each handshake.
	Header http.Header

	// HTTPClient makes the handshakes. It does not follow redirects, so that
	// a token goes nowhere else. nil means a client of its own.
	HTTPClient *http.Client

	// Epoch, with Rooms, goes on where an earlier client was: it is the epoch
	// that its last [Welcome] told.
	Epoch string
	// Rooms has the last Seq that the earlier client handled of each room. Of
	// rooms that are not listed only what is new is delivered.
	Rooms map[chat.RoomID]chat.Seq

	// Logger receives, at level Debug, why connections end. nil means
	// [slog.Default].
	Logger *slog.Logger
}

// Client is a connection to a chat that comes back by itself.
//
// It dials again, with full-jitter back-off of 0.5 to 30 s, for ever, until Close
// or until the server says not to come back; says what it has seen, and gets
// the rest. [Client.Events] delivers all of that once and in order.
//
// A method that asks the server something waits for the answer, through as
// many connections as it takes, until its ctx ends. Requests that store
// something carry an id, made with [chat.NewID] where the caller gives none, and
// are sent again with the same id after a lost connection, so they happen once.
// When ctx ends in between, the error wraps [chat.ErrOutcomeUnknown]: the same
// request with the same id finds out. A request that the server refuses comes
// back as an [*Error]. All methods may be called concurrently.
//
// A client has two goroutines at most, both waited for by Close.
type Client struct {
	address string
	o       DialOptions
	http    *http.Client
	updates updates
	cancel  context.CancelFunc
	online  chan struct{} // closed at the first welcome
	ended   chan struct{} // closed when run has returned

	mu      sync.Mutex
	user    chat.User
	epoch   string
	seen    map[chat.RoomID]position
	touched uint64 // grows with each use of a position
	plain   bool   // the next hello says nothing of what was seen: the server refused it
	calls   []*call
	link    *link // the connection that is up or coming; nil between two
	failure error // set once, at the end
	trouble error // why the last connection ended
}

// position is how far a room was seen.
type position struct {
	seq  chat.Seq
	used uint64 // touched, when it was
}

// Dial connects to the handler at rawURL, which begins with ws:, wss:, http: or
// https:, and returns when the server has welcomed the client. ctx bounds only
// the call. While it lasts, failures that may pass are tried again; the error is
// a [*RefusedError] or [*CloseError] when the server won't have it, and that of
// ctx otherwise. The caller must call Close.
func Dial(ctx context.Context, rawURL string, o *DialOptions) (*Client, error) {
	c := &Client{online: make(chan struct{}), ended: make(chan struct{}), seen: map[chat.RoomID]position{}}
	if o != nil {
		c.o = *o
	}
	if c.o.Logger == nil {
		c.o.Logger = slog.Default()
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("ws: dial: %w", err)
	}
	switch u.Scheme {
	case "ws", "wss", "http", "https":
	default:
		return nil, fmt.Errorf("ws: dial: %q is not the scheme of a WebSocket", u.Scheme)
	}
	c.address, c.epoch = u.String(), c.o.Epoch
	for room, seq := range c.o.Rooms {
		c.seen[room] = position{seq: seq}
	}
	c.http = handshaker(c.o.HTTPClient)
	c.updates.init()

	// The connection outlives the call.
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	go c.run(life)
	select {
	case <-c.online:
		return c, nil
	case <-c.ended:
		return nil, fmt.Errorf("ws: dial: %w", c.Err())
	case <-ctx.Done():
	}
	c.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trouble != nil {
		return nil, fmt.Errorf("ws: dial: %w (the last try: %w)", ctx.Err(), c.trouble)
	}
	return nil, fmt.Errorf("ws: dial: %w", ctx.Err())
}

// handshaker returns an HTTP client that does not follow redirects.
func handshaker(given *http.Client) *http.Client {
	h := http.Client{}
	if given != nil {
		h = *given
	} else if t, ok := http.DefaultTransport.(*http.Transport); ok {
		h.Transport = t.Clone() // so that its idle connections can be closed
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}

// Close leaves the chat and waits until all goroutines have ended, a second at
// most. Requests that wait for an answer fail with [chat.ErrClosed], and so does
// Events after what it still has. It returns nil.
func (c *Client) Close() error {
	c.cancel()
	<-c.ended
	return nil
}

// User returns who the server says this is.
func (c *Client) User() chat.User {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user
}

// Err returns nil while the client is trying, and afterwards why it stopped:
// [chat.ErrClosed] after Close, [ErrNoLogin], [ErrOtherUser], a [*RefusedError]
// or a [*CloseError].
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}
