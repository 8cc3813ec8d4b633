package commandtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport"
)

const (
	chatStore = "test-store"
	settleIn  = 10 * time.Second // for bots to announce themselves
	startIn   = time.Second      // for the workers of bots to begin
)

// Chat is the chat's side of bots behind a broker, see [Behind]. All methods
// may be called concurrently.
type Chat struct {
	t      testing.TB
	remote *command.Remote
	began  time.Time

	mu      sync.Mutex
	calls   map[string]*waiting // under way, by id
	replies []Received
	last    int // number of the last call
}

// waiting is a call whose reply has not come.
type waiting struct {
	bot      string
	first    chan command.Reply // with space for one
	progress []string
	n        int // of the last progress
}

// Received is one reply that came from the broker, repeats included.
type Received struct {
	ID  string // of the call
	Bot string // who replied
	command.Reply
}

// Behind runs bots behind a broker until the test ends, and returns the chat's
// side. With the broker of package memory that needs no server, and with
// [Faulty] around it shows what a bad network does to a bot:
//
//	chat := commandtest.Behind(t, memory.New(nil), bot)
//	r := chat.Run("/greet Bo", nil)
//
// The caller closes the broker, if at all before the end of the test then after
// the last Run. A bot that ends with an error fails the test.
func Behind(t testing.TB, b transport.Broker, bots ...*command.Bot) *Chat {
	t.Helper()
	w := &testLog{t: t}
	log := slog.New(slog.NewTextHandler(w, nil))
	c := &Chat{
		t: t, began: time.Now(), calls: map[string]*waiting{},
		remote: command.NewRemote(b, chatStore, &command.RemoteOptions{Logger: log}),
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	run := func(what string, fn func(context.Context) error) {
		all.Go(func() {
			if err := fn(ctx); err != nil && !errors.Is(err, transport.ErrClosed) {
				t.Errorf("commandtest: %s: %v", what, err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		all.Wait()
		w.end()
	})
	run("watch bots", c.remote.Run)
	run("receive results", func(ctx context.Context) error { return c.remote.Results(ctx, c.received) })
	run("receive progress", func(ctx context.Context) error { return b.Subscribe(ctx, chatStore, c.told) })
	for _, bot := range bots {
		run("bot "+bot.Name(), func(ctx context.Context) error { return bot.Run(ctx, b) })
	}
	select {
	case <-c.remote.Ready():
	case <-time.After(settleIn):
		t.Fatalf("commandtest: the broker does not say who is there")
	}
	for _, bot := range bots {
		for _, s := range bot.Specs() {
			for !c.announced(s.Name) {
				if time.Since(c.began) > settleIn {
					t.Fatalf("commandtest: bot %s did not announce /%s in %v", bot.Name(), s.Name, settleIn)
				}
				time.Sleep(time.Millisecond)
			}
		}
	}
	return c
}

func (c *Chat) announced(name string) bool {
	return slices.ContainsFunc(c.remote.Specs(), func(s command.Spec) bool { return s.Name == name })
}

// Run sends one line to the bot that announces its command and waits for the
// first reply, or for the call's deadline, then it is a timeout. Further replies
// are told by [Chat.Replies]; progress is what came before the reply. The calls have the ids test-call-1, test-call-2 and so
// on where o has none. o.Attempt and o.Logger mean nothing here.
func (c *Chat) Run(line string, o *Options) Result {
	c.t.Helper()
	var opt Options
	if o != nil {
		opt = *o
	}
	fail := func(err error) Result {
		e, _ := errors.AsType[*command.Error](err)
		return Result{Reply: command.Reply{Err: e}}
	}
	name, args, err := command.Parse(line)
	if err != nil {
		return fail(err)
	}
	spec, ok := c.remote.Lookup(name)
	if !ok {
		return fail(command.Unknown(name, c.remote.Specs()))
	}
	w := &waiting{bot: spec.Bot, first: make(chan command.Reply, 1)}
	c.mu.Lock()
	c.last++
	opt.ID = cmp.Or(opt.ID, fmt.Sprintf("test-call-%d", c.last))
	if c.calls[opt.ID] != nil {
		c.mu.Unlock()
		c.t.Fatalf("commandtest: call %s is already under way", opt.ID)
	}
	c.calls[opt.ID] = w
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.calls, opt.ID)
	}()
	call := opt.call(name, args, line)
	call.Bot, call.Remaining = spec.Bot, cmp.Or(opt.Timeout, spec.Timeout)

	deadline := time.NewTimer(call.Remaining)
	defer deadline.Stop()
	if err := c.send(call); err != nil {
		return fail(err)
	}
	var r Result
	select {
	case r.Reply = <-w.first:
	case <-deadline.C:
		r.Err = &command.Error{Code: command.CodeTimeout, Message: "/" + name + " did not answer in time."}
	case <-c.t.Context().Done():
		c.t.Fatalf("commandtest: the test ended before %s did", line)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Progress = w.progress
	return r
}

// send queues a call. A bot that has just been started may not serve yet.
func (c *Chat) send(call command.Call) error {
	for {
		err := c.remote.Send(c.t.Context(), call)
		switch {
		case err == nil, errors.Is(err, transport.ErrUnknown):
			return nil
		case errors.Is(err, transport.ErrNoHandler) && time.Since(c.began) < startIn:
			time.Sleep(time.Millisecond)
		case errors.Is(err, transport.ErrNoHandler):
			return &command.Error{Code: command.CodeNoBot, Message: "No bot is there to answer /" + call.Name + " now."}
		case errors.Is(err, transport.ErrOverloaded):
			return &command.Error{Code: command.CodeOverloaded, Message: "Too many /" + call.Name + " commands are waiting."}
		default:
			return &command.Error{Code: "unavailable", Message: err.Error()}
		}
	}
}

// Replies returns the replies that came, in their order: late ones, repeats and
// those to calls that nobody made included. The caller owns the slice.
func (c *Chat) Replies() []Received {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.replies)
}

// received takes a reply, as a chat does: the first one for a call that is
// under way, from the bot that was called.
func (c *Chat) received(_ context.Context, id, bot string, reply command.Reply) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replies = append(c.replies, Received{id, bot, reply})
	if w := c.calls[id]; w != nil && w.bot == bot {
		select {
		case w.first <- reply:
		default:
		}
	}
	return nil
}

// told takes progress, as a chat does: what is not newer is dropped.
func (c *Chat) told(batch transport.Batch) {
	for _, e := range batch.Events {
		p, ok, err := command.ParseProgress(e)
		if !ok || err != nil {
			continue
		}
		c.mu.Lock()
		if w := c.calls[p.ID]; w != nil && p.N > w.n {
			w.n = p.N
			w.progress = append(w.progress, p.Text)
		}
		c.mu.Unlock()
	}
}
