package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/carlware/gochat/transport"
)

// Run serves the bot's commands from broker, in a queue for each that all
// processes with a bot of this name share, and announces them to the chats,
// until ctx ends; then it takes no more calls, finishes those under way within
// the grace of [BotOptions], and returns nil. Any other end is an error of the
// broker, such as [transport.ErrClosed].
//
// A call whose process dies is delivered again, to any process, with the same
// Call.ID. A handler's error or panic is an answer and not delivered again.
//
// When another bot has announced one of the commands earlier, the chats send it
// there; Run then logs a warning and serves on, for the day the other one goes.
func (b *Bot) Run(ctx context.Context, broker transport.Broker) error {
	specs := b.Specs()
	if len(specs) == 0 {
		return fmt.Errorf("command: bot %s has no commands", b.name)
	}
	body, err := encodeSpecs(specs)
	if err != nil {
		return err
	}
	own := transport.Announcement{Bot: b.name, Instance: rand.Text(), Since: time.Now(), Body: body}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	var first error
	var once sync.Once
	run := func(what string, f func() error) {
		all.Go(func() {
			if err := f(); err != nil {
				once.Do(func() { first = fmt.Errorf("command: bot %s: %s: %w", b.name, what, err) })
				cancel()
			}
		})
	}
	o := &transport.WorkOptions{Concurrency: b.opt.Concurrency, Grace: b.opt.Grace}
	for _, s := range specs {
		run("serve /"+s.Name, func() error {
			return broker.Work(ctx, b.name, s.Name, o, func(ctx context.Context, r transport.Request) (transport.Result, error) {
				return b.work(ctx, broker, r)
			})
		})
	}
	run("announce", func() error { return broker.Announce(ctx, own) })
	run("watch other bots", func() error {
		told := map[string]string{}
		return broker.Announcements(ctx, func(all []transport.Announcement) { b.compare(own, all, told) })
	})
	all.Wait()
	return first
}

// work answers one queued call.
func (b *Bot) work(ctx context.Context, bus transport.EventBus, r transport.Request) (transport.Result, error) {
	c, err := decodeCall(r)
	if err != nil {
		b.opt.Logger.ErrorContext(ctx, "queued call can't be read", "bot", b.name, "command", r.Command, "call", r.ID, "err", err)
		return transport.Result{}, transport.Reject(err)
	}
	select {
	case b.slots <- struct{}{}:
	case <-ctx.Done():
		return transport.Result{}, context.Cause(ctx)
	}
	c.Remaining = max(c.Remaining, 1) // 0 would mean the default
	n := 0
	reply := Execute(ctx, b.handler, c, &ExecuteOptions{
		Progress: func(text string) {
			n++
			b.publishProgress(ctx, bus, r, n, text)
		},
		Pause:  ProgressPause,
		Logger: b.opt.Logger,
		Done:   func() { <-b.slots },
	})
	if reply.Err != nil && reply.Err.Code == CodeTimeout && errors.Is(ctx.Err(), context.Canceled) {
		// This process stops before the call's time is over: another one may
		// still answer it.
		return transport.Result{}, context.Cause(ctx)
	}
	body, err := encodeReply(c.Name, reply)
	if err != nil {
		return transport.Result{}, transport.Reject(err)
	}
	return transport.Result{ID: r.ID, Body: body}, nil
}

// compare warns of commands that the chats will send to another bot. told
// remembers the winner that was warned of.
func (b *Bot) compare(own transport.Announcement, all []transport.Announcement, told map[string]string) {
	if !slices.ContainsFunc(all, func(a transport.Announcement) bool { return a.Instance == own.Instance }) {
		all = append(all, own)
	}
	sortAnnouncements(all)
	winner := map[string]string{}
	for _, a := range all {
		specs, err := decodeSpecs(a.Bot, a.Body)
		if err != nil {
			continue // the chats refuse it too
		}
		for _, s := range specs {
			if winner[s.Name] == "" {
				winner[s.Name] = s.Bot
			}
		}
	}
	for name := range b.commands {
		w := winner[name]
		if w != "" && w != b.name && w != told[name] {
			b.opt.Logger.Warn("another bot has announced the command earlier and gets its calls",
				"bot", b.name, "command", name, "served_by", w)
		}
		told[name] = w
	}
}
