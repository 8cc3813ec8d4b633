package httpsvc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Options are the optional settings of [Serve].
type Options struct {
	Logger *slog.Logger // nil: slog.Default()

	// MaxConns is how many connections may be open; further ones are closed
	// at once. 0: 4096. A connection that was hijacked, as WebSockets are,
	// does not count any more: whoever took it limits those.
	MaxConns int

	// Drain is called when ctx ends, before anything is closed, to make the
	// service say that it is not ready and to end hijacked connections, which
	// net/http leaves alone. Its ctx ends after Grace. nil: nothing to do.
	Drain func(ctx context.Context)

	// Grace is how long Drain and the requests under way may take together;
	// what is left then is cut. 0: 10 seconds.
	Grace time.Duration
}

// NewServer returns a server with every limit that net/http leaves open by
// default: 5 s for the header of a request and 16 KiB of it, 15 s for all of
// the request, 30 s for the answer, 60 s without a request.
func NewServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10, // net/http adds 4 KiB of its own
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// Serve answers requests on ln until ctx ends, then lets those under way finish
// and returns nil. It closes ln. Another error means that the listener failed.
// opts may be nil.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, opts *Options) error {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MaxConns == 0 {
		o.MaxConns = 4096
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	srv := NewServer(h, o.Logger)
	srv.ConnState = limit(int64(o.MaxConns))

	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	var err error
	select {
	case err = <-failed:
		err = fmt.Errorf("serve %v: %w", ln.Addr(), err)
	case <-ctx.Done():
	}

	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Grace)
	defer cancel()
	if o.Drain != nil {
		o.Drain(grace)
	}
	if cut := srv.Shutdown(grace); cut != nil {
		o.Logger.Warn("requests under way were cut", "grace", o.Grace)
		_ = srv.Close()
	}
	if err == nil {
		if end := <-failed; !errors.Is(end, http.ErrServerClosed) {
			err = fmt.Errorf("serve %v: %w", ln.Addr(), end)
		}
	}
	return err
}

// limit counts connections and closes those above max. It does not wrap them,
// so that whoever hijacks one gets the connection that the system gave.
func limit(maximum int64) func(net.Conn, http.ConnState) {
	var open atomic.Int64
	return func(c net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			if open.Add(1) > maximum {
				_ = c.Close() // its StateClosed follows
			}
		case http.StateHijacked, http.StateClosed:
			open.Add(-1)
		}
	}
}
