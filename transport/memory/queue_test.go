package memory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// Who leaves is forgotten.
func TestNothingIsLeft(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		stops := []func(){
			w.begin(func(ctx context.Context) error { return w.Subscribe(ctx, "store", func(transport.Batch) {}) }),
			w.begin(func(ctx context.Context) error {
				return w.Results(ctx, "store", func(context.Context, transport.Result) error { return nil })
			}),
			w.serve(w.Broker, nil, answer),
		}
		require.NoError(t, w.send(w.Broker, "a", time.Hour))
		require.Equal(t, memory.Stats{Subscribers: 1, Workers: 1, Receivers: 1}, w.Stats())
		for _, stop := range stops {
			stop()
		}
		require.Equal(t, memory.Stats{}, w.Stats())
		require.Zero(t, w.Entries())
	})
}

func TestFullQueueOfRequests(t *testing.T) {
	tests := map[string]struct {
		o    memory.Options
		fits int // requests of 16 KiB beside the one being handled
	}{
		"by number": {memory.Options{Requests: 3}, 3},
		"by bytes":  {memory.Options{QueueBytes: transport.MaxBody}, 8},
		"defaults":  {memory.Options{}, 1024},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &tt.o, func(w *world) {
				release := make(chan struct{})
				w.serve(w.Broker, &transport.WorkOptions{Concurrency: 1}, func(ctx context.Context, r transport.Request) (transport.Result, error) {
					<-release
					return transport.Result{}, nil
				})
				r := request("a", time.Hour)
				r.Body = make([]byte, 16<<10)
				for range tt.fits + 1 {
					require.NoError(t, w.Send(w.ctx, r))
				}
				require.ErrorIs(t, w.Send(w.ctx, r), transport.ErrOverloaded)
				require.Equal(t, memory.Stats{Workers: 1, Working: 1, Requests: tt.fits}, w.Stats())
				close(release)
				synctest.Wait()
				require.NoError(t, w.Send(w.ctx, r))
				require.NoError(t, w.Send(w.ctx, r))
			})
		})
	}
}

// A result that has no place is not done: the request comes again, and when it
// came too often it can be found.
func TestFullQueueOfResults(t *testing.T) {
	inWorld(t, &memory.Options{Results: 1}, func(w *world) {
		w.serve(w.Broker, nil, answer)
		require.NoError(t, w.send(w.Broker, "a", time.Hour))
		require.NoError(t, w.send(w.Broker, "b", time.Hour))
		require.NoError(t, w.send(w.Broker, "c", time.Hour))
		pass(10 * time.Millisecond / 2)
		require.Equal(t, memory.Stats{Workers: 1, Requests: 2, Results: 1}, w.Stats())
		pass(time.Minute)
		require.Len(t, w.DeadLetters(), 2)
		require.ErrorIs(t, w.DeadLetters()[0].Err, transport.ErrOverloaded)
		require.Equal(t, "a", w.receive(w.Broker).all()[0].ID)
	})
}

func TestHandlersThatDoNotReturn(t *testing.T) {
	tests := map[string]struct {
		end  func()
		says string
	}{
		"panic":  {func() { panic("a bug") }, "a bug"},
		"Goexit": {runtime.Goexit, "ended its goroutine"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.serve(w.Broker, &transport.WorkOptions{Concurrency: 1, MaxAttempts: 2}, func(ctx context.Context, r transport.Request) (transport.Result, error) {
					if r.ID == "bad" {
						tt.end()
					}
					return answer(ctx, r)
				})
				var offers list[string]
				w.begin(func(ctx context.Context) error {
					return w.Results(ctx, "store", func(_ context.Context, r transport.Result) error {
						if offers.add(r.ID); len(offers.all()) < 3 {
							tt.end()
						}
						return nil
					})
				})
				require.NoError(t, w.send(w.Broker, "bad", time.Hour))
				require.NoError(t, w.send(w.Broker, "good", time.Hour))
				pass(time.Minute)
				require.Len(t, w.DeadLetters(), 1)
				require.ErrorContains(t, w.DeadLetters()[0].Err, tt.says)
				require.Equal(t, []string{"good", "good", "good"}, offers.all())
				require.Equal(t, memory.Stats{Workers: 1, Receivers: 1, DeadLetters: 1}, w.Stats())
			})
		})
	}
}

// A receiver that stops does not wait for a store that is away.
func TestReceiverStops(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		begun := time.Now()
		stop := w.begin(func(ctx context.Context) error {
			return w.Results(ctx, "store", func(ctx context.Context, r transport.Result) error {
				<-ctx.Done()
				return ctx.Err()
			})
		})
		w.serve(w.Broker, nil, answer)
		require.NoError(t, w.send(w.Broker, "a", time.Hour))
		require.Equal(t, 1, w.Stats().Receiving)
		stop()
		require.Equal(t, memory.Stats{Workers: 1, Results: 1}, w.Stats())
		require.Equal(t, begun, time.Now())
	})
}

func TestRejectedResults(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.begin(func(ctx context.Context) error {
			return w.Results(ctx, "store", func(context.Context, transport.Result) error {
				return transport.Reject(errors.New("nobody knows this call"))
			})
		})
		w.serve(w.Broker, nil, answer)
		require.NoError(t, w.send(w.Broker, "a", time.Hour))
		require.Equal(t, memory.Stats{Workers: 1, Receivers: 1, ResultsRejected: 1}, w.Stats())
	})
}

func TestResultIsNamedAfterItsRequest(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		results := w.receive(w.Broker)
		w.serve(w.Broker, nil, func(context.Context, transport.Request) (transport.Result, error) {
			return transport.Result{ID: "another", Store: "another", Bot: "another"}, nil
		})
		require.NoError(t, w.send(w.Broker, "a", time.Hour))
		require.Equal(t, []transport.Result{{ID: "a", Store: "store", Bot: "bot"}}, results.all())
	})
}

func TestResultTooLarge(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		attempts := 0
		w.serve(w.Broker, nil, func(context.Context, transport.Request) (transport.Result, error) {
			attempts++
			return transport.Result{Body: make([]byte, transport.MaxBody+1)}, nil
		})
		require.NoError(t, w.send(w.Broker, "a", time.Hour))
		pass(time.Minute)
		require.Equal(t, 1, attempts, "it would be no smaller the next time")
		require.ErrorIs(t, w.DeadLetters()[0].Err, transport.ErrTooLarge)
	})
}

func TestDeadLettersAreBounded(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve(w.Broker, &transport.WorkOptions{MaxAttempts: 1}, fail)
		for i := range 1001 {
			require.NoError(t, w.send(w.Broker, fmt.Sprint(i), time.Hour))
		}
		dead := w.DeadLetters()
		require.Len(t, dead, 1000)
		require.Equal(t, "1", dead[0].Request.ID)
		require.Equal(t, "1000", dead[999].Request.ID)
		require.EqualValues(t, 1001, w.Stats().DeadLetters)

		clear(dead[0].Request.Body)
		require.True(t, bytes.HasPrefix(w.DeadLetters()[0].Request.Body, []byte("body")), "the caller owns what it got")
	})
}

// Workers with a free handler take turns.
func TestWorkersTakeTurns(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var took list[int]
		for i := range 3 {
			w.serve(w.Broker, nil, func(ctx context.Context, r transport.Request) (transport.Result, error) {
				took.add(i)
				return answer(ctx, r)
			})
		}
		for range 6 {
			require.NoError(t, w.send(w.Broker, "a", time.Hour))
		}
		require.Equal(t, []int{0, 1, 2, 0, 1, 2}, took.all())
	})
}

// Of an instance that announces twice the later word counts, and the earlier
// one again when that ends.
func TestAnnouncedTwice(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		announce := func(body string) (stop func()) {
			return w.begin(func(ctx context.Context) error {
				return w.Announce(ctx, transport.Announcement{Bot: "bot", Instance: "i", Body: []byte(body)})
			})
		}
		var said list[string]
		w.begin(func(ctx context.Context) error {
			return w.Announcements(ctx, func(all []transport.Announcement) {
				bodies := ""
				for _, a := range all {
					bodies += string(a.Body)
				}
				said.add(bodies)
			})
		})
		announce("one")
		stop := announce("two")
		stop()
		require.Equal(t, []string{"", "one", "two", "one"}, said.all())
	})
}
