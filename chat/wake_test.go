package chat_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// Who takes once for each wake-up gets everything, and learns of the end.
func TestOneTakeForEachWake(t *testing.T) {
	n := newNode(t, nil)
	var wakes atomic.Int32
	ana := connect(t, n, "ana", &chat.SessionOptions{Wake: func() { wakes.Add(1) }})
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	for range 20 {
		post(t, r, "ana", "x")
	}
	count, bytes := ana.Queued()
	require.GreaterOrEqual(t, count, 20)
	require.GreaterOrEqual(t, bytes, 20)
	got := 0
	for wakes.Load() > 0 {
		wakes.Add(-1)
		ds := ana.Take(nil, 1)
		require.LessOrEqual(t, len(ds), 1)
		got += len(ds)
	}
	require.Equal(t, count, got)
	count, bytes = ana.Queued()
	require.Zero(t, count)
	require.Zero(t, bytes)

	post(t, r, "ana", "x")
	post(t, r, "ana", "x")
	ana.Close()
	ended := false
	for got = 0; wakes.Load() > 0; {
		wakes.Add(-1)
		ds := ana.Take(nil, 1)
		got += len(ds)
		ended = len(ds) == 0 && ana.Err() != nil
	}
	require.Equal(t, 2, got)
	require.True(t, ended, "the last wake-up finds nothing but the end")
}
