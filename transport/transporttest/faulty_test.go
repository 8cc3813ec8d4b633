package transporttest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// faulty are brokers that break one rule each.
var faulty = slices.Concat(faultyEvents, faultyRequests, faultyResults, faultyAnnouncements, faultyLives, faultyFaults)

type fault struct {
	name   string
	fails  string // the case that has to notice
	says   string // part of what it says
	wrap   func(*broken)
	change func(*memory.Options, *Options)
}

func asIs(*broken) {}

var errWould = errors.New("this would block for ever")

var faultyEvents = []fault{
	{
		name: "loses an event", fails: "every subscriber of a store gets every event", says: "has all 100 events",
		wrap: func(b *broken) {
			b.publish = func(ctx context.Context, store, key string, body []byte) error {
				if string(body) == "event 57" {
					return nil
				}
				return b.inner.Publish(ctx, store, key, body)
			}
		},
	}, {
		name: "delivers an event twice", fails: "every subscriber of a store gets every event", says: "want each of",
		wrap: func(b *broken) {
			b.publish = func(ctx context.Context, store, key string, body []byte) error {
				if string(body) == "event 57" {
					b.inner.Publish(ctx, store, key, body)
				}
				return b.inner.Publish(ctx, store, key, body)
			}
		},
	}, {
		name: "takes stores for patterns", fails: "no subscriber of another store gets an event", says: "got an event of store",
		wrap: func(b *broken) {
			b.publish = func(ctx context.Context, store, key string, body []byte) error {
				if base, ok := strings.CutSuffix(store, ".a"); ok {
					b.inner.Publish(ctx, base+".*", key, body)
				}
				return b.inner.Publish(ctx, store, key, body)
			}
		},
	}, {
		name: "begins without a gap", fails: "the first batch is a gap", says: "without Gap",
		wrap: func(b *broken) {
			b.onBatch(func(batch transport.Batch) transport.Batch { batch.Gap = false; return batch })
		},
	}, {
		name: "has epochs of its own in batches", fails: "the first batch is a gap", says: "Status has 1",
		wrap: func(b *broken) {
			b.onBatch(func(batch transport.Batch) transport.Batch { batch.Epoch += 7; return batch })
		},
	}, {
		name: "says it is live before it is", fails: "a subscription is live at its first batch", says: "published right after its first batch",
		wrap: func(b *broken) {
			b.subscribe = func(ctx context.Context, store string, fn func(transport.Batch)) error {
				fn(transport.Batch{Epoch: 1, Gap: true})
				time.Sleep(20 * time.Millisecond)
				return b.inner.Subscribe(ctx, store, fn)
			}
		},
	}, {
		name: "lets the publisher wait for subscribers", fails: "a slow subscriber does not slow the publisher", says: "Publish returns although a subscriber is slow",
		wrap: func(b *broken) {
			var inside atomic.Int64
			b.subscribe = func(ctx context.Context, store string, fn func(transport.Batch)) error {
				return b.inner.Subscribe(ctx, store, func(batch transport.Batch) {
					inside.Add(1)
					defer inside.Add(-1)
					fn(batch)
				})
			}
			b.publish = func(ctx context.Context, store, key string, body []byte) error {
				for inside.Load() > 0 && b.inner.Status().State == transport.Up {
					pause()
				}
				return b.inner.Publish(ctx, store, key, body)
			}
		},
	}, {
		name: "hides what was lost", fails: "a slow subscriber does not slow the publisher", says: "without a Gap before it",
		wrap: func(b *broken) {
			b.onBatch(func(batch transport.Batch) transport.Batch { batch.Gap = len(batch.Events) == 0; return batch })
		},
	}, {
		name: "queues events without bound", fails: "a slow subscriber does not slow the publisher", says: "its queue is not bounded",
		wrap:   asIs,
		change: func(mo *memory.Options, _ *Options) { mo.Events = 1 << 20 },
	}, {
		name: "holds a lock while a subscriber runs", fails: "callbacks may use the broker", says: "within a Subscribe callback",
		wrap: func(b *broken) {
			var inside atomic.Int64
			b.subscribe = func(ctx context.Context, store string, fn func(transport.Batch)) error {
				return b.inner.Subscribe(ctx, store, func(batch transport.Batch) {
					inside.Add(1)
					defer inside.Add(-1)
					fn(batch)
				})
			}
			b.publish = func(ctx context.Context, store, key string, body []byte) error {
				if inside.Load() > 0 {
					return errWould
				}
				return b.inner.Publish(ctx, store, key, body)
			}
		},
	}, {
		name: "swaps events", fails: "events of one publisher and key keep their order", says: "came after event",
		wrap: func(b *broken) {
			var mu sync.Mutex
			held := make(map[string][]byte)
			b.publish = func(ctx context.Context, store, key string, body []byte) error {
				mu.Lock()
				before := held[key]
				if delete(held, key); before == nil {
					held[key] = append([]byte(nil), body...)
				}
				mu.Unlock()
				if before == nil {
					return nil
				}
				b.inner.Publish(ctx, store, key, body)
				return b.inner.Publish(ctx, store, key, before)
			}
		},
	}, {
		name: "calls a subscriber concurrently", fails: "a subscriber gets one batch at a time", says: "while another call was running",
		wrap: func(b *broken) {
			b.subscribe = func(ctx context.Context, store string, fn func(transport.Batch)) error {
				var wg sync.WaitGroup
				defer wg.Wait()
				return b.inner.Subscribe(ctx, store, func(batch transport.Batch) { wg.Go(func() { fn(batch) }) })
			}
		},
	}, {
		name: "publishes later what it was given", fails: "a published body may be used again", says: "whose buffer was used again",
		wrap: func(b *broken) {
			type event struct {
				store, key string
				body       []byte
			}
			var held []event
			b.publish = func(ctx context.Context, store, key string, body []byte) error {
				if held = append(held, event{store, key, body}); len(held) < 100 {
					return nil
				}
				for _, event := range held {
					b.inner.Publish(ctx, event.store, event.key, event.body)
				}
				return nil
			}
		},
	}, {
		name: "gives one body to all subscribers", fails: "event bodies belong to the callback", says: "a body changes after the callback got it",
		wrap: func(b *broken) {
			bodies := newShared()
			var subscribers atomic.Int64
			b.subscribe = func(ctx context.Context, store string, fn func(transport.Batch)) error {
				second := subscribers.Add(1) > 1
				return b.inner.Subscribe(ctx, store, func(batch transport.Batch) {
					if !second {
						time.Sleep(5 * time.Millisecond)
					}
					for _, event := range batch.Events {
						bodies.deliver(string(event.Body), event.Body, func(body []byte) {
							fn(transport.Batch{Epoch: batch.Epoch, Events: []transport.Event{{Key: event.Key, Body: body}}})
						})
					}
					if batch.Gap {
						fn(batch)
					}
				})
			}
		},
	}, {
		name: "cuts keys", fails: "the longest names and largest bodies pass", says: "with key",
		wrap: func(b *broken) {
			b.publish = func(ctx context.Context, store, key string, body []byte) error {
				return b.inner.Publish(ctx, store, key[:min(len(key), 100)], body)
			}
		},
	}, {
		name: "drops empty events", fails: "empty bodies pass", says: "the event arrives",
		wrap: func(b *broken) {
			b.publish = func(ctx context.Context, store, key string, body []byte) error {
				if len(body) == 0 {
					return nil
				}
				return b.inner.Publish(ctx, store, key, body)
			}
		},
	}, {
		name: "takes bodies for text", fails: "bodies are bytes", says: "an event of 256 bytes",
		wrap: func(b *broken) {
			b.publish = func(ctx context.Context, store, key string, body []byte) error {
				return b.inner.Publish(ctx, store, key, []byte(strings.ToValidUTF8(string(body), "?")))
			}
		},
	}, {
		name: "has other errors for what is too large", fails: "too large is refused", says: "Publish with a large body returned",
		wrap: func(b *broken) {
			b.publish = func(ctx context.Context, store, key string, body []byte) error {
				if err := b.inner.Publish(ctx, store, key, body); err != nil {
					return errors.New(err.Error())
				}
				return nil
			}
		},
	},
}
