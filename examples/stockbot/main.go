// Command stockbot answers /stock for chats on a shared broker, in a process of
// its own: as many of it as you like, on as many machines.
//
//	GOCHAT_BROKER=amqp://user:password@host/ go run ./examples/stockbot
//
// The chats, examples/chatroom or examples/fullstack with the same broker, find
// it by what it announces. A server that is away is waited for.
//
// With -addr it answers /healthz and, while it is connected to the broker,
// /readyz; with -admin it answers operators: /metrics, /stats, /debug/pprof/.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/carlware/gochat/examples/internal/admin"
	"github.com/carlware/gochat/examples/internal/botsvc"
	"github.com/carlware/gochat/examples/internal/broker"
	"github.com/carlware/gochat/examples/internal/httpsvc"
	"github.com/carlware/gochat/examples/internal/program"
	"github.com/carlware/gochat/metrics"
	"github.com/carlware/gochat/transport"
)

func main() {
	program.Main("stockbot", func(fs *flag.FlagSet) program.Func {
		spec := fs.String("broker", "", "`broker` that the chat uses: "+broker.SharedUsage)
		var c botsvc.Config
		c.AddFlags(fs)
		var operators string
		admin.Flag(fs, &operators)
		addr := fs.String("addr", "", "answer /healthz and /readyz on `host:port`; empty: nowhere")
		return func(ctx context.Context, out io.Writer) (err error) {
			b, err := broker.OpenShared(*spec)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, b.Close()) }()
			c.Broker = b
			stop, err := admin.Start(ctx, operators, nil, admin.Config{
				Program: "stockbot", Ready: ready(b), Collectors: []prometheus.Collector{metrics.Broker(b)},
				Report: func() any { return map[string]any{"broker": broker.ReportOf(b)} },
			})
			if err != nil {
				return err
			}
			defer stop()
			if *addr == "" {
				return botsvc.Run(ctx, c)
			}
			ln, err := program.Listen(ctx, *addr)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "stockbot on %s\n", program.URL(ln))
			ctx, cancel := context.WithCancel(ctx) // either ends both
			defer cancel()
			healthy := make(chan error, 1)
			go func() {
				defer cancel()
				healthy <- serveHealth(ctx, ln, b)
			}()
			err = botsvc.Run(ctx, c)
			cancel()
			return errors.Join(err, <-healthy)
		}
	})
}

// serveHealth tells on ln how the bot is, until ctx ends. Whoever asks does so
// by any name: there is nothing to be had.
func serveHealth(ctx context.Context, ln net.Listener, b transport.Broker) error {
	mux := httpsvc.NewMux(slog.Default())
	mux.Health(ready(b))
	return httpsvc.Serve(ctx, ln, httpsvc.Headers(mux), &httpsvc.Options{MaxConns: 64})
}

func ready(b transport.Broker) func(context.Context) error {
	return func(context.Context) error {
		if s := b.Status(); s.State != transport.Up {
			return fmt.Errorf("broker is %v: %w", s.State, errors.Join(transport.ErrUnavailable, s.Err))
		}
		return nil
	}
}
