package chat

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport"
)

// calls is the commands that this node runs or waits for.
type calls struct {
	n      *Node
	local  command.Handler
	specs  map[string]command.Spec // of local
	raw    bool                    // local has no specs: it is asked for every name
	remote *command.Remote         // nil without a broker

	ctx    context.Context // of handlers in this process
	cancel context.CancelFunc
	fast   sync.WaitGroup // calls in this process, and their handlers

	mu        sync.Mutex
	pending   map[string]*pending
	byKey     map[callKey]*pending
	users     map[UserID]int  // how many of pending are whose
	told      map[string]bool // calls whose end this node has told
	abandoned int             // handlers that go on after their deadline; each holds a place
}

func (c *calls) init(n *Node, local command.Handler, prefer map[string]string) {
	c.n, c.local = n, local
	c.pending, c.byKey, c.told = map[string]*pending{}, map[callKey]*pending{}, map[string]bool{}
	c.users = map[UserID]int{}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if d, ok := local.(command.Specs); ok {
		c.specs = map[string]command.Spec{}
		for _, s := range d.Specs() {
			c.specs[s.Name] = s
		}
	} else {
		c.raw = local != nil
	}
	if n.broker != nil {
		c.remote = command.NewRemote(n.broker, n.storeID, &command.RemoteOptions{Prefer: prefer, Logger: n.log})
	}
}

// all returns the specs of the commands that there are, sorted by name. One in
// this process hides an announced one.
func (c *calls) all() []command.Spec {
	byName := maps.Clone(c.specs)
	if byName == nil {
		byName = map[string]command.Spec{}
	}
	if c.remote != nil {
		for _, s := range c.remote.Specs() {
			if _, ok := byName[s.Name]; !ok {
				byName[s.Name] = s
			}
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b command.Spec) int { return strings.Compare(a.Name, b.Name) })
}

// lookup finds who serves a command: this process first.
func (c *calls) lookup(name string) (spec command.Spec, local bool, err error) {
	if s, ok := c.specs[name]; ok {
		return s, true, nil
	}
	if c.raw {
		return command.Spec{Bot: "bot", Name: name}, true, nil
	}
	if c.remote != nil {
		if s, ok := c.remote.Lookup(name); ok {
			return s, false, nil
		}
	}
	return command.Spec{}, false, command.Unknown(name, c.all())
}

// bots have this long to answer a node that has just begun, before it takes a
// command for one that nobody serves.
const askPatience = 2 * time.Second

// lookupLate finds a command that is unknown only because this node has not
// heard from the bots yet. unknown is what to return otherwise.
func (c *calls) lookupLate(ctx context.Context, name string, unknown error) (command.Spec, error) {
	if c.remote == nil {
		return command.Spec{}, unknown
	}
	select {
	case <-c.remote.Ready():
	default:
		late := time.NewTimer(askPatience)
		defer late.Stop()
		select {
		case <-c.remote.Ready():
		case <-late.C:
			return command.Spec{}, sendFailed(name, transport.ErrNoHandler)
		case <-ctx.Done():
			return command.Spec{}, ctx.Err()
		case <-c.n.stop:
			return command.Spec{}, ErrClosed
		}
	}
	if s, ok := c.remote.Lookup(name); ok {
		return s, nil
	}
	return command.Spec{}, unknown
}

// Commands implements [Hub].
func (n *Node) Commands(ctx context.Context, by UserID, room RoomID) ([]command.Spec, error) {
	if err := n.open(); err != nil {
		return nil, err
	}
	if err := n.ask(by); err != nil {
		return nil, err
	}
	all := n.calls.all()
	i, found := slices.BinarySearchFunc(all, helpSpec.Name, func(s command.Spec, name string) int { return strings.Compare(s.Name, name) })
	if !found {
		all = slices.Insert(all, i, helpSpec)
	}
	if room == "" || by == System {
		return all, nil
	}
	sn, err := n.view(ctx, by, room)
	if err != nil {
		return nil, fmt.Errorf("chat: commands in room %q: %w", room, err)
	}
	me := sn.Members[by]
	if permit(by, run, place{kind: sn.Info.Kind, archived: sn.Info.Archived, role: me.Role, banned: me.Banned}) != nil {
		return nil, nil
	}
	return slices.DeleteFunc(all, func(s command.Spec) bool { return !s.Permits(string(me.Role)) }), nil
}

// helpSpec describes the command that the node answers itself.
var helpSpec = command.Spec{Bot: "help", Name: "help", Summary: "What commands there are, or all about one", Usage: "/help [command]"}

// command begins a command, or finds the one that the same id began.
func (n *Node) command(ctx context.Context, by UserID, room RoomID, line CommandLine) (*PendingCall, error) {
	if err := checkKey(line.ID); err != nil {
		return nil, err
	}
	c := &n.calls
	nc := NewCall{ID: NewID(), Key: line.ID, Room: room, Hash: digest{}.str("command").str(string(room)).str(line.Text).sum(), Line: line.Text}
	if p, err := c.find(ctx, callKey{by, line.ID}, nc.Hash); p != nil || err != nil {
		return p, err
	}
	if err := n.limiter.take(by, limitCommands, time.Now()); err != nil {
		return nil, err
	}
	name, args, err := command.Parse(line.Text)
	if err != nil {
		return nil, err
	}
	if nc.User, err = n.user(ctx, by); err != nil {
		return nil, err
	}
	sn, err := n.store.Snapshot(ctx, room, []UserID{by})
	if err != nil {
		return nil, err
	}
	me := sn.Members[by]
	if err := permit(by, run, place{kind: sn.Info.Kind, archived: sn.Info.Archived, role: me.Role, banned: me.Banned}); err != nil {
		return nil, err
	}
	if err := n.authorize(ctx, Action{By: by, Do: ActCommand, Room: room, Kind: sn.Info.Kind, Command: name}); err != nil {
		return nil, err
	}
	nc.Name, nc.Basis = name, sn.Access
	if name == "help" {
		return c.help(ctx, nc, args, string(me.Role))
	}
	spec, local, err := c.lookup(name)
	if err != nil {
		if spec, err = c.lookupLate(ctx, name, err); err != nil {
			return nil, err
		}
	}
	if by != System && !spec.Permits(string(me.Role)) {
		return nil, &command.Error{Code: command.CodeForbidden, Message: fmt.Sprintf("You may not use /%s here.", name)}
	}
	nc.Bot, nc.Timeout = botUser(spec.Bot), spec.Timeout
	if nc.Timeout <= 0 {
		nc.Timeout = n.limits.CallTimeout
	}
	nc.Timeout = min(nc.Timeout, command.MaxTimeout) // a handler's own specs were checked by nobody
	role := string(me.Role)
	if by == System {
		role = string(Owner) // the bot checks roles too
	}
	call := command.Call{
		ID: nc.ID, Bot: spec.Bot, Name: name, Args: args, Line: line.Text, Remaining: nc.Timeout, Attempt: 1,
		Room: command.Room{ID: string(room), Name: sn.Info.Name, Kind: string(sn.Info.Kind)},
		User: command.User{ID: string(by), Name: nc.User.Name, Role: role},
	}
	if local {
		return c.runFast(ctx, nc, call)
	}
	return c.queue(ctx, nc, call)
}

// find returns the call that a request with the same id began.
func (c *calls) find(ctx context.Context, key callKey, hash [16]byte) (*PendingCall, error) {
	c.mu.Lock()
	p := c.byKey[key]
	c.mu.Unlock()
	if p != nil {
		return c.join(ctx, p, hash)
	}
	stored, old, err := c.n.store.FindCall(ctx, key.user, key.key)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case old != hash:
		return nil, ErrIDReused
	}
	nc := NewCall{ID: stored.ID, Key: stored.Key, Hash: hash, Room: stored.Room, User: stored.User, Timeout: max(stored.Remaining, 0)}
	p, fresh := c.track(nc, true)
	if fresh && !c.n.spawn(func() { c.adopt(p, stored) }) {
		c.refuse(p, ErrClosed)
	}
	return c.join(ctx, p, hash)
}

// adopt sees to its end a stored call that this node did not begin, or tells
// its outcome again.
func (c *calls) adopt(p *pending, stored Call) {
	if stored.Status != CallPending {
		c.finish(stored)
		return
	}
	close(p.begun)
	c.await(p, nil)
}

// drain cancels the handlers in this process and waits until their outcomes
// are stored and they have ended.
func (c *calls) drain(ctx context.Context) error {
	c.cancel()
	done := make(chan struct{})
	go func() { c.fast.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// resend has requests of unknown fate sent once more, on a new connection.
func (c *calls) resend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pending {
		select {
		case p.again <- struct{}{}:
		default:
		}
	}
}

// progressed passes on what a bot elsewhere tells of its work.
func (c *calls) progressed(e transport.Event) {
	got, _, err := command.ParseProgress(e)
	if err != nil {
		c.n.log.Warn("chat: dropped a malformed progress", "err", err)
		return
	}
	now := time.Now()
	c.mu.Lock()
	p := c.pending[got.ID]
	// A bot paces itself; one that does not is no reason to flood its caller.
	news := p != nil && got.N > p.progress && now.Sub(p.progressed) >= command.ProgressPause/4
	if news {
		p.progress, p.progressed = got.N, now
	}
	c.mu.Unlock()
	if news {
		c.n.tell([]UserID{p.key.user}, &Notice{Kind: Progress, Call: p.id, Text: got.Text})
	}
}
