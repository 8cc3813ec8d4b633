package memory_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

var errCut = errors.New("cut by the test")

// texts returns what a subscriber saw: "gap N" with the epoch, and bodies.
func texts(batches *list[transport.Batch]) (all []string) {
	for _, batch := range batches.all() {
		if batch.Gap {
			all = append(all, "gap "+string(rune('0'+batch.Epoch)))
		}
		for _, event := range batch.Events {
			all = append(all, string(event.Body))
		}
	}
	return all
}

func TestDisconnect(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		other := w.Connect()
		defer other.Close()
		var seen list[transport.Status]
		w.begin(func(ctx context.Context) error { return w.Watch(ctx, seen.add) })
		batches, others := w.listen(w.Broker), w.listen(other)
		publish := func(b *memory.Broker, body string) error {
			defer synctest.Wait()
			return b.Publish(w.ctx, "store", "room", []byte(body))
		}
		w.serve(other, nil, answer)

		require.NoError(t, publish(w.Broker, "before"))
		w.Disconnect(errCut)
		w.Disconnect(errors.New("it is cut already"))
		require.Equal(t, transport.Status{State: transport.Down, Epoch: 1, Err: errCut}, w.Status())
		err := publish(w.Broker, "never")
		require.ErrorIs(t, err, transport.ErrUnavailable)
		require.ErrorIs(t, err, errCut)
		require.ErrorIs(t, w.send(w.Broker, "a", time.Second), transport.ErrUnavailable)
		require.NoError(t, publish(other, "meanwhile"))
		late := w.listen(w.Broker)
		require.Empty(t, texts(late))

		w.Reconnect()
		w.Reconnect()
		require.Equal(t, transport.Status{State: transport.Up, Epoch: 2}, w.Status())
		require.NoError(t, publish(w.Broker, "after"))
		require.NoError(t, w.send(w.Broker, "b", time.Second))
		require.Equal(t, []string{"gap 1", "before", "gap 2", "after"}, texts(batches))
		require.Equal(t, []string{"gap 2", "after"}, texts(late))
		require.Equal(t, []string{"gap 1", "before", "meanwhile", "after"}, texts(others))
		var states []transport.State
		for _, s := range seen.all() {
			states = append(states, s.State)
		}
		require.Equal(t, []transport.State{transport.Up, transport.Down, transport.Up}, states)
	})
}

// Events that wait for a subscriber when its connection breaks are lost, and
// it learns of that.
func TestDisconnectLosesEvents(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		release := make(chan struct{})
		var batches list[transport.Batch]
		w.begin(func(ctx context.Context) error {
			return w.Subscribe(ctx, "store", func(batch transport.Batch) {
				batches.add(batch)
				<-release
			})
		})
		require.NoError(t, w.Publish(w.ctx, "store", "room", []byte("lost")))
		require.Equal(t, 1, w.Stats().Events)
		w.Disconnect(nil)
		w.Reconnect()
		close(release)
		synctest.Wait()
		require.Equal(t, []string{"gap 1", "gap 2"}, texts(&batches))
		require.EqualValues(t, 1, w.Stats().EventsLost)
	})
}

// A request in a handler behind a broken connection goes to somebody else; the
// handler does not know, and its result is a repeat.
func TestDisconnectInHandler(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		bot := w.Connect()
		defer bot.Close()
		results := w.receive(w.Broker)
		var mu sync.Mutex
		attempts := make(map[string][]int)
		slow := func(name string, d time.Duration) func(context.Context, transport.Request) (transport.Result, error) {
			return func(_ context.Context, r transport.Request) (transport.Result, error) {
				mu.Lock()
				attempts[name] = append(attempts[name], r.Attempt)
				mu.Unlock()
				time.Sleep(d)
				return transport.Result{Body: []byte(name)}, nil
			}
		}
		w.serve(bot, nil, slow("first", 10*time.Second))
		require.NoError(t, w.send(w.Broker, "a", time.Minute))
		w.serve(w.Broker, nil, slow("second", time.Second))

		bot.Disconnect(errCut)
		pass(time.Second)
		require.Equal(t, []transport.Result{{ID: "a", Store: "store", Bot: "bot", Body: []byte("second")}}, results.all())
		pass(9 * time.Second) // the first is done, and can't say so
		require.Len(t, results.all(), 1)
		bot.Reconnect()
		synctest.Wait()
		require.Len(t, results.all(), 2)
		require.Equal(t, transport.Result{ID: "a", Store: "store", Bot: "bot", Body: []byte("first")}, results.all()[1])
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, map[string][]int{"first": {1}, "second": {2}}, attempts)
		require.Zero(t, w.Stats().Working)
	})
}

// With nobody else to serve it, the request waits for the reconnect.
func TestDisconnectAlone(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		bot := w.Connect()
		defer bot.Close()
		var attempts list[int]
		w.serve(bot, &transport.WorkOptions{MaxAttempts: 3}, func(ctx context.Context, r transport.Request) (transport.Result, error) {
			attempts.add(r.Attempt)
			<-ctx.Done()
			return transport.Result{}, ctx.Err()
		})
		require.NoError(t, w.send(w.Broker, "a", time.Minute))
		for range 2 {
			bot.Disconnect(nil)
			require.ErrorIs(t, w.send(w.Broker, "b", time.Minute), transport.ErrNoHandler)
			require.Equal(t, 1, w.Stats().Requests)
			bot.Reconnect()
			synctest.Wait()
		}
		require.Equal(t, []int{1, 2, 3}, attempts.all())
		bot.Disconnect(nil) // the third cut is one too many
		require.Len(t, w.DeadLetters(), 1)
		bot.Reconnect()
		pass(time.Hour)
		require.Len(t, attempts.all(), 3)
		require.Equal(t, memory.Stats{Workers: 1, DeadLetters: 1}, w.Stats())
	})
}

// A request that nobody is left to take expires as any other.
func TestDisconnectForGood(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		bot := w.Connect()
		defer bot.Close()
		w.serve(bot, nil, func(ctx context.Context, r transport.Request) (transport.Result, error) {
			<-ctx.Done()
			return transport.Result{}, ctx.Err()
		})
		require.NoError(t, w.send(w.Broker, "a", time.Minute))
		bot.Disconnect(nil)
		require.Equal(t, memory.Stats{Workers: 1, Requests: 1}, w.Stats())
		pass(time.Minute)
		require.Equal(t, memory.Stats{Workers: 1, RequestsExpired: 1}, w.Stats())
	})
}

// Who is cut off hears of no announcement until the connection is back.
func TestDisconnectedWatcher(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		cut := w.Connect()
		defer cut.Close()
		var seen list[int]
		watch := func(ctx context.Context) error {
			return cut.Announcements(ctx, func(all []transport.Announcement) { seen.add(len(all)) })
		}
		w.begin(watch)
		cut.Disconnect(nil)
		w.begin(func(ctx context.Context) error {
			return w.Announce(ctx, transport.Announcement{Bot: "bot", Instance: "i"})
		})
		w.begin(watch)
		require.Equal(t, []int{0}, seen.all())
		cut.Reconnect()
		synctest.Wait()
		require.Equal(t, []int{0, 1, 1}, seen.all())
	})
}

// A result in the hands of a receiver whose connection breaks is offered to
// somebody else.
func TestDisconnectInReceiver(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		chat := w.Connect()
		defer chat.Close()
		var first list[string]
		w.begin(func(ctx context.Context) error {
			return chat.Results(ctx, "store", func(_ context.Context, r transport.Result) error {
				first.add(r.ID)
				time.Sleep(time.Second)
				return nil
			})
		})
		w.serve(w.Broker, nil, answer)
		require.NoError(t, w.send(w.Broker, "a", time.Minute))
		require.Equal(t, []string{"a"}, first.all())
		chat.Disconnect(nil)
		require.Len(t, w.receive(w.Broker).all(), 1)
		pass(time.Minute)
		require.Equal(t, memory.Stats{Workers: 1, Receivers: 2}, w.Stats())
	})
}

func TestBlock(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		bot := w.Connect()
		defer bot.Close()
		batches, results := w.listen(bot), w.receive(w.Broker)
		w.serve(bot, nil, answer)
		bot.Block(errCut)
		require.Equal(t, transport.Status{State: transport.Blocked, Epoch: 1, Err: errCut}, bot.Status())
		require.ErrorIs(t, bot.Publish(w.ctx, "store", "room", nil), transport.ErrUnavailable)
		require.ErrorIs(t, w.send(bot, "a", time.Minute), transport.ErrUnavailable)

		require.NoError(t, w.Publish(w.ctx, "store", "room", []byte("deliveries go on")))
		require.NoError(t, w.send(w.Broker, "b", time.Minute))
		require.Equal(t, []string{"gap 1", "deliveries go on"}, texts(batches))
		require.Equal(t, 1, w.Stats().Working, "the result has to wait")
		require.Empty(t, results.all())
		bot.Unblock()
		synctest.Wait()
		require.Equal(t, transport.Status{State: transport.Up, Epoch: 1}, bot.Status())
		require.Len(t, results.all(), 1)

		bot.Block(nil)
		require.NoError(t, w.send(w.Broker, "c", time.Minute))
		pass(time.Hour)
		bot.Unblock()
		synctest.Wait()
		require.Len(t, results.all(), 1, "an answer is of no use after its time")
		require.EqualValues(t, 1, w.Stats().RequestsExpired)
	})
}

// Close does not wait for a broker that does not take results.
func TestCloseWhileCut(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		bot := w.Connect()
		w.serve(bot, nil, func(ctx context.Context, r transport.Request) (transport.Result, error) {
			time.Sleep(time.Second)
			return answer(ctx, r)
		})
		require.NoError(t, w.send(w.Broker, "a", time.Hour))
		bot.Disconnect(nil)
		start := time.Now()
		require.NoError(t, bot.Close())
		require.Equal(t, time.Second, time.Since(start))
		bot.Reconnect()
		require.Equal(t, transport.Status{State: transport.Down, Epoch: 1, Err: transport.ErrClosed}, bot.Status())
		require.Equal(t, 1, w.Stats().Requests)
	})
}

func TestLostEvents(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		batches := w.listen(w.Broker)
		publish := func(body string) {
			require.NoError(t, w.Publish(w.ctx, "store", "room", []byte(body)))
			synctest.Wait()
		}
		publish("one")
		w.DropEvents(2)
		publish("two")
		publish("three")
		publish("four")
		w.Gap()
		synctest.Wait()
		publish("five")
		require.Equal(t, []string{"gap 1", "one", "four", "gap 1", "five"}, texts(batches))
	})
}

// On a slow connection all comes, in order, and later; and who waits for it may
// leave.
func TestDelay(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		slow := w.Connect()
		defer slow.Close()
		var took list[time.Duration]
		begin := time.Now()
		w.serve(slow, nil, func(ctx context.Context, r transport.Request) (transport.Result, error) {
			took.add(time.Since(begin))
			require.Equal(t, time.Minute-2*time.Second, r.Timeout)
			return answer(ctx, r)
		})
		batches, results := w.listen(slow), w.receive(slow)
		slow.Delay(time.Second)
		require.NoError(t, w.send(slow, "a", time.Minute))
		require.Equal(t, time.Second, time.Since(begin))
		pass(time.Second)
		require.Equal(t, []time.Duration{2 * time.Second}, took.all())
		pass(time.Second)
		require.Len(t, results.all(), 1)
		for _, body := range []string{"one", "two"} {
			require.NoError(t, slow.Publish(w.ctx, "store", "room", []byte(body)))
		}
		pass(time.Second)
		require.Equal(t, []string{"gap 1", "one", "two"}, texts(batches))
		require.Equal(t, transport.Status{State: transport.Up, Epoch: 1}, slow.Status())

		ctx, cancel := context.WithTimeout(w.ctx, time.Millisecond)
		defer cancel()
		require.ErrorIs(t, slow.Publish(ctx, "store", "room", nil), context.DeadlineExceeded)
		require.ErrorIs(t, slow.Send(ctx, request("b", time.Minute)), context.DeadlineExceeded)
		late := make(chan error, 1)
		go func() { late <- slow.Send(w.ctx, request("c", time.Minute)) }()
		synctest.Wait()
		require.NoError(t, slow.Close())
		require.ErrorIs(t, <-late, transport.ErrClosed)
		require.Len(t, took.all(), 1)
	})
}

func TestFailingSends(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var handled list[string]
		w.serve(w.Broker, nil, func(ctx context.Context, r transport.Request) (transport.Result, error) {
			handled.add(r.ID)
			return answer(ctx, r)
		})
		w.FailSends(2, transport.ErrOverloaded)
		require.ErrorIs(t, w.send(w.Broker, "a", time.Minute), transport.ErrOverloaded)
		require.ErrorIs(t, w.send(w.Broker, "b", time.Minute), transport.ErrOverloaded)
		require.NoError(t, w.send(w.Broker, "c", time.Minute))
		w.LoseConfirms(1)
		require.ErrorIs(t, w.send(w.Broker, "d", time.Minute), transport.ErrUnknown)
		require.NoError(t, w.send(w.Broker, "d", time.Minute))
		require.Equal(t, []string{"c", "d", "d"}, handled.all())
	})
}
