package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// The growth after warm-up that a soak allows. Memory is measured in pages of the
// kernel and moves with the collector, so that less than the slack is no growth.
const (
	mostGrowth = 0.02
	slackRSS   = 2 << 20
	slackCount = 4
)

// mostWAL is what a write-ahead log may take: PostgreSQL keeps max_wal_size, and
// some more between two checkpoints.
var mostWAL = map[string]int64{formSQLite: 128 << 20, formCluster: 512 << 20}

// rows prints the samples, some 20 of them.
func rows(w io.Writer, samples []sample, sys *system) {
	fmt.Fprint(w, "time\tstored\t")
	for _, s := range sys.services {
		fmt.Fprintf(w, "%s MiB\tthreads\tfiles\t", s.label)
	}
	fmt.Fprintln(w, "data MiB\tWAL MiB\t")
	step := max(len(samples)/20, 1)
	for i, s := range samples {
		if i%step != 0 {
			continue
		}
		fmt.Fprintf(w, "%.0f s\t%d\t", s.at.Seconds(), s.stored)
		for _, u := range s.services {
			fmt.Fprintf(w, "%.1f\t%d\t%d\t", mib(u.rss), u.threads, u.files)
		}
		fmt.Fprintf(w, "%.1f\t%.1f\t\n", mib(s.data), mib(s.wal))
	}
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// grown compares the median of the samples between 20 and 40 % of the load with
// that of the last 20 %, and returns an error if something has grown.
func grown(out io.Writer, samples []sample, sys *system) error {
	under := steady(samples)
	if len(under) < 20 {
		return fmt.Errorf("only %d samples were taken under load: use more -messages, or sample more often", len(under))
	}
	warm, late := under[len(under)/5:len(under)*2/5], under[len(under)*4/5:]
	var wrong []string
	compare := func(what, unit string, scale float64, slack int64, of func(sample) int64) {
		a, b := median(warm, of), median(late, of)
		growth := float64(b-a) / float64(max(a, 1))
		fmt.Fprintf(out, "%s: %.1f %s after warm-up, %.1f in the end: %+.1f %%\n", what, float64(a)/scale, unit, float64(b)/scale, 100*growth)
		if growth > mostGrowth && b-a > slack {
			wrong = append(wrong, fmt.Sprintf("%s has grown by %.1f %%", what, 100*growth))
		}
	}
	for i, s := range sys.services {
		compare(s.label+" memory", "MiB", 1<<20, slackRSS, func(s sample) int64 { return s.services[i].rss })
		compare(s.label+" threads", "", 1, slackCount, func(s sample) int64 { return int64(s.services[i].threads) })
		compare(s.label+" files", "", 1, slackCount, func(s sample) int64 { return int64(s.services[i].files) })
	}
	first, last := under[0], under[len(under)-1]
	fmt.Fprintf(out, "data: %.0f bytes a message\n", float64(last.data-first.data)/float64(max(last.stored-first.stored, 1)))
	most := slices.MaxFunc(under, func(a, b sample) int { return int(a.wal - b.wal) }).wal
	fmt.Fprintf(out, "WAL: %.1f MiB at most\n", mib(most))
	if most > mostWAL[sys.form] {
		wrong = append(wrong, fmt.Sprintf("the WAL took %.1f MiB", mib(most)))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%s", strings.Join(wrong, "; "))
	}
	return nil
}

func median(all []sample, of func(sample) int64) int64 {
	var list []int64
	for _, s := range all {
		list = append(list, of(s))
	}
	slices.Sort(list)
	return list[len(list)/2]
}
