// Command cluster runs a chat of many processes on this machine: an auth
// service, two chatroom services, two bots and a gateway, over a RabbitMQ and a
// PostgreSQL server of its own. It is for trying what examples/cluster/compose.yaml
// describes, without Docker.
//
//	go run ./examples/cluster
//
// Then open http://127.0.0.1:8080 in two browsers and log in as carlos and
// john, password 1234. Kill what you like, its process id is in front of its
// lines: it is started again, and nobody loses a message.
//
// It needs Go, and the servers' programs (packages rabbitmq-server and postgresql
// on Debian, rabbitmq and postgresql on macOS with brew); they need not run as
// services. With -broker or -store it uses a server that runs already. What it
// started itself is gone with it, with all that was said. Passwords in addresses
// are best given in the environment, as GOCHAT_STORE and GOCHAT_BROKER.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/carlware/gochat/examples/internal/botsvc"
	"github.com/carlware/gochat/examples/internal/broker"
	"github.com/carlware/gochat/examples/internal/chatsvc"
	"github.com/carlware/gochat/examples/internal/program"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/proctest"
	"github.com/carlware/gochat/internal/rabbittest"
)

type config struct {
	addr, store, broker string
	bot                 botsvc.Config
	nodes, bots         int
	programs            string // the directory where they are; "": they are built
}

func main() {
	program.Main("cluster", func(fs *flag.FlagSet) program.Func {
		var c config
		fs.StringVar(&c.addr, "addr", "127.0.0.1:8080", "the gateway listens on `host:port`, a loopback address: the demo users have a known password")
		fs.StringVar(&c.store, "store", "", "PostgreSQL `database` at postgres://user@host:port/database; empty: one of its own")
		fs.StringVar(&c.broker, "broker", "", "`broker`, "+broker.SharedUsage+"; empty: one of its own")
		c.bot.AddFlags(fs)
		fs.IntVar(&c.nodes, "nodes", 2, "how many chatroom services")
		fs.IntVar(&c.bots, "bots", 2, "how many bots")
		return func(ctx context.Context, out io.Writer) error { return run(ctx, c, out) }
	})
}

func run(ctx context.Context, c config, out io.Writer) (err error) {
	if c.store != "" && !strings.Contains(c.store, "://") {
		return errors.New("several processes share the store: give a postgres:// address, or none")
	}
	if c.broker == broker.Memory {
		return errors.New("several processes share the broker: give an amqp:// address, or none")
	}
	// Somebody else's port is better found now than by the gateway.
	ln, err := program.Listen(ctx, c.addr)
	if err != nil {
		return err
	}
	if !program.Loopback(ln) {
		return errors.Join(ln.Close(), fmt.Errorf("%s can be reached from other machines, where everybody could log in as a demo user", c.addr))
	}
	c.addr = ln.Addr().String()
	if err := ln.Close(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gochat-cluster-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if c.programs == "" {
		fmt.Fprintln(out, "cluster: building the programs")
		if err := build(ctx, dir); err != nil {
			return err
		}
		c.programs = dir
	}
	if c.broker == "" {
		fmt.Fprintln(out, "cluster: starting RabbitMQ")
		n, err := rabbittest.Launch()
		if err != nil {
			return fmt.Errorf("no RabbitMQ of its own: %w; install rabbitmq-server, or name a server with -broker", err)
		}
		defer n.Close()
		c.broker = n.URL()
	}
	if c.store == "" {
		fmt.Fprintln(out, "cluster: starting PostgreSQL")
		db, err := pgtest.Launch()
		if err != nil {
			return fmt.Errorf("no PostgreSQL of its own: %w; install postgresql, or name a database with -store", err)
		}
		defer db.Close()
		c.store = db.URL()
	}
	fmt.Fprintf(out, "cluster: store %s\n", chatsvc.StoreName(c.store))
	all, err := c.processes(dir)
	if err != nil {
		return err
	}
	l := &lines{out: out}
	g := proctest.NewReaper(dir)
	defer g.Release()
	var running sync.WaitGroup
	for i := range all {
		running.Go(func() { all[i].keep(ctx, l, g) })
	}
	fmt.Fprintf(out, "cluster: open http://%s and log in as carlos, john or gerard, password 1234\n", c.addr)
	running.Wait()
	return nil
}

// build compiles the services into dir.
func build(ctx context.Context, dir string) error {
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, name := range []string{"auth", "chatroom", "stockbot", "gateway"} {
		args = append(args, "github.com/carlware/gochat/examples/"+name)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build, to be run within the module: %w\n%s", err, text)
	}
	return nil
}

// processes says what to run.
func (c config) processes(dir string) ([]process, error) {
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte(rand.Text()+rand.Text()), 0o600); err != nil {
		return nil, err
	}
	var all []process
	var free error
	add := func(name string, n int, env []string, args ...string) (url string) {
		port, err := proctest.FreePort()
		free = cmp.Or(free, err)
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if name == "gateway" {
			addr = c.addr
		}
		label := name
		if n > 0 {
			label += "-" + strconv.Itoa(n)
		}
		all = append(all, process{label, filepath.Join(c.programs, name), append(args, "-addr", addr), env, dir})
		return "http://" + addr
	}
	auth := add("auth", 0, nil, "-demo", "-auth-db", "auth.db", "-auth-key", "auth.key", "-secret-file", secret, "-trusted-proxies", "127.0.0.1/32")
	var rooms []string
	for i := range c.nodes {
		rooms = append(rooms, add("chatroom", i+1, []string{"GOCHAT_STORE=" + c.store, "GOCHAT_BROKER=" + c.broker}, "-auth", auth, "-secret-file", secret))
	}
	for i := range c.bots {
		add("stockbot", i+1, []string{"GOCHAT_BROKER=" + c.broker, "GOCHAT_QUOTES=" + c.bot.Quotes, "GOCHAT_FINNHUB_KEY=" + c.bot.FinnhubKey})
	}
	add("gateway", 0, nil, "-auth", auth, "-chatrooms", strings.Join(rooms, ","))
	return all, free
}

// process is a program that is kept running.
type process struct {
	label string
	path  string
	args  []string
	env   []string
	dir   string
}

// stopGrace is how long a program may take to end; they promise 10 s.
const stopGrace = 12 * time.Second

// keep runs a program until ctx ends, again and again, and waits for its end.
func (s process) keep(ctx context.Context, l *lines, g *proctest.Reaper) {
	for ctx.Err() == nil {
		cmd := exec.CommandContext(ctx, s.path, s.args...)
		cmd.Dir, cmd.Env = s.dir, append(proctest.CleanEnv(), s.env...)
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = stopGrace
		w := &prefix{lines: l, label: s.label}
		cmd.Stdout, cmd.Stderr = w, w
		if err := cmd.Start(); err == nil {
			w.start(cmd.Process.Pid)
			g.Begun(cmd.Process.Pid)
			_ = cmd.Wait() // how it ended is in ProcessState
			g.Ended(cmd.Process.Pid)
		} else {
			l.print(s.label + ": " + err.Error())
		}
		select {
		case <-time.After(time.Second): // a signal may be for all, and reach the program first
			l.print(fmt.Sprintf("%s: ended, and is started again: %v", s.label, cmd.ProcessState))
		case <-ctx.Done():
		}
	}
}
