package chat

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/transport"
)

// storeTimeout bounds what the node asks of the store on its own behalf.
const storeTimeout = 10 * time.Second

// Node is a [Hub] over a [Store]: all the logic of a chat in one process.
// Several nodes, in one process or many, can share one store's data, each
// with its own connection to it; a [transport.Broker] then hurries their
// events from one to the other.
//
// Every goroutine that a node begins is waited for by Shutdown.
type Node struct {
	store    Store
	ownStore bool
	broker   transport.Broker
	limits   Limits
	log      *slog.Logger
	lobby    RoomID
	door     chan struct{} // of the lobby; holds one value while somebody is let in
	trace    Trace

	hostDir   func(context.Context, []UserID) ([]User, error)
	hostRules func(context.Context, Action) error
	intercept func(context.Context, *Intercepted) error

	id        string // of this node, in what it publishes
	storeID   string
	epoch     atomic.Pointer[string]
	commits   atomic.Uint64 // batches that this node has learned of
	directory directory
	names     names
	calls     calls
	marks     marks
	revoked   revocations
	presence  presence
	crowds    crowds
	limiter   *limiter
	hooked    chan []Event // for Options.Committed; nil without
	sweepNow  chan struct{}
	out       chan published

	mu    sync.RWMutex
	rooms map[RoomID]*sequencer

	life    sync.Mutex
	closing atomic.Bool   // nothing new begins for callers; set under life
	stopped bool          // no goroutine begins
	stop    chan struct{} // closed with stopped
	tasks   sync.WaitGroup
	ended   chan struct{} // closed when Shutdown is through
}

// New begins a node and returns it ready to be used. It asks the store who it
// is and, with Options.Lobby, for the lobby, within 10 s; what the store answers
// instead is its error, [ErrUnavailable] for example. A broker that can't be
// reached is no error: see [Node.Ready]. Shutdown ends the node.
func New(o *Options) (*Node, error) {
	var opt Options
	if o != nil {
		opt = *o
	}
	n := &Node{
		store:  opt.Store,
		broker: opt.Broker,
		limits: opt.Limits.withDefaults(),
		log:    opt.Logger,
		trace:  opt.Trace.complete(),

		hostDir:   opt.Users,
		hostRules: opt.Authorize,
		intercept: opt.Intercept,

		id:       NewID(),
		rooms:    map[RoomID]*sequencer{},
		stop:     make(chan struct{}),
		ended:    make(chan struct{}),
		sweepNow: make(chan struct{}, 1),
		out:      make(chan published, 4096),
	}
	if n.log == nil {
		n.log = slog.Default()
	}
	if n.store == nil {
		n.store, n.ownStore = NewMemoryStore(nil), true
	}
	trimmer, canTrim := n.store.(Trimmer)
	if opt.Retention != (Retention{}) && !canTrim {
		return nil, errors.New("chat: Options.Retention needs a store that is a Trimmer")
	}
	n.presence = presence{remote: map[UserID]map[string]time.Time{}, told: map[UserID]bool{}, left: map[UserID]leaver{}, lost: map[UserID]bool{}}
	n.door = make(chan struct{}, 1)
	n.limiter = newLimiter(n.limits)
	if opt.Committed != nil {
		n.hooked = make(chan []Event, 1024)
	}
	identity, err := n.store.Attach(n.committed)
	if err != nil {
		return nil, fmt.Errorf("chat: attach to the store: %w", err)
	}
	n.storeID = identity.Store
	n.epoch.Store(&identity.Epoch)
	n.calls.init(n, opt.Commands, opt.Prefer)

	ctx, cancel := n.timeout()
	defer cancel()
	if err := n.sweepRevocations(ctx); err != nil {
		return nil, fmt.Errorf("chat: read revocations: %w", err)
	}
	if opt.Lobby != "" {
		if n.lobby, err = n.openLobby(ctx, opt.Lobby); err != nil {
			return nil, fmt.Errorf("chat: open the lobby: %w", err)
		}
	}
	n.spawn(n.sweepLoop)
	n.spawn(n.marks.loop(n))
	n.spawn(n.presenceLoop)
	if opt.Retention != (Retention{}) {
		n.spawn(func() { n.trimLoop(trimmer, opt.Retention) })
	}
	if opt.Committed != nil {
		n.spawn(func() { n.hookLoop(opt.Committed) })
	}
	if n.broker != nil {
		n.spawn(n.publishLoop)
		n.spawn(n.subscribeLoop)
		n.spawn(func() { n.supervise("watch bots", n.calls.remote.Run) })
		n.spawn(func() {
			n.supervise("receive results", func(ctx context.Context) error {
				return n.calls.remote.Results(ctx, n.calls.result)
			})
		})
	}
	return n, nil
}

// spawn runs fn in a goroutine that Shutdown waits for. It returns false, and
// does nothing, when the node has stopped.
func (n *Node) spawn(fn func()) bool {
	n.life.Lock()
	defer n.life.Unlock()
	if n.stopped {
		return false
	}
	n.tasks.Go(fn)
	return true
}

// supervise runs a loop of the broker until the node stops, again when it
// fails.
func (n *Node) supervise(what string, run func(context.Context) error) {
	ctx, cancel := n.untilStop()
	defer cancel()
	for ctx.Err() == nil {
		err := run(ctx)
		if ctx.Err() != nil || errors.Is(err, transport.ErrClosed) {
			return
		}
		n.log.Error("chat: broker loop ended, beginning again", "loop", what, "err", err)
		select {
		case <-time.After(time.Second):
		case <-n.stop: // ctx ends a little later
			return
		}
	}
}

// untilStop returns a context that ends when the node stops.
func (n *Node) untilStop() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	watched := n.spawn(func() {
		select {
		case <-n.stop:
			cancel()
		case <-ctx.Done():
		}
	})
	if !watched { // it has stopped
		cancel()
	}
	return ctx, cancel
}

// timeout returns a context for one request of the node's own to the store.
func (n *Node) timeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), storeTimeout)
}

// open returns ErrClosed when the node takes no more requests.
func (n *Node) open() error {
	if n.closing.Load() {
		return ErrClosed
	}
	return nil
}

// Limits implements [Hub].
func (n *Node) Limits() Limits { return n.limits }

// Ready returns nil when the node can do all its work: the store answers, and
// the bots on the broker have been asked for once. For a readiness probe.
func (n *Node) Ready(ctx context.Context) error {
	if err := n.open(); err != nil {
		return err
	}
	if _, err := n.store.RotateEpoch(ctx, ""); err != nil {
		return fmt.Errorf("chat: store is not ready: %w", err)
	}
	if n.broker == nil {
		return nil
	}
	if st := n.broker.Status(); st.State != transport.Up {
		return fmt.Errorf("chat: broker is %v: %w", st.State, errors.Join(ErrUnavailable, st.Err))
	}
	select {
	case <-n.calls.remote.Ready():
		return nil
	default:
		return fmt.Errorf("chat: bots have not been asked for yet: %w", ErrUnavailable)
	}
}

// Shutdown ends the node in this order: nothing new begins; handlers of
// commands in this process are cancelled and their outcomes stored; sessions
// end with [ErrClosed]; read markers are stored; all goroutines end. Commands
// that wait for a bot elsewhere stay in the store, and whichever node runs next
// ends them. When ctx ends first, Shutdown cuts the rest short and returns its
// error. The store and the broker stay open: they are the caller's.
//
// Transports that hold sessions should be shut down before. Calling Shutdown
// again waits for the first call.
func (n *Node) Shutdown(ctx context.Context) error {
	n.life.Lock()
	first := !n.closing.Swap(true)
	n.life.Unlock()
	if !first {
		select {
		case <-n.ended:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer close(n.ended)
	err := n.calls.drain(ctx)
	for _, s := range n.directory.everyone() {
		s.end(ErrClosed)
	}
	n.life.Lock()
	n.stopped = true
	close(n.stop)
	n.life.Unlock()
	done := make(chan struct{})
	go func() { n.tasks.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
		<-done // every task watches stop, and its requests to the store have deadlines
	}
	if n.ownStore {
		err = errors.Join(err, n.store.Close())
	}
	if err != nil {
		return fmt.Errorf("chat: shutdown: %w", err)
	}
	return nil
}

// NewID returns 22 characters that carry 128 random bits, as idempotency keys
// and ids of rooms are.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// botUser is the user whose words a bot's answers are.
func botUser(name string) User { return User{ID: UserID("bot:" + name), Name: name, Bot: true} }

var _ Hub = (*Node)(nil)
