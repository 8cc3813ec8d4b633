package transporttest

import (
	"context"
	"errors"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

var errCut = errors.New("unexpected EOF")

// leaked ends the goroutines that were left on purpose.
var leaked chan struct{}

var faultyLives = []fault{
	{
		name: "does not tell its status", fails: "status says what is", says: "Watch calls fn",
		wrap: func(b *broken) {
			b.watch = func(ctx context.Context, _ func(transport.Status)) error {
				return b.inner.Watch(ctx, func(transport.Status) {})
			}
		},
	}, {
		name: "returns the error of the context", fails: "a cancelled call returns nil", says: "context canceled when its context ended, not nil",
		wrap: func(b *broken) {
			b.subscribe = func(ctx context.Context, store string, fn func(transport.Batch)) error {
				if err := b.inner.Subscribe(ctx, store, fn); err != nil {
					return err
				}
				return ctx.Err()
			}
		},
	}, {
		name: "does not listen to the context", fails: "a cancelled call returns nil", says: "Results did not return",
		wrap: func(b *broken) {
			b.results = func(ctx context.Context, store string, fn func(context.Context, transport.Result) error) error {
				return b.inner.Results(context.WithoutCancel(ctx), store, fn)
			}
		},
	}, {
		name: "does not say that it was closed", fails: "Close ends calls with ErrClosed", says: "Announce returned <nil>",
		wrap: func(b *broken) {
			b.announce = func(ctx context.Context, a transport.Announcement) error {
				b.inner.Announce(ctx, a)
				return nil
			}
		},
	}, {
		name: "closes without its handlers", fails: "Close waits for handlers", says: "Close returns while a handler",
		wrap: func(b *broken) {
			b.close = func() error {
				go b.inner.Close()
				return nil
			}
		},
	}, {
		name: "can't be closed twice", fails: "a closed broker says ErrClosed", says: "Close, call 2",
		wrap: func(b *broken) {
			closed := false
			b.close = func() error {
				if closed {
					return errors.New("closed already")
				}
				closed = true
				return b.inner.Close()
			}
		},
	}, {
		name: "has another error when it is closed", fails: "a closed broker says ErrClosed", says: "Publish on a closed broker returned",
		wrap: func(b *broken) {
			b.publish = func(ctx context.Context, store, key string, body []byte) error {
				if err := b.inner.Publish(ctx, store, key, body); err != nil {
					return transport.ErrUnavailable
				}
				return nil
			}
		},
	}, {
		name: "leaves a goroutine", fails: countsGoroutines, says: "1 goroutines are left",
		wrap: func(*broken) {
			end := leaked
			go func() { <-end }()
		},
	}, {
		name: "does not count epochs", fails: "the epoch grows when a connection is made anew", says: "up in a new epoch",
		wrap:   asIs,
		change: func(_ *memory.Options, o *Options) { o.Break = func(transport.Broker) {} },
	}, {
		name: "does not tell of a new epoch", fails: "the epoch grows when a connection is made anew", says: "the status of the new epoch",
		wrap: func(b *broken) {
			b.watch = func(ctx context.Context, fn func(transport.Status)) error {
				return b.inner.Watch(ctx, func(s transport.Status) {
					if s.Epoch == 1 {
						fn(s)
					}
				})
			}
		},
	}, {
		name: "hides that a connection broke", fails: "subscriptions outlive a broken connection", says: "has no Gap",
		wrap: func(b *broken) {
			b.onBatch(func(batch transport.Batch) transport.Batch {
				batch.Gap = batch.Gap && batch.Epoch == 1
				return batch
			})
		},
	}, {
		name: "ends a subscription with its connection", fails: "subscriptions outlive a broken connection", says: "a batch of the new epoch",
		wrap: func(b *broken) {
			b.subscribe = func(ctx context.Context, store string, fn func(transport.Batch)) error {
				return b.inner.Subscribe(ctx, store, func(batch transport.Batch) {
					if batch.Epoch == 1 {
						fn(batch)
					}
				})
			}
		},
	}, {
		name: "loses a request with its connection", fails: "no accepted request is lost with a connection", says: "every request that was accepted",
		wrap: func(b *broken) {
			lost := false
			b.send = func(ctx context.Context, r transport.Request) error {
				if b.breaks.Load() > 0 && !lost {
					lost = true
					return nil
				}
				return b.inner.Send(ctx, r)
			}
		},
	}, {
		name: "forgets an announcement with its connection", fails: "announcements outlive a broken connection", says: "the last call had",
		wrap: func(b *broken) {
			b.announce = func(ctx context.Context, a transport.Announcement) error {
				if err := b.untilBroken(ctx, func(ctx context.Context) error { return b.inner.Announce(ctx, a) }); err != errCut {
					return err
				}
				<-ctx.Done()
				return nil
			}
		},
	}, {
		name: "can't be closed while it is broken", fails: "calls end while the connection is broken", says: "Close: unexpected EOF",
		wrap: func(b *broken) {
			b.close = func() error {
				if err := b.inner.Close(); err != nil || b.breaks.Load() == 0 {
					return err
				}
				return errCut
			}
		},
	},
}

// untilBroken runs a call that ends with errCut when the connection does.
func (b *broken) untilBroken(ctx context.Context, call func(context.Context) error) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	cut := false
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		b.inner.Watch(inner, func(s transport.Status) {
			if s.Epoch > 1 || s.State == transport.Down {
				cut = true
				cancel()
			}
		})
	}()
	err := call(inner)
	cancel()
	<-watching
	if cut && ctx.Err() == nil {
		return errCut
	}
	return err
}
