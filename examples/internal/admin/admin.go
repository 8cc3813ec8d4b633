// Package admin is what operators see of an example program, on an address of
// its own: metrics for Prometheus, what the program is at as JSON and on a plain
// page, its health, and profiles of net/http/pprof.
//
//	stop, err := admin.Start(ctx, addr, hosts, admin.Config{Program: "chatroom", Collectors: …, Report: …})
//	defer stop()
//
// There is no login: whoever reaches the address learns how many people are
// there, and may have the program write a profile. So it is off unless asked for,
// and belongs on a loopback address or a network of operators.
package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/carlware/gochat/examples/internal/httpsvc"
	"github.com/carlware/gochat/examples/internal/program"
)

// Flag adds -admin to fs.
func Flag(fs *flag.FlagSet, addr *string) {
	fs.StringVar(addr, "admin", "", "answer operators on `host:port`: metrics, what the program is at, profiles; everybody who reaches it may ask; empty: nowhere")
}

// Config says what a server has to tell.
type Config struct {
	// Program is its name.
	Program string
	// Collectors are the metrics besides those of the process and of Go.
	Collectors []prometheus.Collector
	// Report returns what the program is at, to be encoded as JSON. It may be
	// called concurrently. nil: the process alone.
	Report func() any
	// Ready returns nil while the program can do all its work.
	Ready func(context.Context) error
	// Logger gets what needs an operator. nil: [slog.Default].
	Logger *slog.Logger
}

// Start serves on addr, under the host names of httpsvc.Hosts and its own
// address, until stop is called; ctx is only for the beginning. With an empty
// addr it does nothing.
func Start(ctx context.Context, addr string, hosts []string, c Config) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("can't listen on %s for operators: %w", addr, err)
	}
	h, err := handler(append(hosts, program.Address(ln)...), c)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	if program.Loopback(ln) {
		c.Logger.Info("operators are answered", "addr", ln.Addr().String())
	} else {
		c.Logger.Warn("operators are answered, and everybody else who reaches this address", "addr", ln.Addr().String())
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := httpsvc.Serve(ctx, ln, h, &httpsvc.Options{Logger: c.Logger, MaxConns: 64, Grace: grace}); err != nil {
			c.Logger.Error("operators are answered no more", "err", err)
		}
	})
	return func() { cancel(); serving.Wait() }, nil
}

func handler(hosts []string, c Config) (http.Handler, error) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reg.MustRegister(c.Collectors...)
	mux := httpsvc.NewMux(c.Logger)
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	if c.Ready != nil {
		mux.Health(c.Ready)
	}
	mux.Func("GET /stats", func(w http.ResponseWriter, r *http.Request) error {
		return httpsvc.WriteJSON(w, http.StatusOK, c.report(r.Context()))
	})
	mux.Func("GET /{$}", c.page)
	mux.Handle("GET /debug/pprof/", http.HandlerFunc(pprof.Index))
	mux.Handle("GET /debug/pprof/cmdline", http.NotFoundHandler()) // arguments may hold passwords
	mux.Handle("GET /debug/pprof/profile", http.HandlerFunc(pprof.Profile))
	mux.Handle("GET /debug/pprof/symbol", http.HandlerFunc(pprof.Symbol))
	mux.Handle("GET /debug/pprof/trace", http.HandlerFunc(pprof.Trace))
	return httpsvc.Hosts(hosts, httpsvc.Headers(mux))
}
