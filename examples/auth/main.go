// Command auth is the auth service as a program of its own: it logs users in and
// hands out the access tokens that the chatroom service checks.
//
//	go run ./examples/auth -demo
//	curl -H 'Content-Type: application/json' -d '{"username":"john","password":"1234"}' http://127.0.0.1:8081/auth/login
//
// Every flag has a twin in the environment, GOCHAT_ADDR for -addr; -h lists
// them. It ends with 0 when it is told to (SIGINT, SIGTERM), with 1 on an error
// and with 2 on a wrong flag.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/examples/internal/httpsvc"
)

func main() {
	c := authsvc.Config{
		Database: "auth.db",
		KeyFile:  "auth.key",
		Logger:   slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	fs := flag.NewFlagSet("auth", flag.ContinueOnError)
	fs.StringVar(&c.Addr, "addr", "127.0.0.1:8081", "listen on `host:port`")
	httpsvc.ListFlag(fs, &c.Hosts, "hosts", "`names` of this server besides localhost, with commas")
	c.AddFlags(fs)
	if err := httpsvc.ParseFlags(fs, os.Args[1:], os.LookupEnv); err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(0)
		}
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := authsvc.Run(ctx, c); err != nil {
		c.Logger.Error("auth service ended", "error", err)
		os.Exit(1) //nolint:gocritic // nothing is left to undo
	}
}
