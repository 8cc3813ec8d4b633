package memory_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// One event of 200 bytes to so many subscribers, which read all the time.
func BenchmarkPublish(b *testing.B) {
	for _, subscribers := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("subscribers=%d", subscribers), func(b *testing.B) {
			broker := memory.New(&memory.Options{Events: 1 << 20, QueueBytes: 1 << 30})
			var wg sync.WaitGroup
			var live, received sync.WaitGroup
			live.Add(subscribers)
			for range subscribers {
				wg.Go(func() {
					first := sync.OnceFunc(live.Done)
					broker.Subscribe(context.Background(), "store", func(batch transport.Batch) {
						first()
						received.Add(-len(batch.Events))
					})
				})
			}
			live.Wait()
			body := make([]byte, 200)
			b.ReportAllocs()
			for b.Loop() {
				received.Add(subscribers)
				if err := broker.Publish(b.Context(), "store", "room", body); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			if lost := broker.Stats().EventsLost; lost == 0 {
				received.Wait()
			}
			broker.Close()
			wg.Wait()
		})
	}
}

// From Send to the result, one at a time and with many under way.
func BenchmarkCommand(b *testing.B) {
	for _, window := range []int{1, 64} {
		b.Run(fmt.Sprintf("underway=%d", window), func(b *testing.B) {
			broker := memory.New(nil)
			slots := make(chan struct{}, window)
			var wg sync.WaitGroup
			wg.Go(func() {
				broker.Work(context.Background(), "bot", "do", &transport.WorkOptions{Concurrency: 64}, func(_ context.Context, r transport.Request) (transport.Result, error) {
					return transport.Result{Body: r.Body}, nil
				})
			})
			wg.Go(func() {
				broker.Results(context.Background(), "store", func(context.Context, transport.Result) error {
					<-slots
					return nil
				})
			})
			for s := broker.Stats(); s.Workers == 0 || s.Receivers == 0; s = broker.Stats() {
				time.Sleep(time.Millisecond)
			}
			r := request("id", time.Minute)
			b.ReportAllocs()
			for b.Loop() {
				slots <- struct{}{}
				if err := broker.Send(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			for range window {
				slots <- struct{}{}
			}
			broker.Close()
			wg.Wait()
		})
	}
}
