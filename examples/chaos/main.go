// Command chaos runs a chat of real processes, breaks it on purpose in a
// schedule that a seed decides, and holds what its clients saw against what a
// chat promises. See README.md beside this file.
//
//	go run ./examples/chaos -form cluster -seed 1 -duration 5m
//	go run ./examples/chaos -form sqlite -seeds 20 -duration 15s
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/carlware/gochat/examples/internal/program"
)

// config is what the flags say.
type config struct {
	form        string
	seed        uint64
	seeds       int
	duration    time.Duration
	nodes, bots int
	pause       time.Duration // between two things that one talker does
	bin         string        // where the programs are
	race        bool
	keep        bool
	verbose     bool
	plan        bool
	messages    int     // of a soak; 0: there is none
	rate        float64 // of a soak, in messages a second
	sample      time.Duration
	rest        time.Duration // of a soak, at its end; 0: soakRest
	spoil       func(*run)    // what a test adds to the history; nil: nothing
}

func main() {
	program.Main("chaos", func(fs *flag.FlagSet) program.Func {
		var c config
		fs.StringVar(&c.form, "form", formCluster, "`form` of the chat: cluster, many processes over RabbitMQ and PostgreSQL; or sqlite, one over a file")
		fs.Uint64Var(&c.seed, "seed", 1, "`seed` of the first run")
		fs.IntVar(&c.seeds, "seeds", 1, "`number` of runs, each with the next seed")
		fs.DurationVar(&c.duration, "duration", 5*time.Minute, "about how long the faults of a run take; below 2m those do without that take long to be found out")
		fs.IntVar(&c.nodes, "nodes", 2, "how `many` chatroom services a cluster has")
		fs.IntVar(&c.bots, "bots", 2, "how `many` bots a cluster has")
		fs.DurationVar(&c.pause, "pause", 400*time.Millisecond, "mean `time` between two things that one talker does; there are 18 of them")
		fs.StringVar(&c.bin, "bin", "", "`directory` with the programs; empty: they are built")
		fs.BoolVar(&c.race, "race", false, "build the programs with the race detector")
		fs.BoolVar(&c.keep, "keep", false, "keep the files of the services")
		fs.BoolVar(&c.verbose, "v", false, "tell of each round")
		fs.IntVar(&c.messages, "messages", 0, "break nothing, put so `many` messages through instead, and see what grows: a soak")
		fs.Float64Var(&c.rate, "rate", 2000, "`messages` a second of a soak")
		fs.DurationVar(&c.sample, "sample", 2*time.Second, "`time` between two looks at what a soak uses")
		fs.BoolVar(&c.plan, "plan", false, "only print the schedule")
		return func(ctx context.Context, out io.Writer) error { return c.run(ctx, out) }
	})
}

// again is the command that repeats a seed.
func (c config) again(seed uint64) string {
	line := fmt.Sprintf("go run ./examples/chaos -form %s -seed %d -duration %v -nodes %d -bots %d -pause %v", c.form, seed, c.duration, c.nodes, c.bots, c.pause)
	if c.race {
		line += " -race"
	}
	return line
}

func (c config) run(ctx context.Context, out io.Writer) (err error) {
	switch {
	case c.form != formCluster && c.form != formSQLite:
		return fmt.Errorf("-form: there is no form %q, but %s and %s", c.form, formCluster, formSQLite)
	case c.seeds < 1 || c.nodes < 1 || c.bots < 1 || c.pause <= 0:
		return errors.New("-seeds, -nodes, -bots and -pause must be positive")
	case c.messages > 0 && (c.rate < 1 || c.sample <= 0):
		return errors.New("-rate must be 1 or more, and -sample positive")
	}
	if c.plan {
		for i := range uint64(c.seeds) {
			for n, r := range plan(c.seed+i, c.form, c.duration) {
				fmt.Fprintf(out, "seed %d round %d: %v\n", c.seed+i, n+1, r)
			}
		}
		return nil
	}
	if c.bin == "" {
		if c.bin, err = os.MkdirTemp("", "gochat-chaos-bin-"); err != nil {
			return err
		}
		defer os.RemoveAll(c.bin)
		programs := services
		if c.messages > 0 {
			programs = append(programs[:len(programs):len(programs)], "loadtest")
		}
		if err := build(ctx, c.bin, c.race, programs...); err != nil {
			return err
		}
	}
	if c.messages > 0 {
		return c.soak(ctx, out)
	}
	sum := total{stats: newStats(), outcomes: map[string]int{}}
	var errs []error
	for i := range uint64(c.seeds) {
		r, err := once(ctx, c, c.seed+i, out)
		if ctx.Err() != nil || errors.Is(err, errMissing) {
			return errors.Join(ctx.Err(), err)
		}
		sum.add(r)
		verdict := "well"
		if err != nil {
			verdict = "FAILED"
			errs = append(errs, fmt.Errorf("seed %d: %w", c.seed+i, err))
			fmt.Fprintf(out, "seed %d: %v\n", c.seed+i, err)
		}
		n := r.record.Counts()
		fmt.Fprintf(out, "seed %d: %s; %d rounds, %d acknowledged, %d delivered, %d outcomes, %s\n",
			c.seed+i, verdict, len(plan(c.seed+i, c.form, c.duration)), n.Acked, n.Events, n.Outcomes, r.stats.length.Round(time.Second))
	}
	sum.print(out, c.form)
	if len(errs) > 0 {
		return fmt.Errorf("%d of %d runs failed", len(errs), c.seeds)
	}
	return nil
}
