package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/carlware/gochat/internal/histogram"
)

// outcome is what report tells besides what the generator knows.
type outcome struct {
	users              int
	posting            time.Duration
	during, deliveries int64 // events delivered while there was posting, and up to the end
	away, unanswered   int
	usage              usage
}

// show is a time with about three digits.
func show(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < 10*time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// report prints what was seen.
func report(out io.Writer, g *generator, o outcome) {
	c := g.checker
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(w)
	row("sessions", "%d of %d users, in %d rooms", len(g.sessions), o.users, g.c.rooms)
	row("messages", "%d posted in %s, %d stored", g.posted.Load(), o.posting.Round(time.Second/10), g.acked.Load())
	row("deliveries", "%d, %.0f/s while posting", o.deliveries, float64(o.during)/o.posting.Seconds())
	quantiles := func(h *histogram.Histogram) string {
		if h.Count() == 0 {
			return "none"
		}
		return fmt.Sprintf("p50 %s, p90 %s, p99 %s, max %s", show(h.Quantile(0.5)), show(h.Quantile(0.9)), show(h.Quantile(0.99)), show(h.Max()))
	}
	row("sent to stored", "%s", quantiles(&c.stored))
	row("sent to delivered", "%s", quantiles(&c.latency))
	row("lost", "%d", c.lost.Load())
	row("repeated", "%d", c.repeated.Load())
	row("out of order", "%d", c.reordered.Load())
	row("contradictory", "%d", c.clashes.Load())
	row("reconnects", "%d", g.reconnects.Load())
	if n := c.gapped.Load(); n > 0 {
		row("left out", "%d, and the server said so: they are in the history", n)
	}
	if n := g.notSent.Load(); n > 0 {
		row("refused", "%d messages: %s", n, g.reasons(g.refusals))
	}
	if len(g.breaks) > 0 {
		row("broken connections", "%s", g.reasons(g.breaks))
	}
	if o.away > 0 || o.unanswered > 0 {
		row("at the end", "%d sessions away, %d messages without an answer", o.away, o.unanswered)
	}
	if g.c.serverPID != 0 {
		server(row, g, o)
	}
	_ = w.Flush()
	if c.latency.Count() > 0 {
		fmt.Fprintf(out, "\nfrom the time a message was due to its delivery, %d deliveries\n", c.latency.Count())
		bars(out, &c.latency)
	}
	for _, text := range c.examples {
		fmt.Fprintln(out, "violation:", text)
	}
}

// server is what the server used.
func server(row func(name, format string, args ...any), g *generator, o outcome) {
	u := o.usage
	cpu := u.ended.cpu - u.begun.cpu
	row("server CPU", "%s for each delivery, %.0f %% of one processor", show(cpu/time.Duration(max(o.deliveries, 1))), 100*cpu.Seconds()/o.posting.Seconds())
	mib := func(n int64) float64 { return float64(n) / (1 << 20) }
	row("server memory", "%.1f KiB for each session; %.0f MiB before them, %.0f MiB with them, %.0f MiB at the end",
		float64(u.open.rss-u.idle.rss)/1024/float64(len(g.sessions)), mib(u.idle.rss), mib(u.open.rss), mib(u.ended.rss))
}

// barWidth is the longest bar.
const barWidth = 50

// bars draws the histogram, in steps that double.
func bars(out io.Writer, h *histogram.Histogram) {
	type bar struct {
		from, to time.Duration
		n        int64
	}
	var list []bar
	var most int64
	from := time.Duration(-1)
	for to := 250 * time.Microsecond; from < h.Max(); to *= 2 {
		b := bar{from, to, h.Between(from, to)}
		if h.Max() <= to || to >= time.Hour {
			b.n = h.Between(from, 1<<62)
			b.to = 1 << 62
		}
		if b.n > 0 || len(list) > 0 {
			list = append(list, b)
		}
		most = max(most, b.n)
		from = b.to
	}
	for _, b := range list {
		// A bucket lies in one step only to within 3 %: good enough for a picture.
		to := "  " + show(b.to)
		if b.to == 1<<62 {
			to = "  " + show(h.Max())
		}
		width := int((b.n*barWidth + most - 1) / most)
		fmt.Fprintf(out, "up to %9s  %-*s %5.1f %%\n", to, barWidth, strings.Repeat("█", width), 100*float64(b.n)/float64(h.Count()))
	}
}

// reasons is a list of what happened how often, most often first.
func (g *generator) reasons(m map[string]int) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	names := slices.SortedFunc(maps.Keys(m), func(a, b string) int { return m[b] - m[a] })
	for i, what := range names {
		names[i] = fmt.Sprintf("%s (%d×)", what, m[what])
	}
	return strings.Join(names, "; ")
}
