// Command otel is a chat that tells OpenTelemetry what it does, through
// [chat.Trace]: a span for each write and each command, and metrics.
//
//	cd e2e && go run ./otel
//
// It talks to itself for a moment and prints what an exporter gets. In a program
// of your own, give newTrace in trace.go providers with the exporter that you
// have, such as OTLP, and the result to chat.New. It is in this module, and not
// in examples/, so that OpenTelemetry is nobody's dependency.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "otel:", err)
		os.Exit(1)
	}
}

// run makes the providers, has a chat with them, and hands the rest to the
// exporters.
func run(ctx context.Context, out io.Writer) (err error) {
	spans, err := stdouttrace.New(stdouttrace.WithWriter(out), stdouttrace.WithPrettyPrint())
	if err != nil {
		return err
	}
	numbers, err := stdoutmetric.New(stdoutmetric.WithWriter(out), stdoutmetric.WithPrettyPrint())
	if err != nil {
		return err
	}
	tracers := trace.NewTracerProvider(trace.WithBatcher(spans))
	meters := metric.NewMeterProvider(metric.WithReader(metric.NewPeriodicReader(numbers)))
	defer func() { err = errors.Join(err, tracers.Shutdown(ctx), meters.Shutdown(ctx)) }()
	hooks, err := newTrace(tracers, meters)
	if err != nil {
		return err
	}
	return talk(ctx, hooks)
}

// talk is a chat in memory in which somebody says hello and asks a bot.
func talk(ctx context.Context, hooks *chat.Trace) (err error) {
	clock := command.NewBot("clock", nil)
	command.Handle(clock, "time", "What time it is", func(_ context.Context, c *command.Call, _ struct{}) error {
		return c.Say(time.Now().Format(time.TimeOnly))
	})
	node, err := chat.New(&chat.Options{Commands: clock, Trace: hooks})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Shutdown(ctx)) }()
	session, err := node.Connect(ctx, chat.Principal{User: chat.User{ID: "ann", Name: "Ann"}}, nil)
	if err != nil {
		return err
	}
	defer session.Close() //nolint:errcheck // it returns nil
	room, err := node.CreateRoom(ctx, "ann", chat.NewRoom{ID: chat.NewID(), Name: "Tea"})
	if err != nil {
		return err
	}
	if _, err := room.Post(ctx, "ann", chat.Draft{ID: chat.NewID(), Text: "hello"}); err != nil {
		return err
	}
	if _, err := room.Post(ctx, "ann", chat.Draft{ID: chat.NewID()}); chat.AsError(err).Code != "empty" {
		return fmt.Errorf("a message without a text: %w", err)
	}
	call, err := room.Command(ctx, "ann", chat.CommandLine{ID: chat.NewID(), Text: "/time"})
	if err != nil {
		return err
	}
	_, err = call.Wait(ctx)
	return err
}
