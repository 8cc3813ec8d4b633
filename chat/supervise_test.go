package chat_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport"
	broker "github.com/carlware/gochat/transport/memory"
)

// ending is a broker whose loops end at once, for a while.
type ending struct {
	transport.Broker
	began, until time.Time

	mu    sync.Mutex
	tries map[string][]time.Duration
}

func (b *ending) try(what string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tries[what] = append(b.tries[what], time.Since(b.began))
	if time.Now().Before(b.until) {
		return errors.New("it has ended")
	}
	return nil
}

func (b *ending) Subscribe(ctx context.Context, store string, fn func(transport.Batch)) error {
	if err := b.try("events"); err != nil {
		return err
	}
	return b.Broker.Subscribe(ctx, store, fn)
}

func (b *ending) Announcements(ctx context.Context, fn func([]transport.Announcement)) error {
	if err := b.try("bots"); err != nil {
		return err
	}
	return b.Broker.Announcements(ctx, fn)
}

func (b *ending) Results(ctx context.Context, store string, fn func(context.Context, transport.Result) error) error {
	if err := b.try("results"); err != nil {
		return err
	}
	return b.Broker.Results(ctx, store, fn)
}

// A node goes on listening to a broker that has sent it away.
func TestLoopsOfTheBrokerBeginAgainAfterASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := broker.New(&broker.Options{Logger: quiet})
		defer bus.Close()
		b := &ending{Broker: bus, began: time.Now(), until: time.Now().Add(1500 * time.Millisecond), tries: map[string][]time.Duration{}}
		n, err := chat.New(&chat.Options{Broker: b, Logger: quiet})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []time.Duration{0, time.Second, 2 * time.Second}
		require.Equal(t, map[string][]time.Duration{"events": want, "bots": want, "results": want}, b.tries)
		require.NoError(t, n.Ready(t.Context()))
		require.NoError(t, n.Shutdown(t.Context()))
	})
}

// Who ends a node need not wait until it would have listened again.
func TestShutdownWhileTheBrokerSendsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := broker.New(&broker.Options{Logger: quiet})
		defer bus.Close()
		b := &ending{Broker: bus, began: time.Now(), until: time.Now().Add(time.Hour), tries: map[string][]time.Duration{}}
		n, err := chat.New(&chat.Options{Broker: b, Logger: quiet})
		require.NoError(t, err)
		time.Sleep(10500 * time.Millisecond)
		synctest.Wait()
		began := time.Now()
		require.NoError(t, n.Shutdown(t.Context()))
		require.Zero(t, time.Since(began))
		require.Len(t, b.tries["events"], 11)
	})
}
