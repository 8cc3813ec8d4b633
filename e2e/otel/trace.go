package main

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/carlware/gochat/chat"
)

const scope = "github.com/carlware/gochat"

// newTrace returns hooks that make spans of what takes time, and instruments of
// the rest. Attributes are kinds, codes, states and names of commands; a room or
// a user among them would be a time series each.
func newTrace(spans trace.TracerProvider, meters metric.MeterProvider) (*chat.Trace, error) {
	meter, tracer := meters.Meter(scope), spans.Tracer(scope)
	var errs []error
	seconds := func(name, about string) metric.Float64Histogram {
		h, err := meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(about))
		errs = append(errs, err)
		return h
	}
	count := func(name, about string) metric.Int64Counter {
		c, err := meter.Int64Counter(name, metric.WithDescription(about))
		errs = append(errs, err)
		return c
	}
	writes := seconds("gochat.write.duration", "Requests that stored an event, from their arrival to their commit.")
	commands := seconds("gochat.command.duration", "Commands that were asked here, from the request to the end.")
	sweeps := seconds("gochat.sweep.duration", "Looks at the store, every two seconds.")
	refused := count("gochat.refused", "Requests that stored nothing, by code.")
	deliveries := count("gochat.deliveries", "Sessions that events were handed to.")
	sessions, err := meter.Int64UpDownCounter("gochat.sessions", metric.WithDescription("Sessions that are connected."))
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}

	// The hooks have no context: they are told afterwards, by whichever goroutine
	// did the work. So a span is made when it is over, with its beginning in the
	// past, and is the root of a trace of its own.
	ctx := context.Background()
	span := func(name string, took time.Duration, failed string, about ...attribute.KeyValue) {
		end := time.Now()
		_, s := tracer.Start(ctx, name, trace.WithTimestamp(end.Add(-took)), trace.WithAttributes(about...))
		if failed != "" {
			s.SetStatus(codes.Error, failed)
		}
		s.End(trace.WithTimestamp(end))
	}
	return &chat.Trace{
		Stored: func(kind chat.EventKind, duplicate bool, took time.Duration) {
			about := []attribute.KeyValue{attribute.String("gochat.kind", string(kind)), attribute.Bool("gochat.duplicate", duplicate)}
			writes.Record(ctx, took.Seconds(), metric.WithAttributes(about...))
			span("store "+string(kind), took, "", about...)
		},
		Answered: func(command string, status chat.CallStatus, took time.Duration) {
			about := []attribute.KeyValue{attribute.String("gochat.command", command), attribute.String("gochat.status", string(status))}
			commands.Record(ctx, took.Seconds(), metric.WithAttributes(about...))
			failed := ""
			if status == chat.CallFailed {
				failed = "the command failed"
			}
			span("command /"+command, took, failed, about...)
		},
		Swept: func(took time.Duration, err error) {
			sweeps.Record(ctx, took.Seconds())
			if err != nil { // one that goes well every two seconds is no news
				span("sweep", took, err.Error())
			}
		},
		Refused: func(err error) {
			refused.Add(ctx, 1, metric.WithAttributes(attribute.String("gochat.code", chat.AsError(err).Code)))
		},
		Delivered:    func(n int) { deliveries.Add(ctx, int64(n)) },
		Connected:    func() { sessions.Add(ctx, 1) },
		Disconnected: func(error) { sessions.Add(ctx, -1) },
	}, nil
}
