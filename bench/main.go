// Command bench compares what it costs a server to deliver an event to many
// WebSocket connections: gochat, others, and the least that can be done, which
// is one write of the finished bytes to each socket (the floor).
//
//	cd bench && go run . -readme README.md
//
// runs everything and puts the table into README.md; [README.md] says how it
// measures and what it found. It needs Linux.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	if len(os.Args) > 1 && (os.Args[1] == roleServe || os.Args[1] == roleLoad) {
		if err := play(os.Args[1], os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	var p plan
	fs := flag.NewFlagSet("bench", flag.ExitOnError)
	fs.IntVar(&p.runs, "runs", 3, "how often everything is set up anew")
	fs.IntVar(&p.rounds, "rounds", 5, "how often each system has its turn in a run")
	fs.DurationVar(&p.turn, "turn", 700*time.Millisecond, "length of a turn, at least")
	fs.IntVar(&p.scale, "scale", 1, "divide the numbers of connections and rooms by this, to try it out")
	fs.StringVar(&p.only, "systems", "", "`names` of the systems to run besides the floor, with commas; empty: all")
	fs.StringVar(&p.scenes, "scenarios", "", "`names` of the scenarios to run, with commas; empty: all")
	readme := fs.String("readme", "", "`file` into which the result is put, between its marks")
	_ = fs.Parse(os.Args[1:]) // it exits

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	text, err := p.run(ctx, os.Stderr)
	if err == nil {
		fmt.Println(text)
		if *readme != "" {
			err = insert(*readme, text)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to undo
	}
}
