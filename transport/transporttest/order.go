package transporttest

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/transport"
)

var orderCases = []testCase{
	{
		name: "events of one publisher and key keep their order",
		rule: "Events of one publisher with one key arrive in the order they were published.",
		run:  keyOrder,
	}, {
		name: "a subscriber gets one batch at a time",
		rule: "Subscribe calls fn one call at a time.",
		run:  oneBatchAtATime,
	},
}

func keyOrder(e *env) {
	const publishers, keys, each = 4, 3, 150
	b := e.broker()
	c := e.second(b)
	store := unique("store")
	sub := e.subscribe(c, store)
	for p := range publishers {
		e.start("Publish", func(ctx context.Context) error {
			for i := range each {
				body := fmt.Sprintf("%d/%d", p, i)
				from := []transport.Broker{b, c}[p%2]
				if err := e.tryPublish(from, store, fmt.Sprintf("key-%d", i%keys), []byte(body)); err != nil {
					e.Errorf("Publish: %v", err)
				}
			}
			return nil
		})
	}
	e.eventually("all events of all publishers arrive", func() bool { return len(sub.events()) >= publishers*each })
	latest := make(map[string]int) // by publisher and key
	for _, event := range sub.events() {
		var p, i int
		fmt.Sscanf(string(event.Body), "%d/%d", &p, &i)
		stream := fmt.Sprintf("publisher %d, %s", p, event.Key)
		if before, ok := latest[stream]; ok && i <= before {
			e.Fatalf("%s: event %d came after event %d", stream, i, before)
		}
		latest[stream] = i
	}
}

func oneBatchAtATime(e *env) {
	b := e.broker()
	store := unique("store")
	var inside, overlaps atomic.Int64
	sub := e.subscribeFunc(b, store, func(transport.Batch) {
		if inside.Add(1) > 1 {
			overlaps.Add(1)
		}
		time.Sleep(time.Millisecond)
		inside.Add(-1)
	})
	for range 20 {
		e.publish(b, store, "room", strings.Repeat("x", 20<<10)) // so that they don't share a batch
	}
	e.eventually("all events arrive", func() bool { return len(sub.events()) >= 20 })
	if n := overlaps.Load(); n > 0 {
		e.Errorf("fn was called %d times while another call was running", n)
	}
}
