package memory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/carlware/gochat/transport"
)

// Options are the options of [New]. nil means all defaults.
type Options struct {
	// Events is how many events wait for one subscriber before it loses them
	// and gets a Gap. 0 means 4096.
	Events int

	// Requests is how many requests wait for the workers of one bot and
	// command, those in a pause before another attempt included. 0 means 1024.
	Requests int

	// Results is how many results wait for the receivers of one store. 0 means
	// 4096.
	Results int

	// QueueBytes bounds the bodies that wait in each of these queues. 0 means
	// 16 MiB; it is never less than [transport.MaxBody].
	QueueBytes int

	// Logger gets a line for each dead letter and for each result handler that
	// panicked. nil means [slog.Default].
	Logger *slog.Logger
}

func (o *Options) withDefaults() Options {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Events <= 0 {
		c.Events = 4096
	}
	if c.Requests <= 0 {
		c.Requests = 1024
	}
	if c.Results <= 0 {
		c.Results = 4096
	}
	if c.QueueBytes <= 0 {
		c.QueueBytes = 16 << 20
	}
	c.QueueBytes = max(c.QueueBytes, transport.MaxBody)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Broker is one connection to a broker in this process. It implements
// [transport.Broker]; all methods may be called concurrently.
type Broker struct {
	srv   *server
	done  chan struct{}  // closed by Close
	calls sync.WaitGroup // the calls that block on this connection

	// Guarded by srv.mu.
	status     transport.Status // as if it were not closed
	changed    signal           // status or closed
	closed     bool
	subs       map[*subscriber]struct{}
	consumers  map[*consumer]struct{}
	announcing map[*announcement]struct{}
	faults     faults
}

var _ transport.Broker = (*Broker)(nil)

// New opens a broker of its own and returns the first connection to it, which
// is Up. o may be nil; it is copied.
func New(o *Options) *Broker {
	return newServer(o.withDefaults()).connect()
}

// Connect opens another connection to the same broker, as another process
// would. It is Up whatever the state of b is, and must be closed like b.
func (b *Broker) Connect() *Broker { return b.srv.connect() }

// Status says how the connection is now. A closed one is Down with
// [transport.ErrClosed].
func (b *Broker) Status() transport.Status {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	return b.statusLocked()
}

func (b *Broker) statusLocked() transport.Status {
	if b.closed {
		return transport.Status{State: transport.Down, Epoch: b.status.Epoch, Err: transport.ErrClosed}
	}
	return b.status
}

// Watch calls fn with the current status and then with every change, one call
// at a time, until ctx ends (nil) or the connection is closed
// ([transport.ErrClosed]). Changes that come while fn runs are coalesced.
func (b *Broker) Watch(ctx context.Context, fn func(transport.Status)) error {
	if err := b.enter(); err != nil {
		return err
	}
	defer b.calls.Done()
	for {
		b.srv.mu.Lock()
		status, changed := b.statusLocked(), b.changed.ch
		b.srv.mu.Unlock()
		if err, ended := b.ended(ctx); ended {
			return err
		}
		fn(status)
		select {
		case <-ctx.Done():
		case <-b.done:
		case <-changed:
		}
	}
}

// Close ends all calls that block on this connection with
// [transport.ErrClosed] and waits for the handlers that they are in; handlers
// of Work have their Grace, as after the end of their ctx. When the last
// connection is closed, everything that waits in the broker is forgotten.
// Close must not be called from a handler, which would wait for itself.
func (b *Broker) Close() error {
	s := b.srv
	s.mu.Lock()
	first := !b.closed
	if first {
		b.closed = true
		b.changed.raise()
		close(b.done)
	}
	s.mu.Unlock()
	b.calls.Wait()
	if first {
		s.disconnect()
	}
	return nil
}

// enter begins a call that blocks. The caller ends it with b.calls.Done.
func (b *Broker) enter() error {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	if b.closed {
		return transport.ErrClosed
	}
	b.calls.Add(1)
	return nil
}

// ended says whether a call that blocks is over, and what it returns then.
func (b *Broker) ended(ctx context.Context) (error, bool) {
	if ctx.Err() != nil {
		return nil, true
	}
	select {
	case <-b.done:
		return transport.ErrClosed, true
	default:
		return nil, false
	}
}

// wait blocks until the call is over.
func (b *Broker) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-b.done:
		return transport.ErrClosed
	}
}

// sendable says why nothing can be published now, or nil. The caller holds
// srv.mu.
func (b *Broker) sendable() error {
	switch {
	case b.closed:
		return transport.ErrClosed
	case b.status.State == transport.Up:
		return nil
	case b.status.Err == nil:
		return transport.ErrUnavailable
	}
	return fmt.Errorf("%w: %w", transport.ErrUnavailable, b.status.Err)
}

// connected says whether deliveries reach this connection. The caller holds
// srv.mu.
func (b *Broker) connected() bool {
	return !b.closed && b.status.State != transport.Down
}

var errEmptyName = errors.New("memory: empty name")

// checkNames refuses what no broker would carry.
func checkNames(names ...string) error {
	for _, name := range names {
		if name == "" {
			return errEmptyName
		}
		if len(name) > transport.MaxName {
			return fmt.Errorf("%w: name of %d bytes", transport.ErrTooLarge, len(name))
		}
	}
	return nil
}

func checkBody(body []byte) error {
	if len(body) > transport.MaxBody {
		return fmt.Errorf("%w: body of %d bytes", transport.ErrTooLarge, len(body))
	}
	return nil
}
