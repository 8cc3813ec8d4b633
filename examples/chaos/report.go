package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/carlware/gochat/chat/chattest"
)

// stats are what a run, or several, came to.
type stats struct {
	faults     map[string]int             // by kind
	recovery   map[string][]time.Duration // by kind, of rounds with one fault
	length     time.Duration
	violations int
}

func newStats() stats {
	return stats{faults: map[string]int{}, recovery: map[string][]time.Duration{}}
}

// several is the row of rounds with more than one fault.
const several = "several at once"

// took notes how long it took to recover from a round.
func (s *stats) took(r round, d time.Duration) {
	name := several
	if len(r) == 1 {
		name = r[0].name
	}
	for _, f := range r {
		s.faults[f.name]++
	}
	s.recovery[name] = append(s.recovery[name], d)
}

// total is the sum of runs.
type total struct {
	stats
	chattest.Counts
	outcomes               map[string]int
	runs                   int
	connects, reloads, cut int64
}

func (t *total) add(r *run) {
	t.runs++
	for k, n := range r.stats.faults {
		t.faults[k] += n
	}
	for k, d := range r.stats.recovery {
		t.recovery[k] = append(t.recovery[k], d...)
	}
	for k, n := range r.outcomes {
		t.outcomes[k] += n
	}
	t.length += r.stats.length
	t.violations += r.stats.violations
	n := r.record.Counts()
	t.Sent += n.Sent
	t.Acked += n.Acked
	t.Refused += n.Refused
	t.Commands += n.Commands
	t.Outcomes += n.Outcomes
	t.Events += n.Events
	t.Gaps += n.Gaps
	t.connects += r.connects.Load()
	t.reloads += r.reloads.Load()
	t.cut += r.cut.Load()
}

// print prints the summary.
func (t *total) print(out io.Writer, form string) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	n := 0
	for _, k := range t.faults {
		n += k
	}
	fmt.Fprintln(w)
	row("runs", "%d of form %s, %s under load", t.runs, form, t.length.Round(time.Second))
	row("faults", "%d", n)
	row("requests", "%d sent, %d acknowledged, %d times refused", t.Sent, t.Acked, t.Refused)
	row("deliveries", "%d events, %d gaps", t.Events, t.Gaps)
	row("commands", "%d given, %d outcomes: %s", t.Commands, t.Outcomes, list(t.outcomes))
	row("connections", "%d; %d clients were loaded anew; %d frozen ones were cut", t.connects, t.reloads, t.cut)
	row("violations", "%d", t.violations)
	_ = w.Flush()
	fmt.Fprintf(w, "\nfault\tinjected\trecovered in, median\tmax\n")
	for _, name := range slices.Sorted(maps.Keys(t.faults)) {
		fmt.Fprintf(w, "%s\t%d\t%s\n", name, t.faults[name], times(t.recovery[name]))
	}
	fmt.Fprintf(w, "%s\t\t%s\n", several, times(t.recovery[several]))
	_ = w.Flush()
}

// times is the median and the maximum.
func times(all []time.Duration) string {
	if len(all) == 0 {
		return "–\t–"
	}
	all = slices.Sorted(slices.Values(all))
	show := func(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
	return show(all[len(all)/2]) + "\t" + show(all[len(all)-1])
}

func list(m map[string]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%d %s", m[k], k))
	}
	return strings.Join(parts, ", ")
}
