package memory_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
	"github.com/carlware/gochat/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBroker(t *testing.T) {
	var second atomic.Pointer[memory.Broker] // of the case that runs
	cut := func(b transport.Broker) { b.(*memory.Broker).Disconnect(errCut) }
	heal := func(b transport.Broker) { b.(*memory.Broker).Reconnect() }
	// There is no connection for a proxy to stand in: these do to a program what
	// internal/faultproxy does to one that is behind it. It notices only when it
	// has waited in vain.
	const many = 1 << 20
	var notices *time.Timer
	unnoticed := func(b transport.Broker) { notices = time.AfterFunc(50*time.Millisecond, func() { cut(b) }) }
	end := func(b transport.Broker) {
		notices.Stop()
		cut(b)
		b.(*memory.Broker).LoseConfirms(0)
		b.(*memory.Broker).FailSends(0, nil)
		b.(*memory.Broker).DropEvents(0)
		heal(b)
	}
	transporttest.TestBroker(t, func(t *testing.T) transport.Broker {
		return memory.New(&memory.Options{Events: 1000, Requests: 50, Logger: quiet})
	}, &transporttest.Options{
		Connect: func(b transport.Broker) transport.Broker {
			second.Store(b.(*memory.Broker).Connect())
			return second.Load()
		},
		Faults: []transporttest.Fault{
			{Name: "cut", Becomes: transport.Down, Begin: cut, End: heal},
			{
				Name: "stall", Becomes: transport.Down, // what was sent meanwhile arrives
				Begin: func(b transport.Broker) { b.(*memory.Broker).LoseConfirms(many); unnoticed(b) },
				End:   end,
			},
			{
				Name: "half open", Becomes: transport.Down, // what was sent meanwhile does not
				Begin: func(b transport.Broker) {
					b.(*memory.Broker).FailSends(many, transport.ErrUnknown)
					b.(*memory.Broker).DropEvents(many)
					unnoticed(b)
				},
				End: end,
			},
			{
				Name: "delay", Becomes: transport.Up,
				Begin: func(b transport.Broker) { b.(*memory.Broker).Delay(10 * time.Millisecond) },
				End:   func(b transport.Broker) { b.(*memory.Broker).Delay(0) },
			},
			{
				Name: "broker away", Becomes: transport.Down,
				Begin: func(b transport.Broker) { cut(b); cut(second.Load()) },
				End:   func(b transport.Broker) { heal(second.Load()); heal(b) },
			},
			{
				Name: "out of memory", Becomes: transport.Blocked,
				Begin: func(b transport.Broker) { b.(*memory.Broker).Block(nil) },
				End:   func(b transport.Broker) { b.(*memory.Broker).Unblock() },
			},
		},
		Break: func(b transport.Broker) {
			b.(*memory.Broker).Disconnect(errCut)
			time.AfterFunc(20*time.Millisecond, b.(*memory.Broker).Reconnect)
		},
		DeadLetters: func(b transport.Broker, bot, command string) (ids []string) {
			for _, dead := range b.(*memory.Broker).DeadLetters() {
				if dead.Request.Bot == bot && dead.Request.Command == command {
					ids = append(ids, dead.Request.ID)
				}
			}
			return ids
		},
		Overflow: 2000,
		Full:     60,
	})
}

var quiet = slog.New(slog.DiscardHandler)

// world is a broker in a synctest bubble, where time passes only when nobody
// has anything to do, so that tests can name exact times.
type world struct {
	*testing.T
	*memory.Broker
	ctx context.Context
	wg  sync.WaitGroup
}

// inWorld runs fn with a broker and ends all that fn began.
func inWorld(t *testing.T, o *memory.Options, fn func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var c memory.Options
		if o != nil {
			c = *o
		}
		c.Logger = quiet
		ctx, cancel := context.WithCancel(t.Context())
		w := &world{T: t, Broker: memory.New(&c), ctx: ctx}
		fn(w)
		cancel()
		w.wg.Wait()
		require.NoError(t, w.Close())
	})
}

// begin runs a blocking call until its stop is called, or the test ends.
func (w *world) begin(call func(ctx context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(w.ctx)
	w.wg.Go(func() {
		if err := call(ctx); err != nil && !errors.Is(err, transport.ErrClosed) {
			w.Errorf("a blocking call returned %v", err)
		}
	})
	synctest.Wait()
	return func() { cancel(); synctest.Wait() }
}

// serve works for bot "bot" and command "do" on b.
func (w *world) serve(b *memory.Broker, o *transport.WorkOptions, fn func(ctx context.Context, r transport.Request) (transport.Result, error)) (stop func()) {
	return w.begin(func(ctx context.Context) error { return b.Work(ctx, "bot", "do", o, fn) })
}

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

func (l *list[T]) all() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.items)
}

// receive collects the results for store "store".
func (w *world) receive(b *memory.Broker) *list[transport.Result] {
	got := &list[transport.Result]{}
	w.begin(func(ctx context.Context) error {
		return b.Results(ctx, "store", func(_ context.Context, r transport.Result) error {
			got.add(r)
			return nil
		})
	})
	return got
}

// listen collects the batches for store "store".
func (w *world) listen(b *memory.Broker) *list[transport.Batch] {
	got := &list[transport.Batch]{}
	w.begin(func(ctx context.Context) error { return b.Subscribe(ctx, "store", got.add) })
	return got
}

func (w *world) send(b *memory.Broker, id string, timeout time.Duration) error {
	defer synctest.Wait()
	return b.Send(w.ctx, request(id, timeout))
}

func request(id string, timeout time.Duration) transport.Request {
	return transport.Request{ID: id, Store: "store", Bot: "bot", Command: "do", Timeout: timeout, Body: []byte("body of " + id)}
}

// pass lets time pass.
func pass(d time.Duration) { time.Sleep(d); synctest.Wait() }

func answer(_ context.Context, r transport.Request) (transport.Result, error) {
	return transport.Result{Body: []byte("answer to " + r.ID)}, nil
}

func fail(context.Context, transport.Request) (transport.Result, error) {
	return transport.Result{}, errors.New("the bot can't do it")
}

func TestRefused(t *testing.T) {
	b := memory.New(nil)
	defer b.Close()
	ok := request("id", time.Second)
	for name, change := range map[string]func(r *transport.Request){
		"no id":         func(r *transport.Request) { r.ID = "" },
		"no store":      func(r *transport.Request) { r.Store = "" },
		"no bot":        func(r *transport.Request) { r.Bot = "" },
		"no command":    func(r *transport.Request) { r.Command = "" },
		"no time":       func(r *transport.Request) { r.Timeout = 0 },
		"negative time": func(r *transport.Request) { r.Timeout = -time.Second },
		"long id":       func(r *transport.Request) { r.ID = fmt.Sprintf("%129d", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			r := ok
			change(&r)
			err := b.Send(t.Context(), r)
			require.Error(t, err)
			require.NotErrorIs(t, err, transport.ErrNoHandler, "a wrong request must not look like a missing bot")
		})
	}
	require.ErrorIs(t, b.Send(t.Context(), ok), transport.ErrNoHandler)
	require.Error(t, b.Publish(t.Context(), "", "key", nil))
	require.Error(t, b.Publish(t.Context(), "store", "", nil))
	require.Error(t, b.Subscribe(t.Context(), "", nil))
	require.Error(t, b.Results(t.Context(), "", nil))
	require.Error(t, b.Work(t.Context(), "bot", "", nil, nil))
	require.Error(t, b.Announce(t.Context(), transport.Announcement{Instance: "i"}))
	require.Error(t, b.Announce(t.Context(), transport.Announcement{Bot: "bot"}))
	long := transport.Announcement{Bot: "bot", Instance: fmt.Sprintf("%65d", 1)}
	require.ErrorIs(t, b.Announce(t.Context(), long), transport.ErrTooLarge)
}

// The state of one connection is of no concern to another, the broker is.
func TestConnections(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		other := w.Connect()
		defer other.Close()
		batches := w.listen(other)
		require.NoError(t, w.Publish(w.ctx, "store", "room", []byte("hello")))
		synctest.Wait()
		require.Len(t, batches.all(), 2)
		require.Equal(t, "hello", string(batches.all()[1].Events[0].Body))

		require.NoError(t, w.Close())
		require.ErrorIs(t, w.Publish(w.ctx, "store", "room", nil), transport.ErrClosed)
		require.Equal(t, transport.Up, other.Status().State)
		require.NoError(t, other.Publish(w.ctx, "store", "room", []byte("alone")))
		synctest.Wait()
		require.Len(t, batches.all(), 3)
	})
}

// The last connection takes what waits with it.
func TestLastCloseForgets(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		stop := w.serve(w.Broker, nil, answer)
		require.NoError(t, w.send(w.Broker, "a", time.Minute))
		stop()
		require.Equal(t, 1, w.Stats().Results)
		other := w.Connect()
		require.NoError(t, w.Close())
		require.Equal(t, 1, other.Stats().Results)
		require.NoError(t, other.Close())
		require.Zero(t, other.Stats().Results)

		again := other.Connect()
		defer again.Close()
		stop = w.serve(again, nil, answer)
		require.NoError(t, w.send(again, "b", time.Minute))
		stop()
		pass(15 * time.Minute)
		require.Equal(t, memory.Stats{ResultsExpired: 1}, again.Stats())
	})
}
