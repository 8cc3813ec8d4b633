package rabbitmq

import (
	"context"
	"testing"
	"time"

	"github.com/carlware/gochat/transport"
)

// Cut closes the sockets of b's connections.
func Cut(b *Broker) {
	b.mu.Lock()
	s := b.session
	b.mu.Unlock()
	if s != nil {
		s.cut()
	}
}

// Submit publishes a request to whoever has bound a queue with key, and waits
// for its confirmation.
func Submit(ctx context.Context, b *Broker, key string, body []byte) error {
	q := queue{exchange: b.top.commands, key: key}
	r := transport.Request{ID: "id", Store: "store", Body: body}
	return b.await(ctx).work.submit(ctx, requestMessage(&q, r, time.Minute, time.Now()))
}

// Window is how many requests and results may be unconfirmed, Unconfirmed how
// many are.
const Window = window

func Unconfirmed(b *Broker) int { return int(b.await(context.Background()).work.pending.Load()) }

// Returned says whether Submit found no queue.
func Returned(err error) bool { return err == errReturned }

// DeclareCommand and DeclareResults make queues as the broker does, and return
// their names.
func DeclareCommand(b *Broker, bot, command string) (string, error) {
	q := b.top.commandQueue(bot, command)
	ctx := context.Background()
	return q.name, b.await(ctx).admin(ctx, func(a *admin) error { return a.queue(q) })
}

func DeclareResults(b *Broker, store string) (string, error) {
	q := b.top.resultQueue(store)
	ctx := context.Background()
	return q.name, b.await(ctx).admin(ctx, func(a *admin) error { return a.queue(q) })
}

// ShortSlowPause has refusals tried again soon. No broker may be open when it is
// called, nor when the test ends.
func ShortSlowPause(t testing.TB) {
	was := slowPause
	slowPause = 400 * time.Millisecond
	t.Cleanup(func() { slowPause = was })
}
