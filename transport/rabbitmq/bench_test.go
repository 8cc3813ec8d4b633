package rabbitmq_test

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/rabbittest"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/rabbitmq"
)

// The benchmarks compare with the bare library in the same run, by turns, and
// report ratios:
//
//	go test -run xxx -bench . -benchtime 10x ./transport/rabbitmq

var body200 = make([]byte, 200)

// bare is a connection of the library's, with a channel that confirms.
func bare(b *testing.B, vhost rabbittest.VHost) *amqp.Channel {
	b.Helper()
	conn, err := amqp.Dial(vhost.URL)
	require.NoError(b, err)
	b.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	require.NoError(b, err)
	return ch
}

func upBroker(b *testing.B, vhost rabbittest.VHost) *rabbitmq.Broker {
	b.Helper()
	broker := open(b, vhost, nil)
	b.Cleanup(func() { broker.Close() })
	require.Eventually(b, state(broker, transport.Up), wait, tick)
	return broker
}

// Persistent messages of 200 bytes to a quorum queue: the library confirming
// one by one, the library with a window of 128, and the pipeline of 128 callers.
func BenchmarkPublish(b *testing.B) {
	const n = 2000
	vhost := rabbittest.New(b)
	broker := upBroker(b, vhost)
	ch := bare(b, vhost)
	require.NoError(b, ch.Confirm(false))
	queue := vhost.Prefix + "bench"
	_, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": "quorum", "x-max-length": int64(5000)})
	require.NoError(b, err)
	require.NoError(b, ch.QueueBind(queue, "bench", vhost.Prefix+"commands", false, nil))
	publish := func() *amqp.DeferredConfirmation {
		dc, err := ch.PublishWithDeferredConfirm(vhost.Prefix+"commands", "bench", true, false, amqp.Publishing{
			Type: "gochat.command.v1", DeliveryMode: amqp.Persistent, CorrelationId: "id", ReplyTo: "store", Expiration: "60000", Body: body200,
			Headers: amqp.Table{"deadline": int64(1)},
		})
		if err != nil {
			b.Fatal(err)
		}
		return dc
	}
	var one, window, ours time.Duration
	for b.Loop() {
		began := time.Now()
		for range n / 10 {
			publish().Wait()
		}
		one += 10 * time.Since(began)

		began = time.Now()
		confirms := make(chan *amqp.DeferredConfirmation, 128)
		var wg sync.WaitGroup
		wg.Go(func() {
			for dc := range confirms {
				dc.Wait()
			}
		})
		for range n {
			confirms <- publish()
		}
		close(confirms)
		wg.Wait()
		window += time.Since(began)

		began = time.Now()
		for range 128 {
			wg.Go(func() {
				for range n / 128 {
					if err := rabbitmq.Submit(context.Background(), broker, "bench", body200); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		ours += time.Since(began) * n / (n / 128 * 128)
	}
	per := float64(b.N * n)
	b.ReportMetric(float64(one.Microseconds())/per, "µs/one-by-one")
	b.ReportMetric(float64(window.Microseconds())/per, "µs/bare-window")
	b.ReportMetric(float64(ours.Microseconds())/per, "µs/ours")
	b.ReportMetric(float64(one)/float64(ours), "x-one-by-one")
	b.ReportMetric(0, "ns/op")
}

// A command and its result, one under way at a time, over the same kinds of
// queues: bare (no confirmations, nothing checked) and through Send, Work and
// Results.
func BenchmarkCommand(b *testing.B) {
	const n = 200
	vhost := rabbittest.New(b)
	chat, bot := upBroker(b, vhost), upBroker(b, vhost)
	results := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		bot.Work(ctx, "bot", "ours", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
			return transport.Result{Body: r.Body}, nil
		})
	})
	wg.Go(func() {
		chat.Results(ctx, "ours", func(context.Context, transport.Result) error { results <- struct{}{}; return nil })
	})
	request := transport.Request{ID: "id", Store: "ours", Bot: "bot", Command: "ours", Timeout: time.Minute, Body: body200}
	require.Eventually(b, func() bool { return chat.Send(ctx, request) == nil }, wait, tick)
	<-results

	asks, answers := bare(b, vhost), bare(b, vhost)
	work, reply := bare(b, vhost), bare(b, vhost)
	commandQueue, err := rabbitmq.DeclareCommand(chat, "bot", "bare")
	require.NoError(b, err)
	resultQueue, err := rabbitmq.DeclareResults(chat, "bare")
	require.NoError(b, err)
	requests, err := work.Consume(commandQueue, "", false, false, false, false, nil)
	require.NoError(b, err)
	wg.Go(func() {
		for d := range requests {
			reply.Publish(vhost.Prefix+"results", d.ReplyTo, true, false, amqp.Publishing{
				Type: "gochat.result.v1", DeliveryMode: amqp.Persistent, CorrelationId: d.CorrelationId, Body: d.Body,
			})
			d.Ack(false)
		}
	})
	defer work.Close()
	replies, err := answers.Consume(resultQueue, "", false, false, false, false, nil)
	require.NoError(b, err)

	var plain, ours time.Duration
	for b.Loop() {
		began := time.Now()
		for range n {
			asks.Publish(vhost.Prefix+"commands", "bot.bare", true, false, amqp.Publishing{
				Type: "gochat.command.v1", DeliveryMode: amqp.Persistent, CorrelationId: "id", ReplyTo: "bare", Expiration: "60000", Body: body200,
			})
			d := <-replies
			d.Ack(false)
		}
		plain += time.Since(began)
		began = time.Now()
		for range n {
			if err := chat.Send(ctx, request); err != nil {
				b.Fatal(err)
			}
			<-results
		}
		ours += time.Since(began)
	}
	per := float64(b.N * n)
	b.ReportMetric(float64(plain.Microseconds())/per, "µs/bare")
	b.ReportMetric(float64(ours.Microseconds())/per, "µs/ours")
	b.ReportMetric(float64(ours)/float64(plain), "x-bare")
	b.ReportMetric(0, "ns/op")
}

// Bursts of 64 events of 200 bytes, from one program to another: bare as one
// message each, and through Publish and Subscribe. The figures are the CPU time
// of both programs, without the server.
func BenchmarkEvents(b *testing.B) {
	const bursts = 500
	vhost := rabbittest.New(b)
	from, to := upBroker(b, vhost), upBroker(b, vhost)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	live, done := make(chan struct{}), make(chan struct{})
	got := 0
	wg.Go(func() {
		first := true
		to.Subscribe(ctx, "ours", func(batch transport.Batch) {
			if first {
				close(live)
				first = false
			}
			if got += len(batch.Events); got >= 64 {
				got -= 64
				done <- struct{}{}
			}
		})
	})
	<-live

	pub, sub := bare(b, vhost), bare(b, vhost)
	require.NoError(b, pub.Confirm(false))
	q, err := sub.QueueDeclare("", false, true, true, false, nil)
	require.NoError(b, err)
	require.NoError(b, sub.QueueBind(q.Name, "bare", vhost.Prefix+"events", false, nil))
	require.NoError(b, sub.Qos(512, 0, false))
	deliveries, err := sub.Consume(q.Name, "", false, true, false, false, nil)
	require.NoError(b, err)
	wg.Go(func() {
		n := 0
		for d := range deliveries {
			events := 0
			for body := d.Body; len(body) > 0; events++ {
				body = body[4+binary.BigEndian.Uint32(body):]
			}
			if n++; n%128 == 0 {
				d.Ack(true)
			}
			done <- struct{}{}
		}
	})
	defer sub.Close()

	var plain, ours time.Duration
	for b.Loop() {
		began := cpuTime(b)
		for range bursts {
			var body []byte
			for range 64 {
				body = binary.BigEndian.AppendUint32(body, uint32(len(body200)))
				body = append(body, body200...)
			}
			dc, err := pub.PublishWithDeferredConfirm(vhost.Prefix+"events", "bare", false, false, amqp.Publishing{Body: body})
			if err != nil {
				b.Fatal(err)
			}
			<-done
			dc.Wait()
		}
		plain += cpuTime(b) - began
		began = cpuTime(b)
		for range bursts {
			for range 64 {
				if err := from.Publish(ctx, "ours", "room:Zk3vJ8sLq2", body200); err != nil {
					b.Fatal(err)
				}
			}
			<-done
		}
		ours += cpuTime(b) - began
	}
	per := float64(b.N * bursts * 64)
	b.ReportMetric(float64(plain.Nanoseconds())/per, "cpu-ns/bare")
	b.ReportMetric(float64(ours.Nanoseconds())/per, "cpu-ns/ours")
	b.ReportMetric(float64(ours)/float64(plain), "x-bare")
	b.ReportMetric(0, "ns/op")
}

// How long it takes to be told that no bot is there.
func BenchmarkNoBot(b *testing.B) {
	vhost := rabbittest.New(b)
	broker := upBroker(b, vhost)
	_, err := rabbitmq.DeclareCommand(broker, "bot", "left")
	require.NoError(b, err)
	for name, command := range map[string]string{"left": "left", "never-came": "never"} {
		b.Run(name, func(b *testing.B) {
			request := transport.Request{ID: "id", Store: "s", Bot: "bot", Command: command, Timeout: time.Minute}
			require.ErrorIs(b, broker.Send(context.Background(), request), transport.ErrNoHandler)
			for b.Loop() {
				if err := broker.Send(context.Background(), request); err == nil {
					b.Fatal("somebody is there")
				}
			}
		})
	}
}

// How long the longest of the publishings takes around the moment when a node
// leaves, by the number of rooms that it has heard of.
func BenchmarkNodeLeaves(b *testing.B) {
	for name, rooms := range map[string]int{"rooms=10": 10, "rooms=10000": 10_000} {
		b.Run(name, func(b *testing.B) {
			vhost := rabbittest.New(b)
			from := upBroker(b, vhost)
			var worst time.Duration
			for b.Loop() {
				b.StopTimer()
				leaver := open(b, vhost, nil)
				heard := make(chan int, rooms+1)
				go leaver.Subscribe(context.Background(), "s", func(batch transport.Batch) { heard <- len(batch.Events) })
				<-heard
				got := 0
				for i := range rooms {
					room := string(binary.AppendUvarint([]byte("room:"), uint64(i)))
					if err := from.Publish(context.Background(), "s", room, body200); err != nil {
						b.Fatal(err)
					}
					for got < i-1000 || i == rooms-1 && got < rooms {
						got += <-heard
					}
				}
				b.StartTimer()
				left := make(chan struct{})
				go func() { leaver.Close(); close(left) }()
				var end time.Time
				for end.IsZero() || time.Since(end) < 200*time.Millisecond {
					began := time.Now()
					rabbitmq.Submit(context.Background(), from, "nobody", body200) // is returned
					worst = max(worst, time.Since(began))
					select {
					case <-left:
						if end.IsZero() {
							end = time.Now()
						}
					default:
					}
				}
			}
			b.ReportMetric(float64(worst.Microseconds())/1000, "ms-worst")
		})
	}
}
