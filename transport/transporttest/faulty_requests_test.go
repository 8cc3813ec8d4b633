package transporttest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

var faultyRequests = []fault{
	{
		name: "lets a worker choose its name", fails: "a request and its result arrive as they were sent", says: `bot "forged"`,
		wrap: func(b *broken) {
			b.onResult(func(fn receive) receive {
				return func(ctx context.Context, r transport.Result) error {
					r.Bot = "forged"
					return fn(ctx, r)
				}
			})
		},
	}, {
		name: "counts attempts from 0", fails: "a request and its result arrive as they were sent", says: "Attempt 0",
		wrap: func(b *broken) {
			b.onWork(func(fn handler) handler {
				return func(ctx context.Context, r transport.Request) (transport.Result, error) {
					r.Attempt--
					return fn(ctx, r)
				}
			})
		},
	}, {
		name: "gives a request to two workers", fails: "each request goes to one worker", says: "was handled 2 times",
		wrap: func(b *broken) {
			b.send = func(ctx context.Context, r transport.Request) error {
				if err := b.inner.Send(ctx, r); err != nil {
					return err
				}
				b.inner.Send(ctx, r)
				return nil
			}
		},
	}, {
		name: "accepts what nobody serves", fails: "no worker is an error at once", says: "want ErrNoHandler",
		wrap: func(b *broken) {
			b.send = func(ctx context.Context, r transport.Request) error {
				if err := b.inner.Send(ctx, r); !errors.Is(err, transport.ErrNoHandler) {
					return err
				}
				return nil
			}
		},
	}, {
		name: "does not notice that a worker left", fails: "no worker is an error at once", says: "after the last worker has left",
		wrap: func(b *broken) {
			var served sync.Map
			b.send = func(ctx context.Context, r transport.Request) error {
				err := b.inner.Send(ctx, r)
				if err == nil {
					served.Store(r.Bot+r.Command, true)
				}
				if _, ok := served.Load(r.Bot + r.Command); ok {
					return nil
				}
				return err
			}
		},
	}, {
		name: "mixes up results", fails: "results find their requests", says: "the result of request",
		wrap: func(b *broken) {
			var mu sync.Mutex
			var before []byte
			b.onResult(func(fn receive) receive {
				return func(ctx context.Context, r transport.Result) error {
					mu.Lock()
					r.Body, before = before, r.Body
					mu.Unlock()
					return fn(ctx, r)
				}
			})
		},
	}, {
		name: "drops repeats", fails: "the same ID twice is handled twice", says: "has two results",
		wrap: func(b *broken) {
			var sent sync.Map
			b.send = func(ctx context.Context, r transport.Request) error {
				if _, ok := sent.Load(r.ID); ok {
					return nil
				}
				err := b.inner.Send(ctx, r)
				if err == nil {
					sent.Store(r.ID, true)
				}
				return err
			}
		},
	}, {
		name: "runs too many handlers", fails: "Concurrency handlers at once", says: "more than four handlers",
		wrap: func(b *broken) { b.onOptions(func(o *transport.WorkOptions) { o.Concurrency++ }) },
	}, {
		name: "runs one handler at a time", fails: "Concurrency handlers at once", says: "four handlers run at once",
		wrap: func(b *broken) { b.onOptions(func(o *transport.WorkOptions) { o.Concurrency = 1 }) },
	}, {
		name: "sends until it is handled", fails: "Send does not wait for the handler", says: "did not return",
		wrap: func(b *broken) {
			b.send = func(ctx context.Context, r transport.Request) error {
				if err := b.inner.Send(ctx, r); err != nil {
					return err
				}
				for b.inner.Stats().Working > 0 {
					pause()
				}
				return nil
			}
		},
	}, {
		name: "queues requests without bound", fails: "a full queue refuses", says: "the queue is not bounded",
		wrap:   asIs,
		change: func(mo *memory.Options, _ *Options) { mo.Requests = 1 << 20 },
	}, {
		name: "refuses and sends", fails: "a full queue refuses", says: "a request that was refused is handled",
		wrap: func(b *broken) {
			var n atomic.Int64
			b.send = func(ctx context.Context, r transport.Request) error {
				err := b.inner.Send(ctx, r)
				if err == nil && n.Add(1) == 10 {
					err = transport.ErrOverloaded
				}
				return err
			}
		},
	}, {
		name: "sends what was cancelled", fails: "a cancelled Send sends nothing", says: "want context.Canceled",
		wrap: func(b *broken) {
			b.send = func(ctx context.Context, r transport.Request) error {
				return b.inner.Send(context.WithoutCancel(ctx), r)
			}
		},
	}, {
		name: "does not count attempts", fails: "an error brings the request again", says: "attempts do not grow",
		wrap: func(b *broken) {
			b.onWork(func(fn handler) handler {
				return func(ctx context.Context, r transport.Request) (transport.Result, error) {
					r.Attempt = 1
					return fn(ctx, r)
				}
			})
		},
	}, {
		name: "gives up at a panic", fails: "a panic brings the request again", says: "is done by the third attempt",
		wrap: func(b *broken) {
			b.onWork(func(fn handler) handler {
				return func(ctx context.Context, r transport.Request) (_ transport.Result, err error) {
					defer func() {
						if recover() != nil {
							err = transport.Reject(errBot)
						}
					}()
					return fn(ctx, r)
				}
			})
		},
	}, {
		name: "tries once too often", fails: "after MaxAttempts a request is set aside", says: "which was number 3",
		wrap: func(b *broken) { b.onOptions(func(o *transport.WorkOptions) { o.MaxAttempts++ }) },
	}, {
		name: "loses dead letters", fails: "after MaxAttempts a request is set aside", says: "among the dead letters",
		wrap: asIs,
		change: func(_ *memory.Options, o *Options) {
			o.DeadLetters = func(transport.Broker, string, string) []string { return nil }
		},
	}, {
		name: "repeats what was rejected", fails: "a rejected request is not repeated", says: "which was number 1",
		wrap: func(b *broken) {
			b.onWork(func(fn handler) handler {
				return func(ctx context.Context, r transport.Request) (transport.Result, error) {
					result, err := fn(ctx, r)
					if err != nil {
						err = errors.New(err.Error())
					}
					return result, err
				}
			})
		},
	}, {
		name: "delivers what has expired", fails: "a request whose time has ended is never delivered", says: "the request that expired is delivered",
		wrap: func(b *broken) { b.slowClock(100) },
	}, {
		name: "repeats what has expired", fails: "a failed request is not repeated after its time", says: "delivered again after its time",
		wrap: func(b *broken) { b.slowClock(100) },
	}, {
		name: "does not count down", fails: "a worker sees the time that is left", says: "does not count down",
		wrap: func(b *broken) {
			var first sync.Map
			b.onWork(func(fn handler) handler {
				return func(ctx context.Context, r transport.Request) (transport.Result, error) {
					left, _ := first.LoadOrStore(r.ID, r.Timeout)
					r.Timeout = left.(time.Duration)
					return fn(ctx, r)
				}
			})
		},
	}, {
		name: "ends handlers early", fails: "a handler's context ends with the request's time", says: "the request's Timeout was",
		wrap: func(b *broken) {
			b.onWork(func(fn handler) handler {
				return func(ctx context.Context, r transport.Request) (transport.Result, error) {
					ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
					defer cancel()
					return fn(ctx, r)
				}
			})
		},
	}, {
		name: "interrupts handlers when it stops", fails: "a worker that stops finishes what it has", says: "not after its Grace",
		wrap: func(b *broken) { b.onOptions(func(o *transport.WorkOptions) { o.Grace = time.Nanosecond }) },
	}, {
		name: "stops without its handlers", fails: "a worker that stops finishes what it has", says: "Work returns while its handler runs",
		wrap: func(b *broken) {
			b.work = func(ctx context.Context, bot, command string, o *transport.WorkOptions, fn handler) error {
				go b.inner.Work(ctx, bot, command, o, fn)
				<-ctx.Done()
				return nil
			}
		},
	}, {
		name: "has no grace", fails: "handlers do not outlive their grace", says: "its Grace was",
		wrap: func(b *broken) { b.onOptions(func(o *transport.WorkOptions) { o.Grace = time.Nanosecond }) },
	}, {
		name: "settles what was interrupted", fails: "what a worker leaves undone goes to another", says: "was in when it left reaches the next",
		wrap: func(b *broken) {
			b.onWork(func(fn handler) handler {
				return func(ctx context.Context, r transport.Request) (transport.Result, error) {
					result, err := fn(ctx, r)
					if ctx.Err() != nil {
						err = nil
					}
					return result, err
				}
			})
		},
	}, {
		name: "sends later what it was given", fails: "a sent body may be used again", says: "after the buffers were used again",
		wrap: func(b *broken) {
			var held []transport.Request
			b.send = func(ctx context.Context, r transport.Request) error {
				if held = append(held, r); len(held) < 50 {
					return nil
				}
				for _, r := range held {
					for notSent(b.inner.Send(ctx, r)) {
						pause()
					}
				}
				return nil
			}
		},
	}, {
		name: "gives one body to all attempts", fails: "request bodies belong to the handler", says: "had changed its body",
		wrap: func(b *broken) {
			bodies := newShared()
			b.onWork(func(fn handler) handler {
				return func(ctx context.Context, r transport.Request) (result transport.Result, err error) {
					bodies.deliver(r.ID, r.Body, func(body []byte) {
						r.Body = body
						result, err = fn(ctx, r)
					})
					return result, err
				}
			})
		},
	},
}

// slowClock lets requests live n times as long as they should, while the
// handlers see nothing of it.
func (b *broken) slowClock(n int) {
	b.send = func(ctx context.Context, r transport.Request) error {
		r.Timeout *= time.Duration(n)
		return b.inner.Send(ctx, r)
	}
	b.onWork(func(fn handler) handler {
		return func(ctx context.Context, r transport.Request) (transport.Result, error) {
			r.Timeout /= time.Duration(n)
			ctx, cancel := context.WithTimeout(ctx, r.Timeout)
			defer cancel()
			return fn(ctx, r)
		}
	})
}
