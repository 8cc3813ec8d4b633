package transport_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/transport"
)

func TestReject(t *testing.T) {
	cause := errors.New("no such symbol")
	tests := map[string]struct {
		err  error
		want bool
	}{
		"nil":                {nil, false},
		"an error":           {cause, false},
		"rejected":           {transport.Reject(cause), true},
		"rejected, wrapped":  {fmt.Errorf("stock: %w", transport.Reject(cause)), true},
		"rejected and other": {errors.Join(errors.New("other"), transport.Reject(cause)), true},
		"rejected twice":     {transport.Reject(transport.Reject(cause)), true},
		"reject nil":         {transport.Reject(nil), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, tt.want, transport.Rejected(tt.err)) })
	}
	require.NoError(t, transport.Reject(nil), "Reject(f()) may be returned whatever f returns")
	require.ErrorIs(t, transport.Reject(cause), cause)
	require.EqualError(t, transport.Reject(cause), "no such symbol")
}

func TestWorkOptionsWithDefaults(t *testing.T) {
	defaults := transport.WorkOptions{Concurrency: 16, MaxAttempts: 4, Grace: 5 * time.Second}
	tests := map[string]struct {
		o    *transport.WorkOptions
		want transport.WorkOptions
	}{
		"nil":      {nil, defaults},
		"zero":     {&transport.WorkOptions{}, defaults},
		"negative": {&transport.WorkOptions{Concurrency: -1, MaxAttempts: -1, Grace: -1}, defaults},
		"one field": {
			&transport.WorkOptions{MaxAttempts: 1},
			transport.WorkOptions{Concurrency: 16, MaxAttempts: 1, Grace: 5 * time.Second},
		},
		"all fields": {
			&transport.WorkOptions{Concurrency: 1, MaxAttempts: 2, Grace: 3},
			transport.WorkOptions{Concurrency: 1, MaxAttempts: 2, Grace: 3},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var before transport.WorkOptions
			if tt.o != nil {
				before = *tt.o
			}
			require.Equal(t, tt.want, tt.o.WithDefaults())
			if tt.o != nil {
				require.Equal(t, before, *tt.o, "the caller's options are not changed")
			}
		})
	}
}

func TestStateString(t *testing.T) {
	require.Equal(t, "down blocked up down", fmt.Sprint(transport.Down, " ", transport.Blocked, " ", transport.Up, " ", transport.State(99)))
	require.Equal(t, transport.Down, transport.Status{}.State, "who knows nothing is not connected")
}
