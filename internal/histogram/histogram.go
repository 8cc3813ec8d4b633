// Package histogram counts times in buckets that grow with the time, so that a
// million of them take as much memory as one and their quantiles are known to
// within 3 %.
package histogram

import (
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	// Unit is the resolution of short times.
	Unit = time.Microsecond

	half = 32 // buckets for each doubling
	most = 32 // bits of the longest time, in units: more than an hour
	size = (most - 5) * half
)

// Histogram is a histogram of times. The zero value is empty. It may be used
// concurrently; what is read while others add is of no single moment.
type Histogram struct {
	counts [size + half]atomic.Int64
	n, max atomic.Int64
}

// index returns the bucket of v units. The first 64 buckets hold one value
// each; from there on the 6 highest bits tell.
func index(v uint64) int {
	if v < 2*half {
		return int(v)
	}
	e := bits.Len64(v) - 6
	return e*half + int(v>>e)
}

// upper returns the longest time of bucket i.
func upper(i int) time.Duration {
	if i < 2*half {
		return time.Duration(i) * Unit
	}
	e := i/half - 1
	return time.Duration(uint64(i-e*half+1)<<e-1) * Unit
}

// Add counts d. Negative times count as 0, and those above an hour as an hour.
func (h *Histogram) Add(d time.Duration) { h.AddN(d, 1) }

// AddN counts d n times.
func (h *Histogram) AddN(d time.Duration, n int64) {
	d = max(d, 0)
	v := min(uint64(d/Unit), 1<<most-1)
	h.counts[index(v)].Add(n)
	h.n.Add(n)
	for {
		old := h.max.Load()
		if int64(d) <= old || h.max.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

// Count returns how many times there are.
func (h *Histogram) Count() int64 { return h.n.Load() }

// Max returns the longest time exactly, 0 if there is none.
func (h *Histogram) Max() time.Duration { return time.Duration(h.max.Load()) }

// Quantile returns a time that a part q, from 0 to 1, of the times is not longer
// than: at most 3 % more than the shortest such. Of none it is 0.
func (h *Histogram) Quantile(q float64) time.Duration {
	var total int64
	for i := range h.counts {
		total += h.counts[i].Load()
	}
	want := max(int64(q*float64(total)+0.9999999), 1)
	for i := range h.counts {
		if want -= h.counts[i].Load(); want <= 0 {
			return min(upper(i), h.Max())
		}
	}
	return h.Max()
}

// Between returns how many times are longer than from and not longer than to,
// to within a bucket.
func (h *Histogram) Between(from, to time.Duration) int64 {
	var n int64
	for i := range h.counts {
		if u := upper(i); u > from && u <= to {
			n += h.counts[i].Load()
		}
	}
	return n
}
