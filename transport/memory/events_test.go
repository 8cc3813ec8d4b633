package memory_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// held subscribes with a callback that waits for release at its first batch,
// while more and more is published.
func held(w *world, publish func(i int) bool) *list[transport.Batch] {
	release := make(chan struct{})
	got := &list[transport.Batch]{}
	w.begin(func(ctx context.Context) error {
		return w.Subscribe(ctx, "store", func(batch transport.Batch) {
			got.add(batch)
			<-release
		})
	})
	for i := 0; publish(i); i++ {
	}
	close(release)
	synctest.Wait()
	return got
}

func TestBatches(t *testing.T) {
	tests := map[string]struct {
		sizes []int // of the events published
		want  []int // events in the batches after the first gap
	}{
		"one":                     {[]int{10}, []int{1}},
		"64 events":               {slicesOf(64, 10), []int{64}},
		"one more":                {slicesOf(65, 10), []int{64, 1}},
		"64 KiB":                  {slicesOf(4, 16<<10), []int{4}},
		"one byte more":           {append(slicesOf(4, 16<<10), 1), []int{4, 1}},
		"a large one is alone":    {[]int{1, transport.MaxBody, 1}, []int{1, 1, 1}},
		"empty ones count":        {slicesOf(130, 0), []int{64, 64, 2}},
		"as many as fit together": {[]int{40 << 10, 24 << 10, 1, 1}, []int{2, 2}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				batches := held(w, func(i int) bool {
					if i == len(tt.sizes) {
						return false
					}
					require.NoError(t, w.Publish(w.ctx, "store", "room", make([]byte, tt.sizes[i])))
					return true
				})
				var got []int
				for _, batch := range batches.all()[1:] {
					require.False(t, batch.Gap)
					got = append(got, len(batch.Events))
				}
				require.Equal(t, tt.want, got)
			})
		})
	}
}

func slicesOf(n, size int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = size
	}
	return all
}

func TestOverflow(t *testing.T) {
	tests := map[string]struct {
		o    memory.Options
		size int
		fits int // events of that size
	}{
		"by number": {memory.Options{Events: 10}, 1, 10},
		"by bytes":  {memory.Options{QueueBytes: 1}, 16 << 10, transport.MaxBody / (16 << 10)},
		"defaults":  {memory.Options{}, 0, 4096},
		"16 MiB":    {memory.Options{}, 64 << 10, 256},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for more := range 2 {
				inWorld(t, &tt.o, func(w *world) {
					batches := held(w, func(i int) bool {
						require.NoError(t, w.Publish(w.ctx, "store", "room", make([]byte, tt.size)))
						return i < tt.fits+more-1
					})
					events, gaps := 0, 0
					for _, batch := range batches.all()[1:] {
						events += len(batch.Events)
						if batch.Gap {
							gaps++
						}
					}
					if more == 0 {
						require.Equal(t, []int{tt.fits, 0}, []int{events, gaps})
						return
					}
					require.Equal(t, []int{1, 1}, []int{events, gaps})
					require.True(t, batches.all()[1].Gap, "the gap is in the place of what was lost")
					require.EqualValues(t, tt.fits, w.Stats().EventsLost)
				})
			}
		})
	}
}

// What was delivered takes no place any more.
func TestNoOverflowWhileReading(t *testing.T) {
	inWorld(t, &memory.Options{Events: 2, QueueBytes: transport.MaxBody}, func(w *world) {
		batches := w.listen(w.Broker)
		for range 100 {
			require.NoError(t, w.Publish(w.ctx, "store", "room", make([]byte, transport.MaxBody/2)))
			synctest.Wait()
		}
		require.Len(t, batches.all(), 101)
		for _, batch := range batches.all()[1:] {
			require.False(t, batch.Gap)
		}
		require.Equal(t, memory.Stats{Subscribers: 1}, w.Stats())
	})
}
