package transporttest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/carlware/gochat/transport"
)

var faultyResults = []fault{
	{
		name: "drops results that nobody waits for", fails: "results wait for a receiver", says: "made before it came",
		wrap: func(b *broken) {
			b.onWork(func(fn handler) handler {
				return func(ctx context.Context, r transport.Request) (transport.Result, error) {
					result, err := fn(ctx, r)
					if err == nil && b.inner.Stats().Receivers == 0 {
						err = transport.Reject(errBot)
					}
					return result, err
				}
			})
		},
	}, {
		name: "gives a result up", fails: "a result is offered until it is accepted", says: "is offered again",
		wrap: func(b *broken) {
			var n atomic.Int64
			b.onResult(func(fn receive) receive {
				return func(ctx context.Context, r transport.Result) error {
					err := fn(ctx, r)
					if n.Add(1) == 4 {
						err = transport.Reject(err)
					}
					return err
				}
			})
		},
	}, {
		name: "offers what was accepted", fails: "a result is offered until it is accepted", says: "that was accepted is offered again",
		wrap: func(b *broken) {
			b.onResult(func(fn receive) receive {
				return func(ctx context.Context, r transport.Result) error {
					if err := fn(ctx, r); err != nil {
						return err
					}
					return fn(ctx, r)
				}
			})
		},
	}, {
		name: "stands still at a refused result", fails: "a refused result holds up no other", says: "39 of 40",
		wrap: func(b *broken) {
			var mu sync.Mutex
			b.onResult(func(fn receive) receive {
				return func(ctx context.Context, r transport.Result) error {
					mu.Lock()
					defer mu.Unlock()
					for ctx.Err() == nil {
						if fn(ctx, r) == nil {
							return nil
						}
						pause()
					}
					return ctx.Err()
				}
			})
		},
	}, {
		name: "keeps what was rejected", fails: "a rejected result is dropped", says: "was rejected is offered again",
		wrap: func(b *broken) {
			b.onResult(func(fn receive) receive {
				return func(ctx context.Context, r transport.Result) error {
					if err := fn(ctx, r); err != nil {
						return errors.New(err.Error())
					}
					return nil
				}
			})
		},
	}, {
		name: "gives a result to two receivers", fails: "receivers of a store share its results", says: "was received 2 times",
		wrap: func(b *broken) {
			b.onResult(func(fn receive) receive {
				return func(ctx context.Context, r transport.Result) error {
					fn(ctx, r)
					return fn(ctx, r)
				}
			})
		},
	}, {
		name: "drops the results of a receiver that leaves", fails: "a result that its receiver could not take goes to another", says: "that the first refused",
		wrap: func(b *broken) {
			b.onResult(func(fn receive) receive {
				return func(ctx context.Context, r transport.Result) error {
					err := fn(ctx, r)
					if err != nil {
						<-ctx.Done()
						err = transport.Reject(err)
					}
					return err
				}
			})
		},
	}, {
		name: "delivers results of any size", fails: "a result that is too large is not delivered", says: "more than MaxBody bytes arrives",
		wrap: func(b *broken) {
			b.onWork(func(fn handler) handler {
				return func(ctx context.Context, r transport.Request) (transport.Result, error) {
					result, err := fn(ctx, r)
					if len(result.Body) > transport.MaxBody {
						result.Body = []byte("large")
					}
					return result, err
				}
			})
			b.onResult(func(fn receive) receive {
				return func(ctx context.Context, r transport.Result) error {
					if string(r.Body) == "large" {
						r.Body = largest(transport.MaxBody + 1)
					}
					return fn(ctx, r)
				}
			})
		},
	}, {
		name: "gives one body to all offers", fails: "result bodies belong to the receiver", says: "had changed its body",
		wrap: func(b *broken) {
			bodies := newShared()
			b.onResult(func(fn receive) receive {
				return func(ctx context.Context, r transport.Result) (err error) {
					bodies.deliver(r.ID, r.Body, func(body []byte) {
						r.Body = body
						err = fn(ctx, r)
					})
					return err
				}
			})
		},
	},
}

var faultyAnnouncements = []fault{
	{
		name: "has announcements in no order", fails: "announcements reach all watchers", says: "the older first",
		wrap: func(b *broken) {
			b.announcements = func(ctx context.Context, fn func([]transport.Announcement)) error {
				return b.inner.Announcements(ctx, func(all []transport.Announcement) {
					slices.Reverse(all)
					fn(all)
				})
			}
		},
	}, {
		name: "is silent when nothing is announced", fails: "announcements reach all watchers", says: "even if there is nothing",
		wrap: func(b *broken) {
			b.announcements = func(ctx context.Context, fn func([]transport.Announcement)) error {
				return b.inner.Announcements(ctx, func(all []transport.Announcement) {
					if len(all) > 0 {
						fn(all)
					}
				})
			}
		},
	}, {
		name: "calls before it has asked", fails: "a late watcher's first call has everything", says: "the first call of a late watcher has 0",
		wrap: func(b *broken) {
			b.announcements = func(ctx context.Context, fn func([]transport.Announcement)) error {
				fn(nil)
				return b.inner.Announcements(ctx, fn)
			}
		},
	}, {
		name: "sticks to the first announcement", fails: "an announcement can change", says: "the new announcement is known",
		wrap: func(b *broken) {
			var first sync.Map
			b.announce = func(ctx context.Context, a transport.Announcement) error {
				known, _ := first.LoadOrStore(a.Instance, a)
				return b.inner.Announce(ctx, known.(transport.Announcement))
			}
		},
	}, {
		name: "does not withdraw", fails: "an announcement is withdrawn with its context", says: "is gone after its context ended",
		wrap: func(b *broken) {
			b.announce = func(ctx context.Context, a transport.Announcement) error {
				go b.inner.Announce(context.WithoutCancel(ctx), a)
				<-ctx.Done()
				return nil
			}
		},
	}, {
		name: "shares announcements", fails: "announcements belong to the watcher", says: `"!!!!!`,
		wrap: func(b *broken) {
			bodies := newShared()
			b.announcements = func(ctx context.Context, fn func([]transport.Announcement)) error {
				return b.inner.Announcements(ctx, func(all []transport.Announcement) {
					deliver := func() { fn(all) }
					for i := range all {
						rest := deliver
						deliver = func() {
							bodies.deliver(all[i].Instance, all[i].Body, func(body []byte) {
								all[i].Body = body
								rest()
							})
						}
					}
					deliver()
				})
			}
		},
	},
}
