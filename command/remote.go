package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/transport"
)

const (
	// maxRemembered is how many commands of bots that have gone a Remote knows.
	maxRemembered = 1000

	// absentFor is how long a bot that was not there to take a call is asked
	// after the others that claim its command: as long as what it announced may
	// outlive it.
	absentFor = 30 * time.Second
)

// RemoteOptions are the options of [NewRemote]. nil means all defaults.
type RemoteOptions struct {
	// Prefer names the bot that serves a command, for commands that several
	// bots may claim. It applies while that bot is announced.
	Prefer map[string]string

	// Logger gets bad announcements and bad results. nil means
	// [slog.Default].
	Logger *slog.Logger
}

// Remote is the chat's side of the commands that bots serve behind a broker:
// it knows the announced bots, sends them calls and receives their replies.
// All methods may be called concurrently.
//
// What bots announce are descriptions. Whether one is there to answer is known
// when a call is sent, and only then.
type Remote struct {
	bus    transport.CommandBus
	store  string
	prefer map[string]string
	log    *slog.Logger

	ready     chan struct{}
	readyOnce sync.Once
	known     atomic.Pointer[announced]

	mu     sync.Mutex
	absent map[claim]time.Time // when each was found to be, at most maxRemembered
}

// claim is a command and a bot that says that it serves it.
type claim struct{ bot, name string }

// announced is what a Remote knows; it is replaced, never changed.
type announced struct {
	live  map[string][]Spec // by name: one for each bot, the one to be asked first first
	gone  map[string]Spec   // served once, by nobody now
	bad   map[string]bool   // instances whose announcements are refused
	names []string          // of live, sorted
	bots  []Served          // sorted
}

// NewRemote returns a Remote that uses bus for the chat with the given store
// id. It knows no bots before Run.
func NewRemote(bus transport.CommandBus, store string, o *RemoteOptions) *Remote {
	r := &Remote{bus: bus, store: store, log: slog.Default(), ready: make(chan struct{}), absent: make(map[claim]time.Time)}
	if o != nil {
		r.prefer = maps.Clone(o.Prefer)
		if o.Logger != nil {
			r.log = o.Logger
		}
	}
	r.known.Store(&announced{})
	return r
}

// Run watches what bots announce until ctx ends; then it returns nil. Any
// other end is the error of the bus.
func (r *Remote) Run(ctx context.Context) error {
	if err := r.bus.Announcements(ctx, r.update); err != nil {
		return fmt.Errorf("command: watch bots: %w", err)
	}
	return nil
}

// Ready is closed when the first round of asking for bots is over: from then
// on, a command that is not known is one that no bot serves.
func (r *Remote) Ready() <-chan struct{} { return r.ready }

// Lookup returns the spec of a command, of the bot that was served longest
// where several claim it: the earliest Since, then the lower instance id. One
// that [Remote.Send] has found absent, because it died without a word, comes
// after the others for 30 s. Lookup also knows the commands of bots that have
// gone, so that Send can tell "not now" from "never heard of".
func (r *Remote) Lookup(name string) (Spec, bool) {
	known := r.known.Load()
	if claims := known.live[name]; len(claims) > 0 {
		return r.first(claims), true
	}
	s, ok := known.gone[name]
	return s, ok
}

// first returns the one of those who claim a name that is to be asked.
func (r *Remote) first(claims []Spec) Spec {
	if len(claims) == 1 {
		return claims[0]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range claims {
		if found, ok := r.absent[claim{s.Bot, s.Name}]; !ok || time.Since(found) >= absentFor {
			return s
		}
	}
	return claims[0]
}

// note remembers whether a bot was there to take a call.
func (r *Remote) note(c claim, absent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !absent {
		delete(r.absent, c)
		return
	}
	if len(r.absent) >= maxRemembered {
		clear(r.absent)
	}
	r.absent[c] = time.Now()
}

// Specs returns the commands of the bots that are announced now, sorted by
// name, one for each name. The caller owns the slice.
func (r *Remote) Specs() []Spec {
	known := r.known.Load()
	all := make([]Spec, len(known.names))
	for i, name := range known.names {
		all[i] = r.first(known.live[name])
	}
	return all
}

// Send queues c for c.Bot, with c.Remaining to answer. The error wraps one of
// package transport, see [transport.CommandBus.Send] for what it says about
// whether the call was sent; ErrNoHandler means that c.Bot does not serve it now.
func (r *Remote) Send(ctx context.Context, c Call) error {
	body, err := encodeCall(c)
	if err == nil {
		err = r.bus.Send(ctx, transport.Request{
			ID: c.ID, Store: r.store, Bot: c.Bot, Command: c.Name, Timeout: c.Remaining, Body: body,
		})
	}
	if absent := errors.Is(err, transport.ErrNoHandler); absent || err == nil {
		r.note(claim{c.Bot, c.Name}, absent)
	}
	if err != nil {
		return fmt.Errorf("command: send /%s to %s: %w", c.Name, c.Bot, err)
	}
	return nil
}

// Results calls fn with the replies to the calls of this store until ctx ends;
// then it returns nil. id is the call's, bot who replied; both come from the
// broker, not from the bot. fn may be called concurrently, and again with a
// reply that it returned an error for. A reply that breaks the limits, or can't
// be read at all, comes as bot_error: nobody need wait for a better one.
func (r *Remote) Results(ctx context.Context, fn func(ctx context.Context, id, bot string, reply Reply) error) error {
	err := r.bus.Results(ctx, r.store, func(ctx context.Context, res transport.Result) error {
		if res.Store != r.store || res.ID == "" {
			err := fmt.Errorf("command: result for store %q", res.Store)
			r.log.WarnContext(ctx, "result of a bot is dropped", "bot", res.Bot, "call", res.ID, "err", err)
			return transport.Reject(err)
		}
		reply, err := decodeReply(res.Body)
		if err != nil {
			r.log.WarnContext(ctx, "result of a bot can't be read", "bot", res.Bot, "call", res.ID, "err", err)
			reply = Reply{Err: Fail("The bot's answer can't be read.")}
		}
		return fn(ctx, res.ID, res.Bot, reply)
	})
	if err != nil {
		return fmt.Errorf("command: receive results: %w", err)
	}
	return nil
}

// update makes the new view. The bus calls it one call at a time.
func (r *Remote) update(all []transport.Announcement) {
	old := r.known.Load()
	now := &announced{live: map[string][]Spec{}, gone: map[string]Spec{}, bad: map[string]bool{}}
	sortAnnouncements(all)
	bots := served{}
	for _, a := range all {
		specs, err := decodeSpecs(a.Bot, a.Body)
		bots.add(a, specs, err)
		if err != nil {
			key := a.Bot + " " + a.Instance
			now.bad[key] = true
			if !old.bad[key] { // once, not with every change of any bot
				r.log.Warn("announcement of a bot is refused", "bot", a.Bot, "instance", a.Instance, "err", err)
			}
			continue
		}
		for _, s := range specs {
			claims := now.live[s.Name]
			if slices.ContainsFunc(claims, func(have Spec) bool { return have.Bot == s.Bot }) {
				continue // another instance of it
			}
			at := len(claims)
			if s.Bot == r.prefer[s.Name] {
				at = 0
			}
			now.live[s.Name] = slices.Insert(claims, at, s)
		}
	}
	remember := func(name string, s Spec) {
		if _, ok := now.live[name]; !ok && len(now.gone) < maxRemembered {
			now.gone[name] = s
		}
	}
	for name, claims := range old.live {
		remember(name, claims[0])
	}
	for name, s := range old.gone {
		remember(name, s)
	}
	now.names = slices.Sorted(maps.Keys(now.live))
	now.bots = bots.sorted()
	r.known.Store(now)
	r.readyOnce.Do(func() { close(r.ready) })
}

// sortAnnouncements puts who serves longest first, so that all who look agree
// on who wins a name.
func sortAnnouncements(all []transport.Announcement) {
	slices.SortStableFunc(all, func(a, b transport.Announcement) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Bot, b.Bot))
	})
}
