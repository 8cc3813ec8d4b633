package memory_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

func TestPausesBetweenAttempts(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		attempts := map[string]*list[time.Time]{"a": {}, "b": {}}
		w.serve(w.Broker, &transport.WorkOptions{MaxAttempts: 12}, func(ctx context.Context, r transport.Request) (transport.Result, error) {
			attempts[r.ID].add(time.Now())
			return fail(ctx, r)
		})
		require.NoError(t, w.send(w.Broker, "a", time.Hour))
		pass(100 * time.Millisecond) // so that their pauses overlap
		require.NoError(t, w.send(w.Broker, "b", time.Hour))
		pass(time.Minute)
		for id, list := range attempts {
			at := list.all()
			require.Len(t, at, 12)
			most := 20 * time.Millisecond
			for i := 1; i < len(at); i++ {
				pause := at[i].Sub(at[i-1])
				require.GreaterOrEqual(t, pause, most/2, "pause %d of %s", i, id)
				require.LessOrEqual(t, pause, most, "pause %d of %s", i, id)
				most = min(2*most, 2*time.Second)
			}
		}
		dead := w.DeadLetters()
		require.Len(t, dead, 2)
		require.Equal(t, 12, dead[0].Request.Attempt)
		require.EqualError(t, dead[0].Err, "the bot can't do it")
		require.Equal(t, memory.Stats{Workers: 1, DeadLetters: 2}, w.Stats())
	})
}

// A request whose time ends between two attempts is not a dead letter: nobody
// waits for it any more, and who sent it knows.
func TestNoAttemptAfterTheTime(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var attempts list[time.Duration]
		w.serve(w.Broker, &transport.WorkOptions{MaxAttempts: 1000}, func(_ context.Context, r transport.Request) (transport.Result, error) {
			attempts.add(r.Timeout)
			return fail(w.ctx, r)
		})
		require.NoError(t, w.send(w.Broker, "a", time.Second))
		pass(time.Second)
		before := attempts.all()
		require.Equal(t, memory.Stats{Workers: 1, RequestsExpired: 1}, w.Stats())
		pass(time.Hour)
		require.Equal(t, before, attempts.all())
		require.Greater(t, len(before), 4)
		require.Positive(t, slices.Min(before))
	})
}

func TestTimeCountsDownInTheQueue(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		seen := make(map[string]time.Duration)
		w.serve(w.Broker, &transport.WorkOptions{Concurrency: 1}, func(ctx context.Context, r transport.Request) (transport.Result, error) {
			deadline, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, r.Timeout, time.Until(deadline))
			seen[r.ID] = r.Timeout
			time.Sleep(3 * time.Second)
			return answer(ctx, r)
		})
		require.NoError(t, w.send(w.Broker, "a", 10*time.Second))
		require.NoError(t, w.send(w.Broker, "short", 3*time.Second))
		require.NoError(t, w.send(w.Broker, "b", 10*time.Second))
		pass(time.Minute)
		require.Equal(t, map[string]time.Duration{"a": 10 * time.Second, "b": 7 * time.Second}, seen)
		require.EqualValues(t, 1, w.Stats().RequestsExpired)
	})
}

// What has expired does not take the place of what has not.
func TestExpiredRequestsGiveWay(t *testing.T) {
	inWorld(t, &memory.Options{Requests: 2}, func(w *world) {
		release := make(chan struct{})
		var handled list[string]
		w.serve(w.Broker, &transport.WorkOptions{Concurrency: 1}, func(ctx context.Context, r transport.Request) (transport.Result, error) {
			handled.add(r.ID)
			<-release
			return answer(ctx, r)
		})
		require.NoError(t, w.send(w.Broker, "running", time.Hour))
		require.NoError(t, w.send(w.Broker, "short 1", time.Second))
		require.NoError(t, w.send(w.Broker, "short 2", 2*time.Second))
		require.ErrorIs(t, w.send(w.Broker, "refused", time.Hour), transport.ErrOverloaded)
		pass(time.Second)
		require.Equal(t, 1, w.Stats().Requests)
		require.NoError(t, w.send(w.Broker, "long", time.Hour))
		pass(time.Second)
		require.Equal(t, memory.Stats{Workers: 1, Working: 1, Requests: 1, RequestsExpired: 2}, w.Stats())
		close(release)
		pass(0)
		require.Equal(t, []string{"running", "long"}, handled.all())
	})
}

func TestHandlerContextEndsWithTheTime(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var took time.Duration
		w.serve(w.Broker, nil, func(ctx context.Context, r transport.Request) (transport.Result, error) {
			start := time.Now()
			<-ctx.Done()
			took = time.Since(start)
			return transport.Result{}, ctx.Err()
		})
		require.NoError(t, w.send(w.Broker, "a", 42*time.Second))
		pass(time.Minute)
		require.Equal(t, 42*time.Second, took)
	})
}

func TestGrace(t *testing.T) {
	for name, end := range map[string]func(w *world, stop func()){
		"after the end of ctx": func(w *world, stop func()) { stop() },
		"after Close":          func(w *world, _ func()) { w.wg.Go(func() { w.Close() }) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				type key struct{}
				var took time.Duration
				begun := time.Now()
				ctx := context.WithValue(w.ctx, key{}, "kept")
				stop := w.begin(func(c context.Context) error {
					ctx, cancel := context.WithCancel(ctx)
					defer context.AfterFunc(c, cancel)()
					return w.Work(ctx, "bot", "do", nil, func(ctx context.Context, r transport.Request) (transport.Result, error) {
						require.Equal(t, "kept", ctx.Value(key{}))
						<-ctx.Done()
						took = time.Since(begun)
						return transport.Result{}, ctx.Err()
					})
				})
				require.NoError(t, w.send(w.Broker, "a", time.Hour))
				pass(time.Second)
				end(w, stop)
				pass(time.Hour)
				require.Equal(t, 6*time.Second, took, "5 s after the end, which came after 1 s")
			})
		})
	}
}

// A handler that ends within its grace has not worked for nothing, even when
// its broker is being closed.
func TestResultWithinGrace(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		chat := w.Connect()
		defer chat.Close()
		results := w.receive(chat)
		w.serve(w.Broker, nil, func(ctx context.Context, r transport.Request) (transport.Result, error) {
			time.Sleep(3 * time.Second)
			return answer(ctx, r)
		})
		require.NoError(t, w.send(w.Broker, "a", time.Hour))
		require.NoError(t, w.Close())
		synctest.Wait()
		require.Len(t, results.all(), 1)
	})
}

func TestResultsWaitFifteenMinutes(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve(w.Broker, nil, answer)
		require.NoError(t, w.send(w.Broker, "a", time.Second))
		pass(10 * time.Minute)
		require.NoError(t, w.send(w.Broker, "b", time.Second))
		pass(5*time.Minute - time.Second)
		require.Equal(t, 2, w.Stats().Results)
		pass(time.Second)
		require.Equal(t, memory.Stats{Workers: 1, Results: 1, ResultsExpired: 1}, w.Stats())
		results := w.receive(w.Broker)
		require.Equal(t, []transport.Result{{ID: "b", Store: "store", Bot: "bot", Body: []byte("answer to b")}}, results.all())
	})
}

// A store that is away for a day is no reason to lose a result.
func TestResultsAreOfferedForEver(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var last, longest time.Duration
		start := time.Now()
		accepted := 0
		w.begin(func(ctx context.Context) error {
			return w.Results(ctx, "store", func(context.Context, transport.Result) error {
				longest = max(longest, time.Since(start)-last)
				if last = time.Since(start); last < 24*time.Hour {
					return errors.New("the store is away")
				}
				accepted++
				return nil
			})
		})
		w.serve(w.Broker, nil, answer)
		require.NoError(t, w.send(w.Broker, "a", time.Second))
		pass(25 * time.Hour)
		require.Equal(t, 1, accepted)
		require.LessOrEqual(t, longest, 5*time.Second)
		require.Zero(t, w.Stats().Results)
	})
}

func TestAnnouncementsOutliveTheirConnection(t *testing.T) {
	const ttl = 30 * time.Second // the default
	tests := map[string]struct {
		cut   func(w *world, bot *memory.Broker, stop func())
		known map[time.Duration]int // announcements, by the time after the cut
	}{
		"for their TTL": {
			cut:   func(w *world, bot *memory.Broker, stop func()) { bot.Disconnect(nil) },
			known: map[time.Duration]int{0: 1, ttl - 1: 1, ttl: 0, time.Hour: 0},
		},
		"without a break when it is back in time": {
			cut: func(w *world, bot *memory.Broker, stop func()) {
				bot.Disconnect(nil)
				time.AfterFunc(ttl-1, bot.Reconnect)
			},
			known: map[time.Duration]int{ttl - 1: 1, ttl: 1, time.Hour: 1},
		},
		"with a break when it is back late": {
			cut: func(w *world, bot *memory.Broker, stop func()) {
				bot.Disconnect(nil)
				time.AfterFunc(time.Minute, bot.Reconnect)
			},
			known: map[time.Duration]int{ttl: 0, time.Minute: 1, time.Hour: 1},
		},
		"for their TTL when they end meanwhile": {
			cut:   func(w *world, bot *memory.Broker, stop func()) { bot.Disconnect(nil); stop() },
			known: map[time.Duration]int{0: 1, ttl - 1: 1, ttl: 0},
		},
		"not at all when it was closed": {
			cut:   func(w *world, bot *memory.Broker, stop func()) { bot.Close() },
			known: map[time.Duration]int{0: 0, time.Hour: 0},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				bot := w.Connect()
				defer bot.Close()
				stop := w.begin(func(ctx context.Context) error {
					return bot.Announce(ctx, transport.Announcement{Bot: "bot", Instance: "i"})
				})
				var known atomic.Int64
				w.begin(func(ctx context.Context) error {
					return w.Announcements(ctx, func(all []transport.Announcement) { known.Store(int64(len(all))) })
				})
				require.EqualValues(t, 1, known.Load())
				tt.cut(w, bot, stop)
				cut := time.Now()
				for _, at := range []time.Duration{0, ttl - 1, ttl, time.Minute, time.Hour} {
					pass(at - time.Since(cut))
					if want, ok := tt.known[at]; ok {
						require.EqualValues(t, want, known.Load(), "%v after the cut", at)
					}
				}
			})
		})
	}
}
