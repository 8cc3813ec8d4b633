package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// median of a property of turns.
func median[N cmp.Ordered](turns []taken, of func(taken) N) N {
	values := make([]N, len(turns))
	for i, t := range turns {
		values[i] = of(t)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// report is the result in Markdown.
func (p plan) report(began time.Time, results map[key][]taken) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s.\n\n", began.UTC().Format("2 January 2006"), machine())
	fmt.Fprintf(&b, "Medians of %d turns, %d in each of %d runs. CPU is the server's, user and system, for each event delivered to one connection.\n",
		p.runs*p.rounds, p.rounds, p.runs)
	if p.scale > 1 {
		fmt.Fprintf(&b, "\n**Scaled down by %d: this is a trial.**\n", p.scale)
	}
	for _, s := range scenarios {
		for _, events := range s.events {
			p.table(&b, s, events, results)
		}
	}
	p.memory(&b, results)
	return b.String()
}

func (p plan) table(b *strings.Builder, s scenario, events int, results map[key][]taken) {
	if len(results[key{s.name, events, floorName}]) == 0 {
		return
	}
	pending := "one event at a time"
	if events > 1 {
		pending = fmt.Sprintf("%d events at once", events)
	}
	fmt.Fprintf(b, "\n### %s, %s\n\n", s.title, pending)
	fmt.Fprintf(b, "| | CPU, ns | × floor | user, ns | allocations | p50, ms | p99, ms | bytes |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, sys := range systems {
		turns := results[key{s.name, events, sys.name}]
		if len(turns) == 0 {
			continue
		}
		ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
		fmt.Fprintf(b, "| %s | %.0f | %.2f | %.0f | %.3f | %.1f | %.1f | %.0f |\n", sys.name,
			median(turns, func(t taken) float64 { return t.cpu() }),
			median(turns, func(t taken) float64 { return t.cpu() / t.floor }),
			median(turns, func(t taken) float64 { return t.perDelivery(float64(t.User)) }),
			median(turns, func(t taken) float64 { return t.perDelivery(float64(t.Allocs)) }),
			median(turns, func(t taken) float64 { return ms(t.P50) }),
			median(turns, func(t taken) float64 { return ms(t.P99) }),
			median(turns, func(t taken) float64 { return t.perDelivery(float64(t.Bytes)) }))
	}
	if events > 1 {
		fmt.Fprintf(b, "\nThe floor, ×1, is that of one event at a time.\n")
	}
}

func (p plan) memory(b *strings.Builder, results map[key][]taken) {
	begun := false
	for _, s := range scenarios {
		for _, sys := range systems {
			turns := results[key{s.name, 0, sys.name}]
			if len(turns) == 0 {
				continue
			}
			if !begun {
				fmt.Fprintf(b, "\n### An idle connection, of 10,000\n\n| | resident, KiB | goroutines |\n|---|--:|--:|\n")
				begun = true
			}
			fmt.Fprintf(b, "| %s | %.1f | %d |\n", sys.name,
				median(turns, func(t taken) float64 { return float64(t.RSS) / 1024 }),
				median(turns, func(t taken) int { return t.Goroutines }))
		}
	}
}

// The marks in a file between which the result is.
const (
	beginMark = "<!-- result -->\n"
	endMark   = "<!-- end of result -->\n"
)

// insert puts text between the marks of the file.
func insert(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := bytes.Cut(old, []byte(beginMark))
	_, after, ended := bytes.Cut(rest, []byte(endMark))
	if !found || !ended {
		return errors.New(path + " has no marks for the result")
	}
	return os.WriteFile(path, slices.Concat(before, []byte(beginMark+"\n"+text+"\n"+endMark), after), 0o644)
}
