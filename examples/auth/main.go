// Command auth is the auth service as a program of its own: it logs users in and
// hands out the access tokens that the chatroom service checks.
//
//	go run ./examples/auth -demo
//	curl -H 'Content-Type: application/json' -d '{"username":"john","password":"1234"}' http://127.0.0.1:8081/auth/login
//
// That is for trying. For real users, begin with one of them; the password is
// one line of the standard input, or is asked for:
//
//	go run ./examples/auth -add-user ann
//	go run ./examples/auth
//
// -set-password sets another one, also while the service runs, and ends the
// sessions of that user. -register lets everybody make an account. A chatroom
// service elsewhere is told of users and ended logins if both read the same
// -secret-file.
//
// -change-key changes the key that tokens are signed with, in three steps with a
// restart after each: add, five minutes later use, and 15 minutes after that drop.
//
// Users and sessions are kept in a SQLite file, or in a PostgreSQL database that
// several of these processes may share; its URL holds a password, so give it in
// the environment and not as an argument:
//
//	GOCHAT_AUTH_DB=postgres://… go run ./examples/auth
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
	"github.com/carlware/gochat/examples/internal/token"
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
	fs.StringVar(&c.SecretFile, "secret-file", "", "`path` of a secret of 32 characters or more; services that show it are told of users and ended logins")
	add := fs.String("add-user", "", "make a user of that `name`, whose password is read from the standard input, and end")
	set := fs.String("set-password", "", "give the user of that `name` a password, read from the standard input, end his sessions, and end")
	step := fs.String("change-key", "", "do one `step` to another key for access tokens and end: add, use or drop; then restart the service")
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
	work := authsvc.Run
	switch {
	case *step != "":
		work = func(_ context.Context, c authsvc.Config) error { return token.ChangeKeys(c.KeyFile, *step) }
	case *add != "" || *set != "":
		work = func(ctx context.Context, c authsvc.Config) error { return administer(ctx, c, *add, *set) }
	}
	if err := work(ctx, c); err != nil {
		c.Logger.Error("auth service ended", "err", err)
		os.Exit(1) //nolint:gocritic // nothing is left to undo
	}
}

// administer makes a user or sets a password.
func administer(ctx context.Context, c authsvc.Config, add, set string) error {
	if add != "" && set != "" {
		return errors.New("give -add-user or -set-password, not both")
	}
	password, err := readPassword(os.Stdin, os.Stderr)
	if err != nil {
		return err
	}
	if add != "" {
		err = authsvc.AddUser(ctx, c, add, password)
	} else {
		err = authsvc.SetPassword(ctx, c, set, password)
	}
	if err == nil {
		fmt.Println("done")
	}
	return err
}
