package transporttest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/carlware/gochat/transport"
)

const (
	toldCut  = "a fault is told, holds nobody up and ends by itself: cut"
	lossCut  = "no accepted request is lost in a fault: cut"
	endsCut  = "calls end in a fault: cut"
	toldFull = "a fault is told, holds nobody up and ends by itself: blocked"
	toldSlow = "a fault is told, holds nobody up and ends by itself: slow"
	lossSlow = "no accepted request is lost in a fault: slow"
	leftCut  = countsGoroutines + " after a fault: cut"
)

var forgotten sync.Map // stores of an asker that was closed

var faultyFaults = []fault{
	{
		name: "hides that it is down", fails: toldCut, says: "Watch tells of the fault",
		wrap: func(b *broken) {
			b.watch = func(ctx context.Context, fn func(transport.Status)) error {
				return b.inner.Watch(ctx, func(s transport.Status) { s.State = transport.Up; fn(s) })
			}
		},
	}, {
		name: "hangs while it is down", fails: toldCut, says: "Send in a fault did not return",
		wrap: func(b *broken) {
			b.send = func(ctx context.Context, r transport.Request) error {
				if b.inner.Status().State != transport.Up {
					<-ctx.Done()
				}
				return b.inner.Send(ctx, r)
			}
		},
	}, {
		name: "takes requests while it is blocked", fails: toldFull, says: "Send in a fault returned <nil>",
		wrap: func(b *broken) {
			b.send = func(ctx context.Context, r transport.Request) error {
				if b.inner.Status().State == transport.Blocked {
					return nil
				}
				return b.inner.Send(ctx, r)
			}
		},
	}, {
		name: "has other errors while it is down", fails: toldCut, says: "Publish in a fault returned",
		wrap: func(b *broken) {
			b.publish = func(ctx context.Context, store, key string, body []byte) error {
				if err := b.inner.Publish(ctx, store, key, body); err != nil {
					return errors.New(err.Error())
				}
				return nil
			}
		},
	}, {
		name: "accepts requests while it is down", fails: lossCut, says: "every request that was accepted is answered",
		wrap: func(b *broken) {
			b.send = func(ctx context.Context, r transport.Request) error {
				if err := b.inner.Send(ctx, r); !errors.Is(err, transport.ErrUnavailable) {
					return err
				}
				return nil
			}
		},
	}, {
		name: "does not count an interrupted delivery", fails: lossCut, says: "with a higher Attempt",
		wrap: func(b *broken) {
			b.onWork(func(fn handler) handler {
				return func(ctx context.Context, r transport.Request) (transport.Result, error) {
					if b.breaks.Load() > 0 {
						r.Attempt = 1
					}
					return fn(ctx, r)
				}
			})
		},
	}, {
		name: "says that it is down when it is slow", fails: toldSlow, says: "on a connection that was only slow",
		wrap: func(b *broken) {
			b.watch = func(ctx context.Context, fn func(transport.Status)) error {
				return b.inner.Watch(ctx, func(s transport.Status) {
					fn(transport.Status{State: transport.Down, Epoch: s.Epoch})
					fn(s)
				})
			}
		},
	}, {
		name: "goes back in its epochs", fails: toldCut, says: "the epoch went back",
		wrap: func(b *broken) {
			b.watch = func(ctx context.Context, fn func(transport.Status)) error {
				return b.inner.Watch(ctx, func(s transport.Status) {
					if s.State == transport.Down {
						s.Epoch--
					}
					fn(s)
				})
			}
		},
	}, {
		name: "gives up sending when it is slow", fails: toldSlow, says: "Send or Publish on a slow connection returned",
		wrap: func(b *broken) {
			b.send = func(ctx context.Context, r transport.Request) error {
				if b.breaks.Load() > 0 {
					return transport.ErrUnavailable
				}
				return b.inner.Send(ctx, r)
			}
		},
	}, {
		name: "loses events when it is slow", fails: lossSlow, says: "was due, on a connection that was only slow",
		wrap: func(b *broken) {
			b.onBatch(func(batch transport.Batch) transport.Batch {
				batch.Events = slices.DeleteFunc(batch.Events, func(e transport.Event) bool { return number(e.Body) == 3 })
				return batch
			})
		},
	}, {
		name: "has a Gap for each batch", fails: lossSlow, says: "has a Gap, on a connection that was only slow",
		wrap: func(b *broken) {
			b.onBatch(func(batch transport.Batch) transport.Batch { batch.Gap = true; return batch })
		},
	}, {
		name: "leaves a goroutine after a fault", fails: leftCut, says: "1 goroutines are left",
		wrap: func(b *broken) {
			b.close = func() error {
				if b.breaks.Load() > 0 {
					go func() { <-leaked }()
				}
				return b.inner.Close()
			}
		},
	}, {
		name: "can't be closed in a fault", fails: endsCut, says: "Close in a fault: unexpected EOF",
		wrap: func(b *broken) {
			b.close = func() error {
				if err := b.inner.Close(); err != nil || b.breaks.Load() == 0 {
					return err
				}
				return errCut
			}
		},
	}, {
		name: "sends late results twice", fails: "a result that comes late comes once or not at all", says: "is delivered twice",
		wrap: func(b *broken) {
			b.onResult(func(fn receive) receive {
				return func(ctx context.Context, r transport.Result) error {
					_ = fn(ctx, r)
					return fn(ctx, r)
				}
			})
			b.onWork(func(fn handler) handler { // and in time, so that it counts as one
				return func(ctx context.Context, r transport.Request) (transport.Result, error) {
					early, cancel := context.WithCancel(ctx)
					cancel()
					return fn(early, r)
				}
			})
		},
	}, {
		name: "forgets results with their asker", fails: "a result outlives who asked", says: "although its asker is gone",
		wrap: func(b *broken) {
			var sent list[string]
			b.send = func(ctx context.Context, r transport.Request) error {
				sent.add(r.Store)
				return b.inner.Send(ctx, r)
			}
			b.close = func() error {
				for _, store := range sent.all() {
					forgotten.Store(store, true)
				}
				return b.inner.Close()
			}
			b.results = func(ctx context.Context, store string, fn func(context.Context, transport.Result) error) error {
				if _, gone := forgotten.Load(store); gone {
					<-ctx.Done()
					return nil
				}
				return b.inner.Results(ctx, store, fn)
			}
		},
	}, {
		name: "calls a subscription that has ended", fails: "a subscription that has ended is not called", says: "after Subscribe has returned",
		wrap: func(b *broken) {
			b.subscribe = func(ctx context.Context, store string, fn func(transport.Batch)) error {
				running, cancel := context.WithCancel(context.WithoutCancel(ctx))
				ended := make(chan error, 1)
				go func() { ended <- b.inner.Subscribe(running, store, fn) }()
				b.late.add(cancel)
				select {
				case <-ctx.Done():
					return nil
				case err := <-ended:
					return err
				}
			}
			b.close = func() error {
				for _, cancel := range b.late.all() {
					cancel()
				}
				return b.inner.Close()
			}
		},
	},
}
