package histogram

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The buckets follow each other without a hole, and each is narrow.
func TestBuckets(t *testing.T) {
	for i := range size + half - 1 {
		u := uint64(upper(i) / Unit)
		require.Equal(t, i, index(u), "the longest time of a bucket is in it")
		require.Equal(t, i+1, index(u+1), "and the next is not")
		if i > 0 {
			width := float64(u - uint64(upper(i-1)/Unit))
			require.LessOrEqual(t, width, 1+float64(u)/32)
		}
	}
	require.Less(t, index(1<<most-1), size+half)
}

func TestQuantiles(t *testing.T) {
	var h Histogram
	require.Zero(t, h.Quantile(0.5))
	require.Zero(t, h.Max())

	var all []time.Duration
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		d := time.Duration(r.ExpFloat64() * float64(20*time.Millisecond))
		all = append(all, d)
		h.Add(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[max(int(q*float64(len(all)))-1, 0)]
		got := h.Quantile(q)
		require.InEpsilon(t, float64(want)+1e4, float64(got)+1e4, 0.04, "%v", q)
	}
	require.Equal(t, all[len(all)-1], h.Max())
	require.Equal(t, h.Max(), h.Quantile(1))
	require.EqualValues(t, len(all), h.Count())
	require.EqualValues(t, len(all), h.Between(-1, time.Hour))
	require.EqualValues(t, len(all), h.Between(-1, 10*time.Millisecond)+h.Between(10*time.Millisecond, time.Hour))
}

func TestExtremes(t *testing.T) {
	var h Histogram
	h.Add(-time.Second)
	h.Add(1000 * time.Hour)
	require.Equal(t, 1000*time.Hour, h.Max())
	require.Zero(t, h.Quantile(0.5))
	require.Greater(t, h.Quantile(1), time.Hour)
	h.AddN(time.Second, 98)
	require.InEpsilon(t, float64(time.Second), float64(h.Quantile(0.5)), 0.04)
}

func TestConcurrentAdds(t *testing.T) {
	var h Histogram
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 1000 {
				h.Add(time.Duration(i) * time.Millisecond)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 8000, h.Count())
	require.Equal(t, 999*time.Millisecond, h.Max())
}
