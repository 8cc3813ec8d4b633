package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// usage is what the server used, with -server-pid.
type usage struct {
	idle, open   process // before the sessions, and with all of them
	begun, ended process // of the load
}

// run is the whole program. Its error says what is wrong with the chat, or that
// it could not be tried.
func run(ctx context.Context, c config, out io.Writer) error {
	allowFiles(c.sessions + 200)
	users, err := accounts(ctx, c)
	if err != nil {
		return err
	}
	users = users[:min(len(users), c.sessions)]
	life, end := context.WithCancel(ctx)
	g := newGenerator(life, c, users)
	stop := func() { end(); g.tasks.Wait() }
	defer stop()
	p := newProgress(g, out)

	var u usage
	if u.idle, err = g.server(); err != nil {
		return err
	}
	if err := admit(ctx, users, func(n int) { p.step("logging in: %d of %d users", n, len(users)) }); err != nil {
		return err
	}
	p.step("making %d rooms", c.rooms)
	if err := g.prepare(ctx, users); err != nil {
		return err
	}
	now, err := g.server()
	if err != nil {
		return err
	}
	u.idle.rss = min(u.idle.rss, now.rss) // passwords take memory for a while
	quiet := p.every("opening")
	err = g.open()
	quiet()
	if err == nil {
		u.open, err = g.server()
	}
	if err != nil {
		return err
	}
	u.begun = u.open
	before := g.checker.deliveries.Load()
	began := time.Now()
	quiet = p.every("posting")
	err = g.load()
	posting := time.Since(began)
	during := g.checker.deliveries.Load() - before
	quiet()
	if err == nil {
		quiet = p.every("waiting")
		err = g.settle()
		quiet()
	}
	if err != nil {
		return err
	}
	if u.ended, err = g.server(); err != nil {
		return err
	}
	away, unanswered := g.judge()
	stop()
	if err := g.tidy(ctx, users); err != nil {
		fmt.Fprintln(out, "the rooms of this run could not be archived:", err)
	}
	all := g.checker.deliveries.Load() - before
	report(out, g, outcome{
		users: len(users), posting: posting, during: during, deliveries: all, away: away, unanswered: unanswered, usage: u,
	})
	return verdict(g, away, unanswered)
}

// server is what the server has used so far.
func (g *generator) server() (process, error) {
	if g.c.serverPID == 0 {
		return process{}, nil
	}
	return look(g.c.serverPID)
}

// verdict is an error if the chat has not done what it promises.
func verdict(g *generator, away, unanswered int) error {
	var errs []error
	if n := g.checker.violations(); n > 0 {
		errs = append(errs, fmt.Errorf("%d violations", n))
	}
	if away > 0 {
		errs = append(errs, fmt.Errorf("%d sessions did not come back", away))
	}
	if unanswered > 0 {
		errs = append(errs, fmt.Errorf("%d messages have no answer", unanswered))
	}
	return errors.Join(errs...)
}

// progress tells how far a run is, in one line that is written over where out
// is a terminal.
type progress struct {
	g        *generator
	out      io.Writer
	terminal bool
	last     time.Time
	count    int64
}

func newProgress(g *generator, out io.Writer) *progress {
	p := &progress{g: g, out: out, last: time.Now()}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// step tells of something that is not under load. On what is no terminal only
// the last word of a long tale is told.
func (p *progress) step(format string, args ...any) {
	if p.terminal {
		p.line(fmt.Sprintf(format, args...))
	}
}

func (p *progress) line(text string) {
	if p.terminal {
		fmt.Fprintf(p.out, "\r\x1b[K%s", text)
	} else {
		fmt.Fprintln(p.out, text)
	}
}

// every writes a line each second on a terminal, each five elsewhere, until the
// returned function is called, which waits for the last one.
func (p *progress) every(what string) (stop func()) {
	interval := 5 * time.Second
	if p.terminal {
		interval = time.Second
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(interval)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				p.line(p.status(what))
			case <-done:
				p.line(p.status(what))
				if p.terminal {
					fmt.Fprintln(p.out)
				}
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

func (p *progress) status(what string) string {
	g, c, now := p.g, p.g.checker, time.Now()
	n := c.deliveries.Load()
	rate := float64(n-p.count) / max(now.Sub(p.last).Seconds(), 1e-3)
	p.count, p.last = n, now
	return fmt.Sprintf("%5s %-8s online %d of %d, posted %d, stored %d, delivered %d (%.0f/s), p50 %s p99 %s, missing %d, repeated %d, out of order %d, reconnects %d",
		now.Sub(c.began).Round(time.Second), what, g.online.Load(), len(g.sessions), g.posted.Load(), g.acked.Load(), n, rate,
		show(c.latency.Quantile(0.5)), show(c.latency.Quantile(0.99)), c.missing.Load()+c.lost.Load(), c.repeated.Load(),
		c.reordered.Load()+c.clashes.Load(), g.reconnects.Load())
}
