package transporttest

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/transport"
)

// tb is what the cases need of a [testing.T]. It is an interface so that the
// suite can be shown broken brokers and watched failing.
type tb interface {
	Helper()
	Failed() bool
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any) // only on the goroutine of the case
}

// env is what one case works with.
type env struct {
	tb
	o    Options
	open func() transport.Broker

	brokers  []transport.Broker
	calls    []*call
	releases []func()     // of barriers and faults
	sends    atomic.Int64 // how often sendOnce was called
}

// broker opens a broker and waits until it is up.
func (e *env) broker() transport.Broker {
	e.Helper()
	return e.use(e.open())
}

// second returns another connection to b's broker, or b where there is none.
func (e *env) second(b transport.Broker) transport.Broker {
	e.Helper()
	if e.o.Connect == nil {
		return b
	}
	return e.use(e.o.Connect(b))
}

func (e *env) use(b transport.Broker) transport.Broker {
	e.Helper()
	e.brokers = append(e.brokers, b)
	e.eventually("the broker is up after it was opened", func() bool {
		return b.Status().State == transport.Up
	})
	return b
}

// close ends what the case began. Calls and brokers that do not end are
// errors in every case.
func (e *env) close() {
	for _, c := range e.calls {
		c.cancel()
	}
	for _, release := range e.releases {
		release()
	}
	limit := time.NewTimer(e.o.Timeout)
	defer limit.Stop()
	for _, c := range e.calls {
		select {
		case <-c.done:
		case <-limit.C:
			e.Errorf("%s did not return within %v of the end of its context", c.what, e.o.Timeout)
			limit.Reset(0)
		}
	}
	e.calls = nil
	for _, b := range e.brokers {
		closed := make(chan error, 1)
		go func() { closed <- b.Close() }()
		select {
		case <-closed:
		case <-time.After(e.o.Timeout):
			e.Errorf("Close did not return within %v", e.o.Timeout)
		}
	}
	e.brokers = nil
}

// call is a blocking call on a goroutine of its own.
type call struct {
	e      *env
	what   string
	cancel context.CancelFunc
	done   chan struct{}
	err    error // set before done is closed
}

// start calls fn on a goroutine of its own.
func (e *env) start(what string, fn func(context.Context) error) *call {
	ctx, cancel := context.WithCancel(context.Background())
	c := &call{e: e, what: what, cancel: cancel, done: make(chan struct{})}
	e.calls = append(e.calls, c)
	go func() {
		defer close(c.done)
		c.err = fn(ctx)
	}()
	return c
}

// wait returns what the call returned.
func (c *call) wait() error {
	c.e.Helper()
	select {
	case <-c.done:
		return c.err
	case <-time.After(c.e.o.Timeout):
		c.e.Fatalf("%s did not return within %v", c.what, c.e.o.Timeout)
		return nil
	}
}

// stop ends the call's context and waits for its return.
func (c *call) stop() {
	c.e.Helper()
	c.cancel()
	if err := c.wait(); err != nil {
		c.e.Fatalf("%s returned %v when its context ended, not nil", c.what, err)
	}
}

// returned says whether the call is over.
func (c *call) returned() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// eventually waits until ok holds, and fails saying what should have been.
func (e *env) eventually(what string, ok func() bool) {
	e.Helper()
	for end := time.Now().Add(e.o.Timeout); !ok(); pause() {
		if time.Now().After(end) {
			e.Fatalf("not within %v: %s", e.o.Timeout, what)
		}
	}
}

// never watches for a while that ok does not come to hold.
func (e *env) never(what string, ok func() bool) {
	e.Helper()
	for end := time.Now().Add(e.o.Quiet); ; pause() {
		if ok() {
			e.Fatalf("should not happen: %s", what)
		}
		if time.Now().After(end) {
			return
		}
	}
}

// pause is between two looks.
func pause() { time.Sleep(2 * time.Millisecond) }

// unique returns a name that no other case and no other run uses.
func unique(kind string) string { return kind + "-" + rand.Text()[:12] }

// list collects what callbacks were given.
type list[T any] struct {
	mu    sync.Mutex
	items []T
}

func (l *list[T]) add(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, v)
}

// all returns what was added so far.
func (l *list[T]) all() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]T(nil), l.items...)
}

func (l *list[T]) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.items)
}

// notSent says whether err promises that nothing was sent and that trying
// again may help.
func notSent(err error) bool {
	return errors.Is(err, transport.ErrNoHandler) || errors.Is(err, transport.ErrOverloaded) ||
		errors.Is(err, transport.ErrUnavailable)
}
