package rabbitmq

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The pauses are random up to a bound that doubles, so that the programs of a
// server that broke come back one by one.
func TestBackoff(t *testing.T) {
	const least, most, programs = 100 * time.Millisecond, 5 * time.Second, 1000
	all := make([]backoff, programs)
	for i := range all {
		all[i] = backoff{least: least, most: most}
	}
	for attempt, bound := range []time.Duration{least, 2 * least, 4 * least, 8 * least, 16 * least, 32 * least, most, most, most} {
		quarters := [4]int{}
		for i := range all {
			pause := all[i].next()
			require.GreaterOrEqual(t, pause, time.Duration(0))
			require.Less(t, pause, bound, "attempt %d", attempt+1)
			quarters[4*pause/bound]++
		}
		for q, n := range quarters {
			require.InDelta(t, programs/4, n, programs/8, "pauses in quarter %d, attempt %d", q+1, attempt+1)
		}
	}
	all[0].reset()
	require.Less(t, all[0].next(), least)
}

// What the server refuses is tried again at leisure, and not by all at once.
func TestSlowPause(t *testing.T) {
	seen := make(map[time.Duration]bool)
	for range 1000 {
		pause := slowly()
		require.GreaterOrEqual(t, pause, slowPause/2)
		require.Less(t, pause, slowPause)
		seen[pause] = true
	}
	require.Greater(t, len(seen), 900)
}
