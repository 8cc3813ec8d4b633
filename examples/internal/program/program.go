// Package program is what the example programs have in common around their
// work: flags, signals, and how they end.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"syscall"

	"github.com/carlware/gochat/examples/internal/httpsvc"
)

// Func is the work of a program. It ends soon after ctx does. What people
// should read goes to out; the log does not.
type Func func(ctx context.Context, out io.Writer) error

// Main runs a program. define makes its flags, each of which has a twin in the
// environment, and returns its work, to be called when they are parsed.
//
// The work's ctx ends with the first SIGINT or SIGTERM; the second one kills.
// The process ends with 0 after nil, with 2 when the flags are wrong, and
// otherwise with 1 and a line that says why. Passwords in addresses are left
// out of what it prints.
func Main(name string, define func(*flag.FlagSet) Func) {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	work := define(fs)
	err := httpsvc.ParseFlags(fs, os.Args[1:], os.LookupEnv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(err)
		return
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v (-help lists the flags)\n", name, Redact(err.Error()))
		os.Exit(2)
	}
	for _, arg := range os.Args[1:] {
		if Redact(arg) != arg {
			slog.Warn("a password among the arguments of a program can be seen by everybody on this machine: give it in the environment, as the usage tells")
			break
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the next signal has its usual effect
	if err := work(ctx, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, Redact(err.Error()))
		os.Exit(1)
	}
}

var passwords = regexp.MustCompile(`(://[^:/?#\s]*:)\S*(@)|([?&](?:ssl)?password=)[^&\s]+`)

// Redact returns text without the passwords of addresses in it.
func Redact(text string) string { return passwords.ReplaceAllString(text, "$1$3…$2") }

// Listen opens addr. Its error says what to do when the address is in use.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program: stop it, or choose another address with -addr", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("can't listen on %s: %w", addr, err)
	}
	return ln, nil
}

// Loopback reports whether only this machine can reach ln.
func Loopback(ln net.Listener) bool {
	a, err := netip.ParseAddrPort(ln.Addr().String())
	return err == nil && a.Addr().Unmap().IsLoopback()
}

// URL returns where a browser on this machine finds ln.
func URL(ln net.Listener) string {
	a, err := netip.ParseAddrPort(ln.Addr().String())
	if err != nil || a.Addr().IsUnspecified() {
		return "http://localhost:" + strconv.Itoa(int(a.Port()))
	}
	return "http://" + a.String()
}

// Address returns the address of ln as a host name by which requests may come,
// or nothing when ln listens on all addresses.
func Address(ln net.Listener) []string {
	a, err := netip.ParseAddrPort(ln.Addr().String())
	if err != nil || a.Addr().IsUnspecified() {
		return nil
	}
	return []string{a.Addr().WithZone("").String()}
}
