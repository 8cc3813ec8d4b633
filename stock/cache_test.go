package stock

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// provider is a Provider that is a function.
type provider func(ctx context.Context, symbol string) (Quote, error)

func (p provider) Quote(ctx context.Context, symbol string) (Quote, error) { return p(ctx, symbol) }

func TestCacheKeeps(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		keep time.Duration
		all  bool // other symbols too
	}{
		"quote":       {nil, time.Second, false},
		"unknown":     {ErrUnknownSymbol, 2 * time.Second, false},
		"unavailable": {ErrUnavailable, 3 * time.Second, false},
		"nonsense":    {ErrBadResponse, 3 * time.Second, false},
		"other error": {errors.New("other"), 3 * time.Second, false},
		"quota":       {ErrQuota, 4 * time.Second, true},
		"blocked":     {ErrBlocked, 4 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked []string
				p := Cached(provider(func(_ context.Context, symbol string) (Quote, error) {
					asked = append(asked, symbol)
					if c.err != nil {
						return Quote{}, fmt.Errorf("deep: %w", c.err)
					}
					return Quote{Symbol: strings.ToUpper(symbol), Price: decimal.NewFromInt(int64(len(asked)))}, nil
				}), &CacheOptions{TTL: time.Second, UnknownTTL: 2 * time.Second, FailureTTL: 3 * time.Second, CoolDown: 4 * time.Second})
				ask := func(symbol string) Quote {
					q, err := p.Quote(t.Context(), symbol)
					require.ErrorIs(t, err, c.err)
					return q
				}
				first := ask("a")
				time.Sleep(c.keep - 1)
				require.Equal(t, first, ask("A"), "either case is the same symbol")
				require.Equal(t, []string{"a"}, asked)
				ask("b")
				if c.all {
					require.Equal(t, []string{"a"}, asked)
				} else {
					require.Equal(t, []string{"a", "b"}, asked)
				}
				asked = nil
				time.Sleep(time.Nanosecond)
				ask("a")
				require.Equal(t, []string{"a"}, asked)
			})
		})
	}
}

// A quota that is used up does not take away what is known.
func TestCacheServesWhileCoolingDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var err error
		c := Cached(provider(func(context.Context, string) (Quote, error) { return Quote{Symbol: "A"}, err }), nil)
		_, _ = c.Quote(t.Context(), "a")
		err = ErrQuota
		_, got := c.Quote(t.Context(), "b")
		require.ErrorIs(t, got, ErrQuota)
		q, got := c.Quote(t.Context(), "a")
		require.NoError(t, got)
		require.Equal(t, "A", q.Symbol)
	})
}

func TestCacheAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := Cached(provider(func(ctx context.Context, _ string) (Quote, error) {
			asked++
			select {
			case <-time.After(time.Second):
				return Quote{Symbol: "A"}, nil
			case <-ctx.Done():
				return Quote{}, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
			}
		}), nil)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				q, err := c.Quote(t.Context(), "a")
				require.NoError(t, err)
				require.Equal(t, "A", q.Symbol)
			})
		}
		all.Wait()
		require.Equal(t, 1, asked)

		// Who gives up takes nobody with him, and is not waited for.
		time.Sleep(time.Hour)
		asked = 0
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		start := time.Now()
		for range 2 { // the one who asks, and one who waits
			all.Go(func() {
				_, err := c.Quote(impatient, "a")
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, time.Millisecond, time.Since(start))
			})
		}
		synctest.Wait()
		for range 10 {
			all.Go(func() {
				q, err := c.Quote(t.Context(), "a")
				require.NoError(t, err)
				require.Equal(t, "A", q.Symbol)
			})
		}
		all.Wait()
		require.Equal(t, 2, asked)
		require.Equal(t, time.Second+time.Millisecond, time.Since(start))
	})
}

func TestCacheSurvivesPanics(t *testing.T) {
	panics := true
	c := Cached(provider(func(context.Context, string) (Quote, error) {
		if panics {
			panic("bang")
		}
		return Quote{Symbol: "A"}, nil
	}), nil)
	require.Panics(t, func() { _, _ = c.Quote(t.Context(), "a") })
	panics = false
	_, err := c.Quote(t.Context(), "a")
	require.NoError(t, err)
}

func TestCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := map[string]int{}
		c := Cached(provider(func(_ context.Context, symbol string) (Quote, error) {
			asked[symbol]++
			return Quote{}, nil
		}), &CacheOptions{Size: 10})
		for i := range 100 {
			_, _ = c.Quote(t.Context(), fmt.Sprint("s", i))
			time.Sleep(time.Millisecond)
		}
		require.Len(t, c.entries, 10)
		require.Empty(t, c.flights)
		_, _ = c.Quote(t.Context(), "s99")
		require.Equal(t, 1, asked["s99"], "the newest are kept")
		time.Sleep(time.Hour)
		_, _ = c.Quote(t.Context(), "x")
		require.Len(t, c.entries, 1, "what has ended is thrown out together")

		_, err := c.Quote(t.Context(), strings.Repeat("a", 1000))
		require.ErrorIs(t, err, ErrUnknownSymbol)
		require.Len(t, c.entries, 1)
	})
}
